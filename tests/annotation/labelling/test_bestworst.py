"""The best/worst rules against brute force over every weak order of up to five clips."""

import math
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.labelling.bestworst import (
    Answers,
    Check,
    Comparison,
    DimensionAnswer,
    Judgement,
    Mark,
    Picks,
    PreferencePair,
    ProblemCode,
    Question,
    Relation,
    Reply,
    Verdict,
    candidate_pairs,
    collapses,
    contradictions,
    preference_pairs,
    questions,
    relation,
    validate,
)
from tests.annotation.labelling.every_weak_order import Ranks, certain, fitting, picks_of, weak_orders

NO_LIMIT = 10_000
DIMENSIONS = ("prompt_following", "motion", "aesthetic")
EVERY_SIZE = [tuple("abcde"[:n]) for n in range(2, 6)]

Truth = dict[str, Ranks]


# Truth: annotators who know a weak order per dimension and answer by it


def exhaustive_truths() -> Iterator[Truth]:
    """Every pair of weak orders of 2-5 clips, but for renaming clips, which the rules don't look at."""
    for clips in EVERY_SIZE:
        for first in weak_orders(clips):
            if list(first.values()) == sorted(first.values()):
                for second in weak_orders(clips):
                    yield {"prompt_following": first, "motion": second}


def sampled_truths(n: int) -> Iterator[Truth]:
    """Triples of weak orders, at random from a fixed seed; in half of them two orders nearly agree."""
    rng = random.Random(441)
    for trial in range(n):
        orders = weak_orders(rng.choice(EVERY_SIZE[1:]) if trial % 4 == 0 else EVERY_SIZE[-1])
        truth = {dimension: rng.choice(orders) for dimension in DIMENSIONS}
        if trial % 2:
            truth["aesthetic"] = {clip: 4 + rank for clip, rank in truth["motion"].items()}
            truth["aesthetic"][rng.choice(list(orders[0]))] = rng.choice([0, 9])
        yield truth


def judged(truth: Truth, limit: int = NO_LIMIT) -> Judgement:
    """The picks of somebody who sees the truth, and no comparison yet."""
    clips = tuple(next(iter(truth.values())))
    return Judgement(clips, tuple(truth), Answers({d: picks_of(order) for d, order in truth.items()}), limit)


def answered(judgement: Judgement, *comparisons: Comparison) -> Judgement:
    said = judgement.answers.comparisons + comparisons
    return replace(judgement, answers=replace(judgement.answers, comparisons=said))


def truthful(truth: Truth, question: Question) -> Comparison:
    ranks = truth[question.dimension]
    return Comparison(question, Reply.YES if ranks[question.b] >= ranks[question.w] else Reply.NO)


def fits(judgement: Judgement, dimension: str) -> list[Ranks]:
    here = [c for c in judgement.answers.comparisons if c.question.dimension == dimension]
    return fitting(judgement.clips, judgement.answer(dimension), here)


def is_inferior(truth: Truth, pair: PreferencePair, dimension: str) -> bool:
    return truth[dimension][pair.best] < truth[dimension][pair.worst]


def assert_sound(judgement: Judgement, truth: Truth) -> None:
    for pair in preference_pairs(judgement, include_broken=True):
        assert set(pair.checks) == set(truth) - {pair.dimension}
        for dimension, check in pair.checks.items():
            if check is Check.INFERIOR:
                assert is_inferior(truth, pair, dimension)
            elif check is Check.NOT_INFERIOR:
                assert not is_inferior(truth, pair, dimension)


def assert_complete(judgement: Judgement, truth: Truth) -> None:
    """After truthful answers to all questions the verdict is the truth's, with nothing left unchecked."""
    pairs = preference_pairs(judgement, include_broken=True)
    for pair in pairs:
        if any(is_inferior(truth, pair, dimension) for dimension in pair.checks):
            assert pair.verdict is Verdict.BROKEN
            assert {pair.checks[dimension] for dimension in pair.unchecked} <= {Check.ALREADY_BROKEN}
        else:
            assert pair.verdict is Verdict.KEPT
            assert not pair.unchecked
    assert preference_pairs(judgement) == [pair for pair in pairs if pair.verdict is not Verdict.BROKEN]


def test_there_are_as_many_weak_orders_as_fubini_says() -> None:
    assert [len(weak_orders(clips)) for clips in EVERY_SIZE] == [3, 13, 75, 541]


