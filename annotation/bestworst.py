"""The best/worst rules (§4.4.1): what one person's answers about one item say, and the pairs they give.

An item shows the clips of one prompt. In each dimension d the annotator picks the best clips B_d and the
worst clips W_d, or marks a tie, or says that d can't be judged. Picks are complete: every clip outside B_d
is below the top, every clip outside W_d is above the bottom. So each answer is a set of facts about a weak
order of the clips, and everything here follows from those facts:

1. each (b in B_d, w in W_d) is a candidate pair of d, of weight 1 / (|B_d| |W_d|);
2. the report's constraint asks that b is not inferior to w in any other dimension d'. Picks and ties decide
   that, except where b and w are both in the middle of d' (which needs four clips);
3. there the page asks "in d', is b at least as good as w?". `questions` says which, a few an item, and the
   answers are facts too: yes is b >= w, no is b < w, "can't tell" is none;
4. a pair that is inferior for certain somewhere is broken. It is kept and marked, and leaves
   `preference_pairs` only when nobody asks for it. What stays unknown is no breach: the pair is kept, and
   marked as unchecked there.

Certain means: true in every weak order that fits the answers. For facts of the forms >= and > that is the
transitive closure, no more and no less, so nothing here guesses and nothing that follows is missed.

Left out on purpose: the number of clips an item may show, who judged it, and when. This module is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from functools import cached_property
from typing import TypeAlias

Clip: TypeAlias = str | int
"""A clip's key within its item; the rules only compare keys for equality."""

QUESTION_LIMIT = 3
"""Questions an item asks at most, unless its campaign says otherwise."""


# What a person can say ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Picks:
    """The best and the worst clips of one dimension; several where they are jointly best or worst."""

    best: frozenset[Clip]
    worst: frozenset[Clip]


class Mark(Enum):
    """An answer to a dimension that picks no clip."""

    TIE = "tie"
    CANT_JUDGE = "cant_judge"


DimensionAnswer: TypeAlias = Picks | Mark


class Reply(StrEnum):
    """An answer to "in this dimension, is b at least as good as w?"."""

    YES = "yes"
    NO = "no"
    CANT_TELL = "cant_tell"


@dataclass(frozen=True)
class Question:
    """In `dimension`, is clip `b` at least as good as clip `w`?"""

    dimension: str
    b: Clip
    w: Clip

    @property
    def subject(self) -> tuple[str, frozenset[Clip]]:
        """What is asked only once: the dimension and the unordered pair."""
        return self.dimension, frozenset((self.b, self.w))


@dataclass(frozen=True)
class Comparison(Question):
    """A question with its answer."""

    answer: Reply


@dataclass(frozen=True)
class Answers:
    """All that a person said about one item; a dimension that is absent from `picks` is unanswered."""

    picks: Mapping[str, DimensionAnswer] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """Answers, with the item and the rules they were given under.

    `clips` and `dimensions` are in a fixed order that decides the order of everything derived, so pass the
    item's own, not the shuffled order of one person's page. `limit` counts answered questions too.
    A draft is welcome: picks that are incomplete, overlapping or foreign count as unanswered, and
    `validate` names them. Raises ValueError for fewer than two clips, and for repeated clips or dimensions.
    """

    clips: tuple[Clip, ...]
    dimensions: tuple[str, ...]
    answers: Answers
    limit: int = QUESTION_LIMIT

    def __post_init__(self) -> None:
        if len(self.clips) < 2 or len(set(self.clips)) < len(self.clips):
            raise ValueError(f"expected two or more different clips, got {list(self.clips)}")
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError(f"expected different dimensions, got {list(self.dimensions)}")

    def answer(self, dimension: str) -> DimensionAnswer | None:
        """The dimension's answer where it is whole, else None."""
        answer = self.answers.picks.get(dimension)
        if isinstance(answer, Picks):
            whole = answer.best and answer.worst and not answer.best & answer.worst
            return answer if whole and answer.best | answer.worst <= set(self.clips) else None
        return answer

    @cached_property
    def contradictory(self) -> frozenset[str]:
        """The dimensions whose comparisons contradict each other or the picks."""
        return frozenset(d for d in self.dimensions if not _order(self, d).consistent)

    @cached_property
    def orders(self) -> Mapping[str, Order]:
        """What is certain in each dimension; comparisons that contradict count for nothing until resolved."""
        return {d: (_order_of_picks if d in self.contradictory else _order)(self, d) for d in self.dimensions}


