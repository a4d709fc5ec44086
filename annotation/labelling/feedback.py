"""What the best/worst rules say of answers, in words of the page: clips by the numbers this person sees."""

from collections.abc import Sequence
from typing import Any, TypedDict

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.labelling import bestworst
from annotation.labelling.bestworst import Comparison, Problem, ProblemCode
from annotation.results.pairs import ItemRules


class BrokenPair(TypedDict):
    """A pair that breaks the constraint: `best` wins `dimension` and is inferior in each of `broken_by`."""

    dimension: str
    best: str
    worst: str
    broken_by: list[str]
    message: str


class Asked(TypedDict):
    dimension: str
    b: str
    w: str
    message: str


class Feedback(TypedDict):
    """`comparisons` are the replies that still count: those that the picks no longer raise are left out."""

    problems: list[dict[str, Any]]
    broken: list[BrokenPair]
    questions: list[Asked]
    comparisons: list[dict[str, Any]]
    unanswered: list[str]
    doubts: list[dict[str, Any]]
    """Of expert scoring: what contradicts itself and is taken all the same."""


def feedback(rules: ItemRules, answers: bestworst.Answers, clip_order: Sequence[str]) -> Feedback:
    """Problems, broken pairs and questions; `clip_order` gives the clips their numbers."""
    judgement = rules.judgement(answers)
    problems = bestworst.validate(judgement, rules.required)
    stale = {c for p in problems if p.code is ProblemCode.NOT_ASKED for c in p.comparisons}
    if stale:
        kept = tuple(c for c in answers.comparisons if c not in stale)
        return feedback(rules, bestworst.Answers(answers.picks, kept), clip_order)
    words = _Words(rules, clip_order)
    missing = {problem.dimension for problem in problems if problem.code is ProblemCode.MISSING_ANSWER}
    clashing = {problem.dimension for problem in problems if problem.code is ProblemCode.CONTRADICTION}
    return {
        "problems": [problem_json(problem, rules, clip_order) for problem in problems],
        "broken": [
            {
                "dimension": pair.dimension,
                "best": pair.best,
                "worst": pair.worst,
                "broken_by": list(pair.broken_by),
                "message": words.broken(pair),
            }
            for pair in bestworst.preference_pairs(judgement, include_broken=True)
            if pair.broken_by
        ],
        "questions": [
            {"dimension": q.dimension, "b": q.b, "w": q.w, "message": words.question(q)}
            for q in bestworst.questions(judgement)
            if q.dimension not in clashing
        ],
        "comparisons": [_comparison(comparison) for comparison in answers.comparisons],
        "unanswered": [d.key for d in rules.dimensions if d.key in missing],
        "doubts": [],
    }


def problem_json(problem: Problem, rules: ItemRules, clip_order: Sequence[str]) -> dict[str, Any]:
    """A problem with its code, where it is, and a sentence in the reader's language."""
    return {
        "code": problem.code.value,
        "where": f"picks.{problem.dimension}" if problem.dimension else "answers",
        "message": _Words(rules, clip_order).problem(problem),
        "dimension": problem.dimension,
        "clips": list(problem.clips),
        "comparisons": [_comparison(comparison) for comparison in problem.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    question = comparison.question
    return {
        "dimension": question.dimension,
        "b": question.b,
        "w": question.w,
        "answer": comparison.answer.value,
    }


class _Words:
    """Sentences with this person's clip numbers and language."""

    def __init__(self, rules: ItemRules, clip_order: Sequence[str]) -> None:
        language = get_language() or "en"
        self.names = {d.key: d.name(language) for d in rules.dimensions}
        self.numbers = {clip: str(number) for number, clip in enumerate(clip_order, start=1)}

    def clips(self, clips: Sequence[str]) -> str:
        return ", ".join(sorted(self.numbers.get(clip, "?") for clip in clips))

    def question(self, question: bestworst.Question) -> str:
        return _("%(dimension)s: is clip %(b)s at least as good as clip %(w)s?") % {
            "dimension": self.names[question.dimension],
            "b": self.numbers[question.b],
            "w": self.numbers[question.w],
        }

    def broken(self, pair: bestworst.PreferencePair) -> str:
        return _("%(dimension)s: clip %(best)s beats clip %(worst)s, but it is worse in %(others)s.") % {
            "dimension": self.names[pair.dimension],
            "best": self.numbers[pair.best],
            "worst": self.numbers[pair.worst],
            "others": ", ".join(self.names[key] for key in pair.broken_by),
        }

    def problem(self, problem: Problem) -> str:
        values = {
            "dimension": self.names.get(problem.dimension or "", problem.dimension or ""),
            "clips": self.clips(problem.clips),
            "said": "; ".join(self.said(comparison) for comparison in problem.comparisons),
        }
        return _problem_sentence(problem.code) % values

    def said(self, comparison: Comparison) -> str:
        question = comparison.question
        values = {"b": self.numbers.get(question.b, "?"), "w": self.numbers.get(question.w, "?")}
        match comparison.answer:
            case bestworst.Reply.YES:
                return _("clip %(b)s is at least as good as clip %(w)s") % values
            case bestworst.Reply.NO:
                return _("clip %(b)s is worse than clip %(w)s") % values
            case bestworst.Reply.CANT_TELL:
                return _("clips %(b)s and %(w)s can't be told apart") % values


def _problem_sentence(code: ProblemCode) -> str:
    match code:
        case ProblemCode.UNKNOWN_DIMENSION:
            return _("%(dimension)s is not a dimension of this campaign.")
        case ProblemCode.MISSING_ANSWER:
            return _("%(dimension)s: pick the best and the worst clip, or mark a tie or “can't judge”.")
        case ProblemCode.FOREIGN_CLIP:
            return _("%(dimension)s: a clip that is not part of this item was picked.")
        case ProblemCode.EMPTY_BEST:
            return _("%(dimension)s: pick the best clip.")
        case ProblemCode.EMPTY_WORST:
            return _("%(dimension)s: pick the worst clip.")
        case ProblemCode.BEST_AND_WORST:
            return _("%(dimension)s: clip %(clips)s can't be both best and worst.")
        case ProblemCode.TOO_MANY_COMPARISONS:
            return _("More questions were answered than this campaign asks.")
        case ProblemCode.NOT_ASKED:
            return _("%(dimension)s: a question was answered that these picks don't raise.")
        case ProblemCode.ASKED_TWICE:
            return _("%(dimension)s: the same two clips were compared twice.")
        case ProblemCode.CONTRADICTION:
            return _("%(dimension)s: these answers can't all be true: %(said)s.")
