"""Answers as JSON, and what is said about answers that can't be accepted."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.labelling.bestworst import (
    Answers,
    AnswersError,
    Check,
    Comparison,
    DimensionAnswer,
    Judgement,
    Mark,
    Picks,
    Problem,
    Question,
    Reply,
    candidate_pairs,
    from_json,
    preference_pairs,
    questions,
    to_json,
    validate,
)

KEYS = st.text(max_size=8)
ANSWERS = st.builds(
    Answers,
    picks=st.dictionaries(
        KEYS, st.sampled_from(Mark) | st.builds(Picks, best=st.frozensets(KEYS), worst=st.frozensets(KEYS))
    ),
    comparisons=st.lists(
        st.builds(Comparison, st.builds(Question, KEYS, KEYS, KEYS), st.sampled_from(Reply))
    ).map(tuple),
)


@given(ANSWERS)
def test_json_and_back(answers: Answers) -> None:
    assert from_json(json.loads(json.dumps(to_json(answers)))) == answers


def test_the_form_is_as_documented() -> None:
    data = {
        "picks": {
            "motion": {"best": ["a", "b"], "worst": ["d"]},
            "aesthetic": {"tie": True},
            "prompt_following": {"cant_judge": True},
        },
        "comparisons": [{"dimension": "motion", "b": "a", "w": "c", "answer": "cant_tell"}],
    }
    answers = from_json(data)
    assert answers == Answers(
        picks={
            "motion": Picks(frozenset("ab"), frozenset("d")),
            "aesthetic": Mark.TIE,
            "prompt_following": Mark.CANT_JUDGE,
        },
        comparisons=(Comparison(Question("motion", "a", "c"), Reply.CANT_TELL),),
    )
    assert to_json(answers) == data


SCRAPS = st.sampled_from([None, True, False, 0, 1, 1.0, "", "tie", "yes", [], ["a"], {}, {"tie": True}])


@given(ANSWERS, SCRAPS, st.sampled_from(["best", "tie", "picks", "answer", "more"]), st.data())
def test_nothing_is_dropped_or_mended(answers: Answers, scrap: object, key: str, data: st.DataObject) -> None:
    """Put something anywhere into good JSON: it is refused, or comes back as it was sent."""
    sent = to_json(answers)
    place: object = sent
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.sampled_from(containers(place) or [place]))
    if isinstance(place, list):
        place.append(scrap)
    elif isinstance(place, dict):
        place[data.draw(st.sampled_from([key, *place]))] = scrap
    try:
        received = to_json(from_json(sent))
    except AnswersError:
        return
    assert json.dumps(in_order(received), sort_keys=True) == json.dumps(in_order(sent), sort_keys=True)


def containers(place: object) -> list[object]:
    inner = place.values() if isinstance(place, dict) else place if isinstance(place, list) else []
    return [value for value in inner if isinstance(value, dict | list)]


def in_order(data: object) -> object:
    """With best and worst sorted, whose order means nothing."""
    if isinstance(data, dict):
        return {
            key: sorted(value) if key in {"best", "worst"} and isinstance(value, list) else in_order(value)
            for key, value in data.items()
        }
    return data


def with_picks(answer: object) -> object:
    return {"picks": {"motion": answer}, "comparisons": []}


def with_comparison(**changes: object) -> object:
    comparison = {"dimension": "motion", "b": "a", "w": "b", "answer": "yes"} | changes
    return {"picks": {}, "comparisons": [comparison]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "answers: expected an object, got None"),
        ({"picks": {}}, "answers: expected the keys comparisons, picks, got ['picks']"),
        ({"picks": {}, "comparisons": [], "x": 1}, "answers: expected the keys comparisons, picks"),
        ({"picks": [], "comparisons": []}, "picks: expected an object, got []"),
        ({"picks": {}, "comparisons": {}}, "comparisons: expected a list, got {}"),
        (with_picks("tie"), "picks.motion: expected an object, got 'tie'"),
        (with_picks({}), "picks.motion: expected {"),
        (with_picks({"tie": False}), "picks.motion: expected {"),
        (with_picks({"tie": 1}), "picks.motion: expected {"),
        (with_picks({"tie": True, "cant_judge": True}), "picks.motion: expected {"),
        (with_picks({"tie": True, "best": ["a"], "worst": ["b"]}), "picks.motion: expected {"),
        (with_picks({"best": ["a"]}), "picks.motion: expected {"),
        (with_picks({"best": "a", "worst": ["b"]}), "picks.motion.best: expected a list, got 'a'"),
        (with_picks({"best": [["a"]], "worst": []}), "picks.motion.best[0]: expected a string, got ['a']"),
        (with_picks({"best": [], "worst": ["b", 7]}), "picks.motion.worst[1]: expected a string, got 7"),
        (with_picks({"best": ["a", "a"], "worst": []}), "picks.motion.best: expected each clip once"),
        ({"picks": {}, "comparisons": ["yes"]}, "comparisons[0]: expected an object, got 'yes'"),
        (with_comparison(also="this"), "comparisons[0]: expected the keys answer, b, dimension, w, got"),
        (with_comparison(b=1), "comparisons[0].b: expected a string, got 1"),
        (with_comparison(answer=True), "comparisons[0].answer: expected a string, got True"),
        (
            with_comparison(answer="maybe"),
            "comparisons[0].answer: expected one of yes, no, cant_tell, got 'maybe'",
        ),
    ],
)
def test_refuses_any_other_form(data: object, message: str) -> None:
    with pytest.raises(AnswersError) as refusal:
        from_json(data)
    assert str(refusal.value).startswith(message)


def test_a_refusal_stays_short() -> None:
    with pytest.raises(AnswersError) as refusal:
        from_json("x" * 100_000)
    assert len(str(refusal.value)) < 300


# What `validate` says of five clips. These picks raise three questions: b against c and against d in motion,
# a against e in prompt following.

CLIPS = tuple("abcde")
DIMENSIONS = ("motion", "prompt_following", "aesthetic")
PICKS: Mapping[str, DimensionAnswer] = {
    "motion": Picks(frozenset("a"), frozenset("e")),
    "prompt_following": Picks(frozenset("b"), frozenset("cd")),
    "aesthetic": Mark.TIE,
}


def yes(dimension: str, b: str, w: str) -> Comparison:
    return Comparison(Question(dimension, b, w), Reply.YES)


def no(dimension: str, b: str, w: str) -> Comparison:
    return Comparison(Question(dimension, b, w), Reply.NO)


def judged(*comparisons: Comparison, **picks: DimensionAnswer) -> Judgement:
    return Judgement(CLIPS, DIMENSIONS, Answers({**PICKS, **picks}, comparisons))


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code.value for problem in problems]


def test_whole_answers_have_no_problem() -> None:
    assert validate(judged()) == []
    assert validate(judged(yes("motion", "b", "c"), no("motion", "b", "d"))) == []
    assert validate(judged(motion=Mark.CANT_JUDGE, aesthetic=Picks(frozenset("abc"), frozenset("de")))) == []


@pytest.mark.parametrize(
    ("best", "worst", "expected", "clips"),
    [
        ("", "e", ["empty_best"], ()),
        ("a", "", ["empty_worst"], ()),
        ("abcde", "", ["empty_worst"], ()),
        ("", "", ["empty_best", "empty_worst"], ()),
        ("ab", "be", ["best_and_worst"], ("b",)),
        ("ax", "ey", ["foreign_clip"], ("x", "y")),
        ("x", "x", ["foreign_clip", "best_and_worst"], ("x",)),
    ],
)
def test_picks_that_are_not_whole(best: str, worst: str, expected: list[str], clips: tuple[str, ...]) -> None:
    judgement = judged(motion=Picks(frozenset(best), frozenset(worst)))
    problems = validate(judgement)
    assert codes(problems) == expected
    assert {problem.dimension for problem in problems} == {"motion"}
    assert problems[0].clips == clips
    assert all(clip in problems[0].message for clip in clips)
    # A draft is unanswered in that dimension, and the rest of it works as ever.
    assert {pair.dimension for pair in candidate_pairs(judgement)} == {"prompt_following"}
    assert {pair.checks["motion"] for pair in preference_pairs(judgement)} == {Check.UNANSWERED}
    assert questions(judgement) == []


def test_required_dimensions_need_an_answer() -> None:
    judgement = Judgement(CLIPS, DIMENSIONS, Answers({"motion": Mark.CANT_JUDGE}))
    assert [problem.dimension for problem in validate(judgement)] == ["prompt_following", "aesthetic"]
    assert codes(validate(judgement)) == ["missing_answer", "missing_answer"]
    assert codes(validate(judgement, required=["motion", "aesthetic"])) == ["missing_answer"]
    assert validate(judgement, required=[]) == []


def test_unknown_dimensions() -> None:
    (problem,) = validate(judged(sound=Mark.TIE))
    assert (problem.code.value, problem.dimension) == ("unknown_dimension", "sound")
    assert problem.message == (
        "sound: not a dimension of this item, which has motion, prompt_following, aesthetic."
    )


@pytest.mark.parametrize(
    "unasked",
    [
        yes("motion", "c", "b"),  # the other way round
        yes("motion", "c", "d"),  # both jointly worst in prompt following: no candidate
        yes("prompt_following", "a", "c"),  # c is not in the middle
        yes("aesthetic", "b", "c"),  # a tie
        yes("motion", "b", "x"),
        yes("sound", "b", "c"),
        yes("motion", "b", "b"),
    ],
    ids=repr,
)
def test_comparisons_that_were_not_asked(unasked: Comparison) -> None:
    (problem,) = validate(judged(unasked))
    assert (problem.code.value, problem.comparisons) == ("not_asked", (unasked,))


def test_an_answer_outlived_by_its_picks_is_named() -> None:
    """Somebody compares b and c in motion, then picks b as motion's worst."""
    said = yes("motion", "b", "c")
    stale, clash = validate(judged(said, motion=Picks(frozenset("a"), frozenset("b"))))
    assert (stale.code.value, clash.code.value) == ("not_asked", "contradiction")
    assert clash.message == (
        "motion: these can't all be true beside the picks: b is at least as good as c. Change one."
    )