# What the answers imply -----------------------------------------------------------------------------------


class Relation(StrEnum):
    """What is certain of clip x beside clip y."""

    BETTER = "better"
    AT_LEAST = "at_least"
    EQUAL = "equal"
    AT_MOST = "at_most"
    WORSE = "worse"
    UNKNOWN = "unknown"


def relation(judgement: Judgement, dimension: str, x: Clip, y: Clip) -> Relation:
    """The strongest statement about x and y in the dimension that the answers make certain."""
    order = judgement.orders[dimension]
    if order.above(x, y):
        return Relation.BETTER
    if order.above(y, x):
        return Relation.WORSE
    match order.at_least(x, y), order.at_least(y, x):
        case True, True:
            return Relation.EQUAL
        case True, False:
            return Relation.AT_LEAST
        case False, True:
            return Relation.AT_MOST
    return Relation.UNKNOWN


@dataclass(frozen=True)
class CandidatePair:
    """A best and a worst clip of a dimension; the weights of a dimension's pairs sum to 1."""

    dimension: str
    best: Clip
    worst: Clip
    weight: float


def candidate_pairs(judgement: Judgement) -> list[CandidatePair]:
    """Every (b in B_d, w in W_d); none from a dimension that is a tie, not judgeable or unanswered."""
    return [
        CandidatePair(dimension, b, w, 1 / (len(picks.best) * len(picks.worst)))
        for dimension in judgement.dimensions
        if isinstance(picks := judgement.answer(dimension), Picks)
        for b in judgement.clips
        if b in picks.best
        for w in judgement.clips
        if w in picks.worst
    ]


class Check(StrEnum):
    """What the constraint finds for a pair in another dimension: is its best clip inferior there?"""

    NOT_INFERIOR = "not_inferior"
    INFERIOR = "inferior"
    TO_ASK = "to_ask"  # unknown, and among the questions to ask now
    NOT_JUDGEABLE = "not_judgeable"  # unknown, as are all below
    UNANSWERED = "unanswered"
    CANT_TELL = "cant_tell"  # asked, and the answer leaves it open
    CONTRADICTION = "contradiction"  # the comparisons in this dimension clash
    OVER_LIMIT = "over_limit"
    ALREADY_BROKEN = "already_broken"  # not asked: the pair is broken in yet another dimension


class Verdict(StrEnum):
    """What the constraint makes of a pair; BROKEN pairs are no preference pairs unless asked for."""

    KEPT = "kept"
    KEPT_UNCHECKED = "kept_unchecked"
    BROKEN = "broken"


