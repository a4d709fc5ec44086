"""The best/worst rules (§4.4.1): what one person's answers about one item imply, and the pairs they give.

An item shows the clips of one prompt. In each dimension d the annotator picks the best clips B_d and the
worst clips W_d, or marks a tie, or says that d can't be judged. Picks are complete: every clip outside B_d
is below the top, every clip outside W_d is above the bottom. So the answers are facts about one weak order
of the clips per dimension, and everything here follows from those facts:

1. Each (b in B_d, w in W_d) is a candidate pair of d, of weight 1 / (|B_d| |W_d|).
2. The report's constraint: b must not be inferior to w in any other dimension d'. Picks and ties decide it,
   except where b and w are both in the middle of d', which needs four clips.
3. There the page asks "in d', is b at least as good as w?", a few questions an item, and the answers are
   facts too: yes is b >= w, no is b < w, "can't tell" is none.
4. A pair whose b is certainly inferior somewhere is broken. It is kept and marked, and left out of the
   preference pairs unless asked for. What stays unknown is no breach: the pair is kept, and marked as
   unchecked there.

Pure: no database, no clock. The order of `Judgement.clips` and `.dimensions` decides every order here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from annotation.labelling.answers_json import AnswersError
from annotation.labelling.bestworst_answers import (
    Answers,
    Comparison,
    DimensionAnswer,
    Mark,
    Picks,
    Question,
    Reply,
    from_json,
    to_json,
)
from annotation.labelling.weakorder import Order

__all__ = [
    "QUESTION_LIMIT",
    "Answers",
    "AnswersError",
    "CandidatePair",
    "Check",
    "Comparison",
    "Contradiction",
    "DimensionAnswer",
    "Judgement",
    "Mark",
    "Picks",
    "PreferencePair",
    "Problem",
    "ProblemCode",
    "Question",
    "Relation",
    "Reply",
    "Verdict",
    "candidate_pairs",
    "collapses",
    "contradictions",
    "from_json",
    "preference_pairs",
    "questions",
    "relation",
    "to_json",
    "validate",
]

QUESTION_LIMIT = 3
"""Questions an item asks at most, unless its campaign says otherwise."""


@dataclass(frozen=True)
class Judgement:
    """Answers, with the item they are about and the campaign's limit on questions.

    `clips` and `dimensions` are keys in the item's own order, not in the shuffled one of somebody's page.
    Drafts are welcome: picks that are incomplete, overlapping or foreign count as unanswered until they are
    put right; `validate` names them. Raises ValueError for fewer than two clips, and for repeated keys.
    """

    clips: tuple[str, ...]
    dimensions: tuple[str, ...]
    answers: Answers
    question_limit: int = QUESTION_LIMIT

    def __post_init__(self) -> None:
        if len(self.clips) < 2 or len(set(self.clips)) < len(self.clips):
            raise ValueError(f"expected two or more different clips, got {self.clips}")
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError(f"expected different dimensions, got {self.dimensions}")

    def answer(self, dimension: str) -> DimensionAnswer | None:
        """The answer to the dimension if there is one that can be used, else None."""
        answer = self.answers.picks.get(dimension)
        if isinstance(answer, Picks):
            whole = answer.best and answer.worst and not answer.best & answer.worst
            return answer if whole and answer.best | answer.worst <= set(self.clips) else None
        return answer

    @cached_property
    def orders(self) -> Mapping[str, Order]:
        """What is certain in each dimension; comparisons that contradict count for nothing until resolved."""
        return {d: (_order_of_picks if d in self.contradictory else _order)(self, d) for d in self.dimensions}

    @cached_property
    def contradictory(self) -> frozenset[str]:
        """The dimensions whose comparisons contradict each other or the picks."""
        return frozenset(d for d in self.dimensions if not _order(self, d).consistent)


class Relation(StrEnum):
    """What is certain of a clip x beside a clip y."""

    BETTER = "better"
    AT_LEAST = "at_least"
    EQUAL = "equal"
    AT_MOST = "at_most"
    WORSE = "worse"
    UNKNOWN = "unknown"


def relation(judgement: Judgement, dimension: str, x: str, y: str) -> Relation:
    """The strongest statement about x and y that is true in every weak order that fits the answers."""
    order = judgement.orders[dimension]
    if order.above(x, y):
        return Relation.BETTER
    if order.above(y, x):
        return Relation.WORSE
    if order.at_least(x, y):
        return Relation.EQUAL if order.at_least(y, x) else Relation.AT_LEAST
    return Relation.AT_MOST if order.at_least(y, x) else Relation.UNKNOWN


@dataclass(frozen=True)
class CandidatePair:
    """A best and a worst clip of a dimension; the weights of a dimension's candidate pairs sum to 1."""

    dimension: str
    best: str
    worst: str
    weight: float