def test_each_pair_is_compared_once() -> None:
    first, again = yes("motion", "b", "c"), Comparison(Question("motion", "b", "c"), Reply.CANT_TELL)
    (problem,) = validate(judged(first, again))
    assert (problem.code.value, problem.comparisons) == ("asked_twice", (again,))
    assert codes(validate(judged(first, no("motion", "b", "c")))) == ["asked_twice", "contradiction"]
    assert codes(validate(judged(first, yes("motion", "c", "b")))) == ["not_asked", "asked_twice"]


def test_no_more_comparisons_than_the_limit() -> None:
    said = [yes("motion", "b", "c"), yes("motion", "b", "d"), yes("prompt_following", "a", "e")]
    (problem,) = validate(judged(*said, yes("motion", "b", "c")))
    assert problem.code.value == "too_many_comparisons"
    assert problem.message == "4 comparisons are answered, but this item asks 3 at most."


def test_answers_that_clash_by_transitivity_are_named() -> None:
    """a >= b, b >= c and c > a, in the one dimension where all three are in the middle."""
    clips = tuple("abcxy")
    picks = {
        "motion": Picks(frozenset("x"), frozenset("y")),
        "prompt_following": Picks(frozenset("a"), frozenset("bc")),
        "aesthetic": Picks(frozenset("ab"), frozenset("c")),
    }
    said = (yes("motion", "a", "b"), yes("motion", "b", "c"), no("motion", "a", "c"))
    judgement = Judgement(clips, DIMENSIONS, Answers(picks, said))
    assert {comparison.question for comparison in said} <= set(
        questions(Judgement(clips, DIMENSIONS, Answers(picks), question_limit=9))
    )
    (problem,) = validate(judgement)
    assert (problem.code.value, problem.comparisons) == ("contradiction", said)
    assert problem.message == (
        "motion: these can't all be true: a is at least as good as b; "
        "b is at least as good as c; a is worse than c. Change one."
    )
    of_motion = {
        pair.best + pair.worst: pair.checks["motion"]
        for pair in preference_pairs(judgement)
        if pair.dimension != "motion"
    }
    assert of_motion == dict.fromkeys(("ab", "ac", "bc"), Check.CONTRADICTION)


@pytest.mark.parametrize("clips", [(), ("a",), ("a", "b", "a")])
def test_an_item_has_two_or_more_different_clips(clips: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected two or more different clips"):
        Judgement(clips, DIMENSIONS, Answers())


def test_an_item_has_different_dimensions() -> None:
    with pytest.raises(ValueError, match="expected different dimensions"):
        Judgement(CLIPS, ("motion", "motion"), Answers())