@dataclass(frozen=True)
class PreferencePair(CandidatePair):
    """A candidate pair and its check in each other dimension."""

    checks: Mapping[str, Check]

    @property
    def broken_by(self) -> tuple[str, ...]:
        """The dimensions in which the best clip is certainly inferior to the worst."""
        return tuple(d for d, check in self.checks.items() if check is Check.INFERIOR)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The dimensions that leave it unknown; `checks` has the reasons."""
        return tuple(d for d, c in self.checks.items() if c not in (Check.INFERIOR, Check.NOT_INFERIOR))

    @property
    def verdict(self) -> Verdict:
        if self.broken_by:
            return Verdict.BROKEN
        return Verdict.KEPT_UNCHECKED if self.unchecked else Verdict.KEPT


def preference_pairs(judgement: Judgement, include_broken: bool = False) -> list[PreferencePair]:
    """The pairs to train on, with verdicts; `include_broken` adds those that break the constraint.

    Weights are those of the candidate pairs: they don't grow to make up for a pair that is broken.
    """
    asked_now = {question.subject for question in questions(judgement)}

    def final(pair: PreferencePair, dimension: str, check: Check) -> Check:
        if check is not Check.TO_ASK:
            return check
        if pair.broken_by:
            return Check.ALREADY_BROKEN
        question = Question(dimension, pair.best, pair.worst)
        return Check.TO_ASK if question.subject in asked_now else Check.OVER_LIMIT

    return [
        replace(pair, checks={d: final(pair, d, check) for d, check in pair.checks.items()})
        for pair in _checked_pairs(judgement)
        if include_broken or not pair.broken_by
    ]


def questions(judgement: Judgement) -> list[Question]:
    """What to ask now: what the constraint needs and the answers leave unknown, the most decisive first.

    A question counts as often as its two possible answers settle the check of some unbroken pair. Pairs that
    are already broken raise none: no answer could mend them, and they would use up the limit. (Two unbroken
    pairs are never opposites, so asking each unordered pair once loses nothing.) Answers change what is
    worth asking: call again after each. A judgement is finished when the list is empty.
    """
    wanted = _wanted(judgement)

    def decisiveness(question: Question) -> int:
        order = judgement.orders[question.dimension]
        if_yes = order.with_fact(question.b, question.w)
        if_no = order.with_fact(question.w, question.b, strict=True)
        return sum(
            n_pairs
            for other, n_pairs in wanted.items()
            if other.dimension == question.dimension
            for outcome in (if_yes, if_no)
            if outcome.at_least(other.b, other.w) or outcome.above(other.w, other.b)
        )

    ranked = sorted(wanted, key=decisiveness, reverse=True)  # stable: else in the item's order
    return ranked[: max(0, judgement.limit - len(judgement.answers.comparisons))]


def collapses(n_clips: int) -> bool:
    """Whether items of this size make the dimensions' surviving labels all agree.

    With two clips, dimensions that disagree break each other's pair, so whatever survives is one and the
    same order in every dimension, and their reward models would learn one thing. Four clips are the default.
    """
    return n_clips == 2


# What is wrong with the answers ---------------------------------------------------------------------------


class ProblemCode(StrEnum):
    UNKNOWN_DIMENSION = "unknown_dimension"
    MISSING_ANSWER = "missing_answer"
    FOREIGN_CLIP = "foreign_clip"
    EMPTY_BEST = "empty_best"
    EMPTY_WORST = "empty_worst"
    BEST_AND_WORST = "best_and_worst"
    NOT_ASKED = "not_asked"
    ASKED_TWICE = "asked_twice"
    TOO_MANY_COMPARISONS = "too_many_comparisons"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True)
class Problem:
    """One thing to put right; `code` is for programs and translations, `message` is plain English."""

    code: ProblemCode
    message: str
    dimension: str | None = None
    clips: tuple[Clip, ...] = ()
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Contradiction:
    """Comparisons of one dimension that can't all be true, alone or (`with_picks`) beside its picks or tie.

    Without any one of them the rest could be true.
    """

    dimension: str
    comparisons: tuple[Comparison, ...]
    with_picks: bool


def validate(judgement: Judgement, required: Iterable[str] | None = None) -> list[Problem]:
    """Everything that keeps the answers from being accepted; empty when they are fine.

    `required` names the dimensions that need an answer (not judgeable is one); None means all of them.
    Questions that are still open are no problem: see `questions`.
    """
    return [
        *_dimension_problems(judgement, set(judgement.dimensions if required is None else required)),
        *_comparison_problems(judgement),
    ]


def contradictions(judgement: Judgement) -> list[Contradiction]:
    """The clashes among a dimension's comparisons, and of comparisons with its picks or tie.

    Each names a smallest set of answers that clash. Without the last comparison of each, what remains of
    the judgement is free of contradictions.
    """
    return [clash for dimension in judgement.dimensions for clash in _clashes(judgement, dimension)]


# From and to JSON -----------------------------------------------------------------------------------------


class AnswersError(ValueError):
    """The JSON is not of the form that `from_json` describes; the message says where and what."""


def from_json(data: object) -> Answers:
    """Answers from decoded JSON, as the browser sends and the database stores them:

        {"picks": {DIMENSION: {"best": [CLIP, ...], "worst": [CLIP, ...]}
                            | {"tie": true} | {"cant_judge": true}, ...},
         "comparisons": [{"dimension": DIMENSION, "b": CLIP, "w": CLIP,
                          "answer": "yes" | "no" | "cant_tell"}, ...]}

    Raises AnswersError for anything else; nothing is dropped or mended. Whether dimensions and clips are
    those of the item is for `validate`.
    """
    top = _object(data, "answers", {"picks", "comparisons"})
    picks = _object(top["picks"], "picks")
    return Answers(
        picks={dimension: _parse_answer(answer, f"picks.{dimension}") for dimension, answer in picks.items()},
        comparisons=tuple(
            _parse_comparison(comparison, f"comparisons[{n}]")
            for n, comparison in enumerate(_list(top["comparisons"], "comparisons"))
        ),
    )


def to_json(answers: Answers) -> dict[str, object]:
    """The JSON form of the answers, equal for equal answers; `from_json` reads it back."""
    return {
        "picks": {
            dimension: {"best": sorted(answer.best, key=str), "worst": sorted(answer.worst, key=str)}
            if isinstance(answer, Picks)
            else {answer.value: True}
            for dimension, answer in answers.picks.items()
        },
        "comparisons": [
            {"dimension": c.dimension, "b": c.b, "w": c.w, "answer": c.answer.value}
            for c in answers.comparisons
        ],
    }


def _parse_answer(data: object, at: str) -> DimensionAnswer:
    answer = _object(data, at)
    for mark in Mark:
        if set(answer) == {mark.value}:
            if answer[mark.value] is not True:
                raise AnswersError(f"{at}.{mark.value}: expected true, got {_shown(answer[mark.value])}")
            return mark
    if set(answer) != {"best", "worst"}:
        forms = '{"best": [...], "worst": [...]}, {"tie": true} or {"cant_judge": true}'
        raise AnswersError(f"{at}: expected {forms}, got the keys {_shown(sorted(answer))}")
    return Picks(_parse_clips(answer["best"], f"{at}.best"), _parse_clips(answer["worst"], f"{at}.worst"))


def _parse_clips(data: object, at: str) -> frozenset[Clip]:
    clips = [_parse_clip(clip, f"{at}[{n}]") for n, clip in enumerate(_list(data, at))]
    if len(set(clips)) < len(clips):
        raise AnswersError(f"{at}: expected each clip once, got {_shown(clips)}")
    return frozenset(clips)


def _parse_clip(data: object, at: str) -> Clip:
    if isinstance(data, bool) or not isinstance(data, str | int):
        raise AnswersError(f"{at}: expected a clip's key (a string or a whole number), got {_shown(data)}")
    return data


def _parse_comparison(data: object, at: str) -> Comparison:
    comparison = _object(data, at, {"dimension", "b", "w", "answer"})
    dimension, reply = comparison["dimension"], comparison["answer"]
    if not isinstance(dimension, str):
        raise AnswersError(f"{at}.dimension: expected a string, got {_shown(dimension)}")
    if not isinstance(reply, str) or reply not in list(Reply):
        raise AnswersError(f"{at}.answer: expected {', '.join(Reply)}, got {_shown(reply)}")
    b, w = _parse_clip(comparison["b"], f"{at}.b"), _parse_clip(comparison["w"], f"{at}.w")
    return Comparison(dimension, b, w, Reply(reply))


def _object(data: object, at: str, keys: set[str] | None = None) -> dict[str, object]:
    if not isinstance(data, dict):
        raise AnswersError(f"{at}: expected an object, got {_shown(data)}")
    if keys is not None and set(data) != keys:
        raise AnswersError(f"{at}: expected the keys {_shown(sorted(keys))}, got {_shown(sorted(data))}")
    return data


def _list(data: object, at: str) -> list[object]:
    if not isinstance(data, list):
        raise AnswersError(f"{at}: expected a list, got {_shown(data)}")
    return data


def _shown(data: object) -> str:
    return f"{data!r:.120}"


# The order of the clips in one dimension ------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """What is certain of a weak order: its facts x >= y and x > y, each closed under transitivity."""

    weak: frozenset[tuple[Clip, Clip]]
    strict: frozenset[tuple[Clip, Clip]] = frozenset()

    def at_least(self, x: Clip, y: Clip) -> bool:
        return (x, y) in self.weak

    def above(self, x: Clip, y: Clip) -> bool:
        return (x, y) in self.strict

    @property
    def consistent(self) -> bool:
        """Whether any weak order fits: no clip is above itself."""
        return all(x != y for x, y in self.strict)

    def with_fact(self, x: Clip, y: Clip, strict: bool = False) -> Order:
        """This and x >= y (x > y if strict): what is above x is now above all that is below y."""
        reached = {(a, b) for a, to in self.weak if to == x for start, b in self.weak if start == y}
        above = {(a, b) for a, b in reached if strict or self.above(a, x) or self.above(y, b)}
        return Order(self.weak | reached, self.strict | above)


def _order_of_picks(judgement: Judgement, dimension: str) -> Order:
    clips = judgement.clips
    match judgement.answer(dimension):
        case Mark.TIE:
            return Order(frozenset((x, y) for x in clips for y in clips))
        case Picks(best, worst):
            level = {x: (x in best) - (x in worst) for x in clips}
            strict = frozenset((x, y) for x in clips for y in clips if level[x] > level[y])
            equal = frozenset((x, y) for x in clips for y in clips if level[x] == level[y] != 0)
            return Order(strict | equal | {(x, x) for x in clips}, strict)
    return Order(frozenset((x, x) for x in clips))


def _order(judgement: Judgement, dimension: str) -> Order:
    return _with_comparisons(_order_of_picks(judgement, dimension), _comparisons(judgement, dimension))


def _with_comparisons(order: Order, comparisons: Iterable[Comparison]) -> Order:
    for comparison in comparisons:
        match comparison.answer:
            case Reply.YES:
                order = order.with_fact(comparison.b, comparison.w)
            case Reply.NO:
                order = order.with_fact(comparison.w, comparison.b, strict=True)
    return order


def _comparisons(judgement: Judgement, dimension: str) -> list[Comparison]:
    return [
        comparison
        for comparison in dict.fromkeys(judgement.answers.comparisons)
        if comparison.dimension == dimension and {comparison.b, comparison.w} <= set(judgement.clips)
    ]


# The constraint -------------------------------------------------------------------------------------------


def _checked_pairs(judgement: Judgement) -> list[PreferencePair]:
    """All candidate pairs; a check is TO_ASK wherever an answer is still missing, limit or no limit."""
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


def _wanted(judgement: Judgement) -> Counter[Question]:
    """The questions whose answer some unbroken pairs lack, limit or no limit, with the number of those pairs."""
    return Counter(
        Question(dimension, pair.best, pair.worst)
        for pair in _checked_pairs(judgement)
        if not pair.broken_by
        for dimension, check in pair.checks.items()
        if check is Check.TO_ASK
    )


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
    asked = any(comparison.subject == subject for comparison in judgement.answers.comparisons)
    return Check.CANT_TELL if asked else Check.TO_ASK


# Problems -------------------------------------------------------------------------------------------------


def _dimension_problems(judgement: Judgement, required: set[str]) -> Iterator[Problem]:
    for dimension, answer in judgement.answers.picks.items():
        if dimension not in judgement.dimensions:
            expected = ", ".join(judgement.dimensions)
            message = f"There is no dimension {dimension!r} in this item; it has: {expected}."
            yield Problem(ProblemCode.UNKNOWN_DIMENSION, message, dimension)
        elif isinstance(answer, Picks):
            yield from _pick_problems(judgement, dimension, answer)
    for dimension in judgement.dimensions:
        if dimension in required and dimension not in judgement.answers.picks:
            message = f"{dimension} has no answer: pick the best and worst clips, or mark it as a tie or not judgeable."
            yield Problem(ProblemCode.MISSING_ANSWER, message, dimension)


def _pick_problems(judgement: Judgement, dimension: str, picks: Picks) -> Iterator[Problem]:
    foreign = _listed((picks.best | picks.worst) - set(judgement.clips))
    if foreign:
        message = f"{dimension} names clips that are not in this item: {_names(foreign)}."
        yield Problem(ProblemCode.FOREIGN_CLIP, message, dimension, foreign)
    if not picks.best:
        message = f"{dimension} has no best clip: pick one, or mark a tie if all are equally good."
        yield Problem(ProblemCode.EMPTY_BEST, message, dimension)
    if not picks.worst:
        message = f"{dimension} has no worst clip: pick one, or mark a tie if all are equally good."
        yield Problem(ProblemCode.EMPTY_WORST, message, dimension)
    both = _listed(picks.best & picks.worst)
    if both:
        message = f"{dimension} has clips as both best and worst: {_names(both)}. Choose one, or mark a tie."
        yield Problem(ProblemCode.BEST_AND_WORST, message, dimension, both)


def _comparison_problems(judgement: Judgement) -> Iterator[Problem]:
    comparisons = judgement.answers.comparisons
    if len(comparisons) > judgement.limit:
        message = f"{len(comparisons)} comparisons are answered; this item asks at most {judgement.limit}."
        yield Problem(ProblemCode.TOO_MANY_COMPARISONS, message, comparisons=comparisons)
        return
    picks_only = replace(judgement, answers=replace(judgement.answers, comparisons=()))
    askable = _wanted(picks_only)
    seen = set()
    for comparison in comparisons:
        clips = (comparison.b, comparison.w)
        if Question(comparison.dimension, *clips) not in askable:
            message = (
                f"{comparison.dimension} compares {_names(clips)}, which the picks give no reason to ask; "
                "leave that comparison out."
            )
            yield _problem_of(comparison, ProblemCode.NOT_ASKED, message)
        if comparison.subject in seen:
            message = f"{comparison.dimension} compares {_names(clips)} twice; answer it once."
            yield _problem_of(comparison, ProblemCode.ASKED_TWICE, message)
        seen.add(comparison.subject)
    for clash in contradictions(judgement):
        said = "; ".join(_sentence(comparison) for comparison in clash.comparisons)
        beside = " beside the picks" if clash.with_picks else ""
        message = f"{clash.dimension} has answers that can't all be true{beside}: {said}. Change one of them."
        yield Problem(ProblemCode.CONTRADICTION, message, clash.dimension, comparisons=clash.comparisons)


def _problem_of(comparison: Comparison, code: ProblemCode, message: str) -> Problem:
    return Problem(code, message, comparison.dimension, (comparison.b, comparison.w), (comparison,))


def _sentence(comparison: Comparison) -> str:
    verb = "is" if comparison.answer is Reply.YES else "is not"
    return f"{comparison.b} {verb} at least as good as {comparison.w}"


def _listed(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    return tuple(sorted(clips, key=str))


def _names(clips: Iterable[Clip]) -> str:
    return ", ".join(str(clip) for clip in clips)


def _clashes(judgement: Judgement, dimension: str) -> Iterator[Contradiction]:
    picks = _order_of_picks(judgement, dimension)
    nothing = Order(frozenset((clip, clip) for clip in judgement.clips))
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
        yield Contradiction(dimension, tuple(core), _with_comparisons(nothing, core).consistent)