@pytest.mark.parametrize("at_once", [1, NO_LIMIT], ids=["one question at a time", "all questions at once"])
def test_truthful_answers_give_the_verdicts_of_the_truth(at_once: int) -> None:
    asked = derived = 0
    for truth in [*exhaustive_truths(), *sampled_truths(800)]:
        judgement = judged(truth)
        first_asked = questions(judgement)
        while ask := questions(judgement)[:at_once]:
            assert_sound(judgement, truth)
            judgement = answered(judgement, *(truthful(truth, question) for question in ask))
        assert_sound(judgement, truth)
        assert_complete(judgement, truth)
        assert validate(judgement) == []
        asked += len(judgement.answers.comparisons)
        derived += len(first_asked) - len(judgement.answers.comparisons)
    assert asked > 1000
    assert (derived > 0) == (at_once == 1)  # answers save questions, if one waits for them


def test_never_asks_what_is_implied() -> None:
    for truth in [*exhaustive_truths(), *sampled_truths(800)]:
        judgement = judged(truth)
        while ask := questions(judgement):
            for question in ask:
                outcomes = {
                    order[question.b] >= order[question.w] for order in fits(judgement, question.dimension)
                }
                assert outcomes == {True, False}
                in_the_middle = judgement.answer(question.dimension)
                assert isinstance(in_the_middle, Picks)
                assert not {question.b, question.w} & (in_the_middle.best | in_the_middle.worst)
            judgement = answered(judgement, truthful(truth, ask[0]))


def test_no_question_below_four_clips() -> None:
    for truth in exhaustive_truths():
        judgement = judged(truth)
        if len(judgement.clips) < 4:
            assert questions(judgement) == []


def test_asks_the_most_decisive_first() -> None:
    """Decisive by brute force: how many pairs' checks in that dimension each of the two answers settles."""
    different = 0
    for truth in sampled_truths(800):
        judgement = judged(truth)
        while ask := questions(judgement):
            pairs = preference_pairs(judgement)
            scores = [decisiveness(judgement, pairs, question) for question in ask]
            assert scores == sorted(scores, reverse=True)
            different += len(set(scores)) > 1
            judgement = answered(judgement, truthful(truth, ask[-1]))
    assert different > 10


def decisiveness(judgement: Judgement, pairs: list[PreferencePair], question: Question) -> int:
    d = question.dimension
    score = 0
    for reply in (Reply.YES, Reply.NO):
        orders = fits(answered(judgement, Comparison(question, reply)), d)
        for pair in pairs:
            if pair.checks.get(d) is Check.TO_ASK:
                score += len({order[pair.best] >= order[pair.worst] for order in orders}) == 1
    return score


# Any answers: what is certain is what holds in every weak order that fits


@st.composite
def judgements(draw: st.DrawFn) -> Judgement:
    """Valid picks with any comparisons at all, asked or not, contradictory or not."""
    clips = draw(st.sampled_from(EVERY_SIZE))
    picks = st.sampled_from(weak_orders(clips)).map(picks_of)
    answer = st.one_of(picks, picks, st.sampled_from([*Mark, None]))
    given_picks = {d: a for d in DIMENSIONS if (a := draw(answer)) is not None}
    question = st.builds(
        lambda dimension, two: Question(dimension, *two),
        st.sampled_from(DIMENSIONS),
        st.sampled_from(list(permutations(clips, 2))),
    )
    comparisons = st.lists(st.builds(Comparison, question, st.sampled_from(Reply)), max_size=5)
    return Judgement(clips, DIMENSIONS, Answers(given_picks, tuple(draw(comparisons))), NO_LIMIT)


def relation_by_brute_force(orders: list[Ranks], x: str, y: str) -> Relation:
    """The strongest statement, from strong to weak, that is true in all of them."""
    if certain(orders, lambda order: order[x] > order[y]):
        return Relation.BETTER
    if certain(orders, lambda order: order[x] < order[y]):
        return Relation.WORSE
    if certain(orders, lambda order: order[x] == order[y]):
        return Relation.EQUAL
    if certain(orders, lambda order: order[x] >= order[y]):
        return Relation.AT_LEAST
    if certain(orders, lambda order: order[x] <= order[y]):
        return Relation.AT_MOST
    return Relation.UNKNOWN


def assert_relations_are_those_of_brute_force(judgement: Judgement) -> None:
    for dimension in judgement.dimensions:
        orders = fits(judgement, dimension)
        assert (dimension in judgement.contradictory) == (not orders)
        orders = orders or fitting(judgement.clips, judgement.answer(dimension), [])
        for x, y in product(judgement.clips, repeat=2):
            assert relation(judgement, dimension, x, y) is relation_by_brute_force(orders, x, y)


def assert_contradictions_are_those_of_brute_force(judgement: Judgement) -> None:
    clashes = contradictions(judgement)
    assert {clash.dimension for clash in clashes} == {
        d for d in judgement.dimensions if not fits(judgement, d)
    }
    for clash in clashes:
        answer = judgement.answer(clash.dimension)
        assert not fitting(judgement.clips, answer, clash.comparisons)
        for fewer in combinations(clash.comparisons, len(clash.comparisons) - 1):
            assert fitting(judgement.clips, answer, fewer)
        assert clash.with_picks == bool(fitting(judgement.clips, None, clash.comparisons))
    taken_back = {clash.comparisons[-1] for clash in clashes}
    left = tuple(c for c in judgement.answers.comparisons if c not in taken_back)
    assert contradictions(replace(judgement, answers=replace(judgement.answers, comparisons=left))) == []