def candidate_pairs(judgement: Judgement) -> list[CandidatePair]:
    """Every (b in B_d, w in W_d); none from a dimension that is a tie, not judgeable or unanswered."""
    return [
        CandidatePair(dimension, b, w, weight=1 / (len(picks.best) * len(picks.worst)))
        for dimension in judgement.dimensions
        if isinstance(picks := judgement.answer(dimension), Picks)
        for b in judgement.clips
        if b in picks.best
        for w in judgement.clips
        if w in picks.worst
    ]


class Check(StrEnum):
    """Is a pair's best clip inferior in another dimension? All but the first two say why it is unknown."""

    NOT_INFERIOR = "not_inferior"
    INFERIOR = "inferior"
    TO_ASK = "to_ask"  # one of the questions to ask now
    OVER_LIMIT = "over_limit"  # would be asked, but for the limit
    CANT_TELL = "cant_tell"  # was asked, and the answer leaves it open
    NOT_JUDGEABLE = "not_judgeable"
    UNANSWERED = "unanswered"
    CONTRADICTION = "contradiction"  # the comparisons in that dimension clash
    ALREADY_BROKEN = "already_broken"  # not worth a question: the pair is broken in yet another dimension


class Verdict(StrEnum):
    """What the constraint makes of a pair."""

    KEPT = "kept"
    KEPT_UNCHECKED = "kept_unchecked"
    BROKEN = "broken"