def test_all_sets_of_three_comparisons_of_three_middle_clips() -> None:
    said = [
        Comparison(Question("motion", *two), reply)
        for two in permutations("bcd", 2)
        for reply in (Reply.YES, Reply.NO)
    ]
    seen = set()
    for answer in (Picks(frozenset("a"), frozenset("e")), Mark.TIE):
        for comparisons in [some for n in range(4) for some in combinations(said, n)]:
            judgement = Judgement(tuple("abcde"), ("motion",), Answers({"motion": answer}, comparisons))
            assert_relations_are_those_of_brute_force(judgement)
            assert_contradictions_are_those_of_brute_force(judgement)
            seen |= {(len(c.comparisons), c.with_picks) for c in contradictions(judgement)}
    assert seen == {(1, True), (2, False), (3, False)}


@settings(max_examples=250, deadline=None)
@given(judgements())
def test_certain_is_what_holds_in_every_weak_order_that_fits(judgement: Judgement) -> None:
    assert_relations_are_those_of_brute_force(judgement)
    assert_contradictions_are_those_of_brute_force(judgement)


@settings(max_examples=250, deadline=None)
@given(judgements())
def test_verdicts_are_those_of_brute_force(judgement: Judgement) -> None:
    """A check is decided exactly if the weak orders that fit agree on it; else it says why it is not."""
    for pair in preference_pairs(judgement, include_broken=True):
        for dimension, check in pair.checks.items():
            answer = judgement.answer(dimension)
            orders = fits(judgement, dimension) or fitting(judgement.clips, answer, [])
            held = {order[pair.best] >= order[pair.worst] for order in orders}
            if answer is None:
                assert check is Check.UNANSWERED
            elif answer is Mark.CANT_JUDGE:
                assert check is Check.NOT_JUDGEABLE
            elif held == {True}:
                assert check is Check.NOT_INFERIOR
            elif held == {False}:
                assert check is Check.INFERIOR
            else:
                assert check is why_unknown(judgement, pair, dimension)


def why_unknown(judgement: Judgement, pair: PreferencePair, dimension: str) -> Check:
    if not fits(judgement, dimension):
        return Check.CONTRADICTION
    compared = [
        {c.question.b, c.question.w}
        for c in judgement.answers.comparisons
        if c.question.dimension == dimension
    ]
    if {pair.best, pair.worst} in compared:
        return Check.CANT_TELL
    return Check.ALREADY_BROKEN if pair.broken_by else Check.TO_ASK


# Limits, doubts and second thoughts


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(sampled_truths(300))), st.integers(0, 4), st.integers(1, 4), st.data())
def test_a_session_asks_each_thing_once_and_stays_within_the_limit(
    truth: Truth, limit: int, at_once: int, data: st.DataObject
) -> None:
    """Whatever the replies: who answers just what is asked has nothing wrong but contradictions."""
    judgement = judged(truth, limit)
    while ask := questions(judgement):
        assert len(ask) + len(judgement.answers.comparisons) <= limit
        subjects = [c.question.subject for c in judgement.answers.comparisons] + [q.subject for q in ask]
        assert len(set(subjects)) == len(subjects)
        replies = [Comparison(question, data.draw(st.sampled_from(Reply))) for question in ask[:at_once]]
        judgement = answered(judgement, *replies)
    clashing = {problem.code for problem in validate(judgement)}
    assert clashing <= {ProblemCode.CONTRADICTION}
    assert bool(clashing) == bool(contradictions(judgement))
    for pair in preference_pairs(judgement, include_broken=True):
        assert Check.TO_ASK not in pair.checks.values()
        if Check.OVER_LIMIT in pair.checks.values():
            assert len(judgement.answers.comparisons) == limit
            assert pair.verdict is Verdict.KEPT_UNCHECKED


def best_and_worst(best: str, worst: str) -> Picks:
    return Picks(frozenset(best), frozenset(worst))


MIDDLE = {"prompt_following": best_and_worst("a", "d"), "motion": best_and_worst("b", "c")}
"""The smallest case with questions: each dimension's best and worst are the other's middle."""

IN_MOTION = Question("motion", "a", "d")
IN_PROMPT_FOLLOWING = Question("prompt_following", "b", "c")


def four_clips(answers: Mapping[str, DimensionAnswer], *comparisons: Comparison, limit: int = 3) -> Judgement:
    return Judgement(tuple("abcd"), DIMENSIONS[: len(answers)], Answers(answers, comparisons), limit)