@dataclass(frozen=True)
class PreferencePair(CandidatePair):
    """A candidate pair, checked against the constraint in each other dimension."""

    checks: Mapping[str, Check]

    @property
    def broken_by(self) -> tuple[str, ...]:
        """The dimensions in which the best clip is certainly inferior to the worst."""
        return tuple(d for d, check in self.checks.items() if check is Check.INFERIOR)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The dimensions that leave it unknown; `checks` has the reasons."""
        decided = (Check.NOT_INFERIOR, Check.INFERIOR)
        return tuple(d for d, check in self.checks.items() if check not in decided)

    @property
    def verdict(self) -> Verdict:
        if self.broken_by:
            return Verdict.BROKEN
        return Verdict.KEPT_UNCHECKED if self.unchecked else Verdict.KEPT


def preference_pairs(judgement: Judgement, include_broken: bool = False) -> list[PreferencePair]:
    """The pairs to train on; with `include_broken` also those that break the constraint.

    A pair keeps its candidate's weight: the others don't grow to make up for one that is broken.
    """
    asked_now = questions(judgement)

    def final(pair: PreferencePair, dimension: str, check: Check) -> Check:
        if check is not Check.TO_ASK:
            return check
        if pair.broken_by:
            return Check.ALREADY_BROKEN
        return check if Question(dimension, pair.best, pair.worst) in asked_now else Check.OVER_LIMIT

    return [
        replace(pair, checks={d: final(pair, d, check) for d, check in pair.checks.items()})
        for pair in _checked_pairs(judgement)
        if include_broken or not pair.broken_by
    ]


def questions(judgement: Judgement) -> list[Question]:
    """What to ask now, the most decisive first; answered questions count towards the limit.

    Asked is what the constraint needs and nothing yet decides, once for each unordered pair and dimension.
    A question's decisiveness is the number of pairs that its two answers would settle in its dimension.
    Pairs already broken raise no question: no answer could mend them. (So nothing is lost by asking one way
    round only: pairs that are opposites break each other.) Call again after each answer, which may settle or
    raise others; a judgement is finished when the list is empty.
    """
    wanted = _wanted(judgement)

    def decisiveness(question: Question) -> int:
        order = judgement.orders[question.dimension]
        outcomes = [_with_comparisons(order, [Comparison(question, r)]) for r in (Reply.YES, Reply.NO)]
        return sum(
            n_pairs
            for other, n_pairs in wanted.items()
            if other.dimension == question.dimension
            for outcome in outcomes
            if outcome.at_least(other.b, other.w) or outcome.above(other.w, other.b)
        )

    ranked = sorted(wanted, key=decisiveness, reverse=True)  # stable: else in the item's order
    return ranked[: max(0, judgement.question_limit - len(judgement.answers.comparisons))]


def collapses(n_clips: int) -> bool:
    """Whether items of this size make the surviving labels of all dimensions agree.

    With two clips, dimensions that disagree break each other's pair, so what survives is one and the same
    pair in every dimension, and their reward models would collapse into one. Four clips are the default.
    """
    return n_clips == 2


class ProblemCode(StrEnum):
    UNKNOWN_DIMENSION = "unknown_dimension"
    MISSING_ANSWER = "missing_answer"
    FOREIGN_CLIP = "foreign_clip"
    EMPTY_BEST = "empty_best"
    EMPTY_WORST = "empty_worst"
    BEST_AND_WORST = "best_and_worst"
    TOO_MANY_COMPARISONS = "too_many_comparisons"
    NOT_ASKED = "not_asked"
    ASKED_TWICE = "asked_twice"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True)
class Problem:
    """One thing to put right: `code` is for programs and translations, `message` is plain English."""

    code: ProblemCode
    message: str
    dimension: str | None = None
    clips: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()


def validate(judgement: Judgement, required: Iterable[str] | None = None) -> list[Problem]:
    """What keeps the answers from being accepted; empty when they are fine.

    `required` names the dimensions that need an answer ("can't judge" is one); None means all of them. That a
    question is still open is no problem here: see `questions`.
    """
    wanted = judgement.dimensions if required is None else tuple(required)
    return [*_dimension_problems(judgement, wanted), *_comparison_problems(judgement)]


@dataclass(frozen=True)
class Contradiction:
    """Comparisons in one dimension that can't all be true, alone or (`with_picks`) beside its picks or tie.

    It is as small as can be: without any one of them, the others could be true.
    """

    dimension: str
    comparisons: tuple[Comparison, ...]
    with_picks: bool


def contradictions(judgement: Judgement) -> list[Contradiction]:
    """The clashes to point out. With the last comparison of each taken back, none is left."""
    return [clash for dimension in judgement.dimensions for clash in _clashes(judgement, dimension)]


# The order of the clips in one dimension


def _order(judgement: Judgement, dimension: str) -> Order:
    return _with_comparisons(_order_of_picks(judgement, dimension), _comparisons(judgement, dimension))


def _order_of_picks(judgement: Judgement, dimension: str) -> Order:
    clips, answer = judgement.clips, judgement.answer(dimension)
    if answer is Mark.TIE:
        return Order(weak=frozenset((x, y) for x in clips for y in clips), strict=frozenset())
    order = Order.unknown(clips)
    if not isinstance(answer, Picks):
        return order
    level = {x: (x in answer.best) - (x in answer.worst) for x in clips}  # 1 top, 0 middle, -1 bottom
    above = frozenset((x, y) for x in clips for y in clips if level[x] > level[y])
    equal = frozenset((x, y) for x in clips for y in clips if level[x] == level[y] != 0)
    return Order(weak=order.weak | above | equal, strict=above)


def _comparisons(judgement: Judgement, dimension: str) -> list[Comparison]:
    return [
        comparison
        for comparison in dict.fromkeys(judgement.answers.comparisons)
        if comparison.question.dimension == dimension
        and comparison.question.b in judgement.clips
        and comparison.question.w in judgement.clips
    ]


def _with_comparisons(order: Order, comparisons: Iterable[Comparison]) -> Order:
    for comparison in comparisons:
        b, w = comparison.question.b, comparison.question.w
        if comparison.answer is Reply.YES:
            order = order.with_fact(b, w, strict=False)
        elif comparison.answer is Reply.NO:
            order = order.with_fact(w, b, strict=True)
    return order


# The constraint


def _wanted(judgement: Judgement) -> Counter[Question]:
    """All the constraint needs to know, whatever the limit; each with how many unbroken pairs it is for."""
    return Counter(
        Question(dimension, pair.best, pair.worst)
        for pair in _checked_pairs(judgement)
        if not pair.broken_by
        for dimension, check in pair.checks.items()
        if check is Check.TO_ASK
    )


def _checked_pairs(judgement: Judgement) -> list[PreferencePair]:
    """All candidate pairs; what could be asked is TO_ASK, whatever the limit and the pair's other checks."""
    return [
        PreferencePair(
            pair.dimension,
            pair.best,
            pair.worst,
            pair.weight,
            checks={d: _check(judgement, pair, d) for d in judgement.dimensions if d != pair.dimension},
        )
        for pair in candidate_pairs(judgement)
    ]


def _check(judgement: Judgement, pair: CandidatePair, dimension: str) -> Check:
    answer = judgement.answer(dimension)
    if answer is None:
        return Check.UNANSWERED
    if answer is Mark.CANT_JUDGE:
        return Check.NOT_JUDGEABLE
    order = judgement.orders[dimension]
    if order.at_least(pair.best, pair.worst):
        return Check.NOT_INFERIOR
    if order.above(pair.worst, pair.best):
        return Check.INFERIOR
    if dimension in judgement.contradictory:
        return Check.CONTRADICTION
    subject = Question(dimension, pair.best, pair.worst).subject
    asked = any(comparison.question.subject == subject for comparison in judgement.answers.comparisons)
    return Check.CANT_TELL if asked else Check.TO_ASK


# Problems


def _dimension_problems(judgement: Judgement, required: tuple[str, ...]) -> Iterator[Problem]:
    for dimension in required:
        if dimension not in judgement.answers.picks:
            message = f"{dimension}: no answer. Pick the best and the worst, or mark a tie or not judgeable."
            yield Problem(ProblemCode.MISSING_ANSWER, message, dimension)
    for dimension, answer in judgement.answers.picks.items():
        if dimension not in judgement.dimensions:
            message = f"{dimension}: not a dimension of this item, which has {_names(judgement.dimensions)}."
            yield Problem(ProblemCode.UNKNOWN_DIMENSION, message, dimension)
        elif isinstance(answer, Picks):
            yield from _pick_problems(judgement, dimension, answer)


def _pick_problems(judgement: Judgement, dimension: str, picks: Picks) -> Iterator[Problem]:
    foreign = tuple(sorted((picks.best | picks.worst) - set(judgement.clips)))
    if foreign:
        message = f"{dimension}: not clips of this item: {_names(foreign)}."
        yield Problem(ProblemCode.FOREIGN_CLIP, message, dimension, foreign)
    for side, clips, code in (
        ("best", picks.best, ProblemCode.EMPTY_BEST),
        ("worst", picks.worst, ProblemCode.EMPTY_WORST),
    ):
        if not clips:
            message = f"{dimension}: no {side} clip. Pick at least one; if all are equally good, mark a tie."
            yield Problem(code, message, dimension)
    both = tuple(sorted(picks.best & picks.worst))
    if both:
        message = f"{dimension}: both best and worst: {_names(both)}. If all are equally good, mark a tie."
        yield Problem(ProblemCode.BEST_AND_WORST, message, dimension, both)


def _comparison_problems(judgement: Judgement) -> Iterator[Problem]:
    comparisons, limit = judgement.answers.comparisons, judgement.question_limit
    if len(comparisons) > limit:
        message = f"{len(comparisons)} comparisons are answered, but this item asks {limit} at most."
        yield Problem(ProblemCode.TOO_MANY_COMPARISONS, message, comparisons=comparisons)
        return
    askable = _wanted(replace(judgement, answers=replace(judgement.answers, comparisons=())))
    for n, comparison in enumerate(comparisons):
        question = comparison.question
        said = f"{question.dimension}: {_sentence(comparison)}"
        where = (question.dimension, (question.b, question.w), (comparison,))
        if question not in askable:
            message = f"{said}. With these picks that is not asked; leave it out."
            yield Problem(ProblemCode.NOT_ASKED, message, *where)
        if any(question.subject == earlier.question.subject for earlier in comparisons[:n]):
            message = f"{said}. These two clips are already compared there; answer once."
            yield Problem(ProblemCode.ASKED_TWICE, message, *where)
    for clash in contradictions(judgement):
        said = "; ".join(_sentence(comparison) for comparison in clash.comparisons)
        beside = " beside the picks" if clash.with_picks else ""
        message = f"{clash.dimension}: these can't all be true{beside}: {said}. Change one."
        yield Problem(ProblemCode.CONTRADICTION, message, clash.dimension, comparisons=clash.comparisons)


def _clashes(judgement: Judgement, dimension: str) -> Iterator[Contradiction]:
    picks = _order_of_picks(judgement, dimension)
    sound: list[Comparison] = []
    for comparison in _comparisons(judgement, dimension):
        if _with_comparisons(picks, [*sound, comparison]).consistent:
            sound.append(comparison)
            continue
        core = [*sound, comparison]
        for earlier in sound:
            fewer = [kept for kept in core if kept != earlier]
            if not _with_comparisons(picks, fewer).consistent:
                core = fewer
        alone = _with_comparisons(Order.unknown(judgement.clips), core)
        yield Contradiction(dimension, tuple(core), with_picks=alone.consistent)


def _sentence(comparison: Comparison) -> str:
    b, w = comparison.question.b, comparison.question.w
    match comparison.answer:
        case Reply.YES:
            return f"{b} is at least as good as {w}"
        case Reply.NO:
            return f"{b} is worse than {w}"
        case Reply.CANT_TELL:
            return f"can't tell {b} from {w}"


def _names(keys: Iterable[str]) -> str:
    return ", ".join(keys)