@pytest.mark.parametrize(
    ("said", "limit", "check", "verdict"),
    [
        ([], 3, Check.TO_ASK, Verdict.KEPT_UNCHECKED),
        ([], 0, Check.OVER_LIMIT, Verdict.KEPT_UNCHECKED),
        ([Comparison(IN_PROMPT_FOLLOWING, Reply.YES)], 1, Check.OVER_LIMIT, Verdict.KEPT_UNCHECKED),
        ([Comparison(IN_MOTION, Reply.CANT_TELL)], 3, Check.CANT_TELL, Verdict.KEPT_UNCHECKED),
        ([Comparison(Question("motion", "d", "a"), Reply.YES)], 3, Check.CANT_TELL, Verdict.KEPT_UNCHECKED),
        ([Comparison(IN_MOTION, Reply.YES)], 3, Check.NOT_INFERIOR, Verdict.KEPT),
        ([Comparison(IN_MOTION, Reply.NO)], 3, Check.INFERIOR, Verdict.BROKEN),
    ],
)
def test_each_state_of_a_question(said: list[Comparison], limit: int, check: Check, verdict: Verdict) -> None:
    judgement = four_clips(MIDDLE, *said, limit=limit)
    pair = next(
        p for p in preference_pairs(judgement, include_broken=True) if p.dimension == "prompt_following"
    )
    assert (pair.checks, pair.verdict) == ({"motion": check}, verdict)
    assert pair.broken_by == (("motion",) if verdict is Verdict.BROKEN else ())
    assert pair.unchecked == (("motion",) if verdict is Verdict.KEPT_UNCHECKED else ())
    assert (IN_MOTION in questions(judgement)) == (check is Check.TO_ASK)


def test_a_pair_that_is_broken_anyway_raises_no_question() -> None:
    opposite = {**MIDDLE, "aesthetic": best_and_worst("d", "a")}
    judgement = four_clips(opposite)
    asked = questions(judgement)
    assert [question for question in asked if question.subject[1] == frozenset("ad")] == []
    assert IN_PROMPT_FOLLOWING in asked
    broken = [p for p in preference_pairs(judgement, include_broken=True) if p.verdict is Verdict.BROKEN]
    assert [(p.dimension, p.checks["motion"], p.broken_by) for p in broken] == [
        ("prompt_following", Check.ALREADY_BROKEN, ("aesthetic",)),
        ("aesthetic", Check.ALREADY_BROKEN, ("prompt_following",)),
    ]
    assert [pair.dimension for pair in preference_pairs(judgement)] == ["motion"]


@settings(max_examples=150, deadline=None)
@given(judgements())
def test_weights_of_a_dimension_sum_to_one(judgement: Judgement) -> None:
    candidates = candidate_pairs(judgement)
    for dimension in DIMENSIONS:
        weights = [pair.weight for pair in candidates if pair.dimension == dimension]
        picked = isinstance(judgement.answer(dimension), Picks)
        assert math.isclose(sum(weights), 1) if picked else weights == []
        assert len(set(weights)) <= 1
    marked = preference_pairs(judgement, include_broken=True)
    assert [(p.dimension, p.best, p.worst, p.weight) for p in marked] == [
        (p.dimension, p.best, p.worst, p.weight) for p in candidates
    ]


def test_with_two_clips_surviving_labels_agree() -> None:
    every_answer = [best_and_worst("a", "b"), best_and_worst("b", "a"), *Mark, None]
    for chosen in product(every_answer, repeat=3):
        said = {d: answer for d, answer in zip(DIMENSIONS, chosen, strict=True) if answer is not None}
        judgement = Judgement(("a", "b"), DIMENSIONS, Answers(said))
        labels = {pair.best + pair.worst for pair in preference_pairs(judgement)}
        assert len(labels) <= 1
        if {best_and_worst("a", "b"), best_and_worst("b", "a")} <= set(chosen):
            assert labels == set()
    assert collapses(2)


@pytest.mark.parametrize("clips", EVERY_SIZE[1:], ids=len)
def test_with_more_clips_surviving_labels_can_differ(clips: tuple[str, ...]) -> None:
    """One dimension tells the last two clips apart, the other doesn't."""
    *_, last_but_one, last = clips
    jointly_worst = Picks(best=frozenset("a"), worst=frozenset((last_but_one, last)))
    said = {"motion": jointly_worst, "aesthetic": Picks(best=frozenset("a"), worst=frozenset((last,)))}
    judgement = Judgement(clips, ("motion", "aesthetic"), Answers(said))
    assert {pair.best + pair.worst for pair in preference_pairs(judgement)} == {
        "a" + last_but_one,
        "a" + last,
    }
    assert not collapses(len(clips))


def test_is_pure() -> None:
    code = (
        "import sys, annotation.labelling.bestworst; print({'django', 'torch', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
