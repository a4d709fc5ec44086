"""The rules of expert scoring: what is said comes back as it was said, and what does not fit is named."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.campaigns import rubric
from annotation.campaigns.rubric import RUBRIC, SCALE
from annotation.labelling import scoring
from annotation.labelling.answers_json import AnswersError
from annotation.labelling.scoring import Code, Form, Kind, Mark, Scores, Side, Verdict, Verdicts

CLIPS = {"a": 2.0, "b": 1.0, "c": 3.5}
DIMENSIONS = ("motion_quality", "prompt_following", "own")
FORM = Form(clips=CLIPS, dimensions=DIMENSIONS, required=frozenset(DIMENSIONS[:2]))

keys = st.sampled_from([*DIMENSIONS, "preservation", "taste"])
clips = st.sampled_from([*CLIPS, "stranger"])
aspects = st.sampled_from(["", "structural_accuracy", "camera_behaviour", "nonsense"])
times = st.floats(-1, 5, allow_nan=False)


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    ends = draw(st.one_of(st.none(), st.tuples(times, times)))
    return Mark(
        clip=draw(clips),
        dimension=draw(keys),
        aspect=draw(aspects),
        kind=draw(st.sampled_from(Kind)),
        begin=ends[0] if ends else None,
        end=ends[1] if ends else None,
        note=draw(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)),
    )


scored = st.builds(
    Scores,
    st.dictionaries(keys, st.dictionaries(clips, st.integers(-1, 7))),
    st.lists(marks(), max_size=4).map(tuple),
)
judged = st.builds(
    Verdicts, st.dictionaries(st.sampled_from([*DIMENSIONS, "overall"]), st.sampled_from(Side))
)


@given(st.one_of(scored, judged))
def test_answers_come_back_as_they_were_said(answers: Scores | Verdicts) -> None:
    told = scoring.to_json(answers)
    assert scoring.from_json(told) == answers
    assert scoring.to_json(scoring.from_json(told)) == told


@given(judged, st.booleans())
def test_a_verdict_on_the_model_is_the_side_it_stood_on(answers: Verdicts, left: bool) -> None:
    stored = scoring.of_model(answers, left)
    assert scoring.as_said(stored, left) == answers
    turned = scoring.of_model(answers, not left)
    opposite = {Verdict.GOOD: Verdict.BAD, Verdict.SAME: Verdict.SAME, Verdict.BAD: Verdict.GOOD}
    assert turned == {key: opposite[verdict] for key, verdict in stored.items()}


@given(scored)
def test_what_passes_is_whole_and_what_does_not_is_not(answers: Scores) -> None:
    """Against the rules said once more, one answer at a time."""
    whole = all(
        clip in answers.scores.get(dimension, {}) for dimension in FORM.required for clip in FORM.clips
    )
    fitting = all(
        dimension in DIMENSIONS and clip in CLIPS and 1 <= score <= 5
        for dimension, by_clip in answers.scores.items()
        for clip, score in (by_clip.items() or [("a", 1)])
    )
    marked = all(_fits(mark) for mark in answers.marks)
    problems = scoring.validate(FORM, answers)
    assert (not problems) == (whole and fitting and marked)
    missing = [problem for problem in problems if problem.code is Code.MISSING_SCORE]
    assert bool(missing) == (not whole)
    assert {problem.mark for problem in problems} - {None} == {
        n for n, mark in enumerate(answers.marks) if not _fits(mark)
    }


def _fits(mark: Mark) -> bool:
    known = {
        "motion_quality": ["structural_accuracy"],
        "prompt_following": ["camera_behaviour"],
        "own": [""],
    }
    if mark.aspect not in known.get(mark.dimension, []) or mark.clip not in CLIPS:
        return False
    return mark.begin is None or mark.end is None or 0 <= mark.begin <= mark.end <= CLIPS[mark.clip] + 0.01


@given(judged)
def test_verdicts_are_whole_where_every_dimension_has_one(answers: Verdicts) -> None:
    form = Form(clips={"a": 1.0, "b": 1.0}, dimensions=DIMENSIONS, required=frozenset(DIMENSIONS))
    problems = scoring.validate(form, answers)
    assert (not problems) == (set(answers.verdicts) == set(DIMENSIONS))


def test_a_verdict_on_the_whole_that_no_dimension_shares_is_doubtful() -> None:
    form = Form(clips={}, dimensions=(*DIMENSIONS, "overall"))

    def doubtful(overall: Side, *others: Side) -> bool:
        said = dict(zip(DIMENSIONS, others, strict=False)) | {"overall": overall}
        return bool(scoring.doubts(form, Verdicts(said)))

    left, same, right = Side.LEFT, Side.SAME, Side.RIGHT
    assert doubtful(left, right, right, same)
    assert doubtful(same, left, left, left)
    assert doubtful(left, same, same, same)
    assert not doubtful(left, right, right, left)
    assert not doubtful(same, left, right)  # they weigh each other out
    assert not doubtful(left)  # nothing else is said yet


def test_scores_that_marks_speak_against_are_doubtful() -> None:
    def doubts(score: int, *kinds: Kind) -> list[Code]:
        said = tuple(Mark("a", "motion_quality", "motion_stability", kind) for kind in kinds)
        return [one.code for one in scoring.doubts(FORM, Scores({"motion_quality": {"a": score}}, said))]

    assert doubts(5, Kind.DEFECT) == [Code.BEST_WITH_DEFECT]
    assert doubts(1, Kind.STRENGTH) == [Code.WORST_WITHOUT_DEFECT]
    assert doubts(1, Kind.STRENGTH, Kind.DEFECT) == []
    assert doubts(4, Kind.DEFECT) == doubts(5) == doubts(1) == []


GOOD = {"clip": "a", "dimension": "own", "aspect": "", "kind": "defect", "from": None, "to": None, "note": ""}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "answers: expected an object, got None"),
        ({}, "answers: expected the keys marks, scores, got"),
        ({"scores": {}, "marks": [], "more": 1}, "answers: expected the keys"),
        ({"scores": [], "marks": []}, "scores: expected an object"),
        ({"scores": {"own": 3}, "marks": []}, "scores.own: expected an object, got 3"),
        ({"scores": {"own": {"a": "3"}}, "marks": []}, "scores.own.a: expected a whole number from 1 to 5"),
        ({"scores": {"own": {"a": True}}, "marks": []}, "scores.own.a: expected a whole number"),
        ({"scores": {"own": {"a": 10**400}}, "marks": []}, "scores.own.a: expected a whole number"),
        ({"scores": {}, "marks": {}}, "marks: expected a list"),
        ({"scores": {}, "marks": [GOOD] * 201}, "marks: expected at most 200, got 201"),
        (
            {"scores": {}, "marks": [{**GOOD, "kind": "joy"}]},
            "marks[0].kind: expected one of defect, strength",
        ),
        ({"scores": {}, "marks": [{**GOOD, "from": 1.0}]}, "marks[0]: expected seconds for both"),
        ({"scores": {}, "marks": [{**GOOD, "from": math.nan, "to": 1}]}, "marks[0].from: expected seconds"),
        ({"scores": {}, "marks": [{**GOOD, "from": 0, "to": math.inf}]}, "marks[0].to: expected seconds"),
        ({"scores": {}, "marks": [{**GOOD, "from": 0, "to": 10**400}]}, "marks[0].to: expected seconds"),
        ({"scores": {}, "marks": [{**GOOD, "note": "x" * 501}]}, "marks[0].note: expected at most 500"),
        ({"scores": {}, "marks": [{**GOOD, "note": "\x00"}]}, "marks[0].note"),
        ({"scores": {}, "marks": [{**GOOD, "clip": 1}]}, "marks[0].clip: expected a string, got 1"),
        ({"verdicts": {"own": "G"}}, "verdicts.own: expected one of left, same, right, got 'G'"),
        ({"verdicts": {"own": ["left"]}}, "verdicts.own: expected one of"),
        ({"verdicts": [], "scores": {}}, "answers: expected the keys verdicts"),
    ],
)
def test_refuses_any_other_form(data: Any, message: str) -> None:
    with pytest.raises(AnswersError) as refused:
        scoring.from_json(data)
    assert message in str(refused.value)


@given(
    st.dictionaries(clips, st.integers(1, 5)), st.dictionaries(clips, st.integers(1, 5)), st.integers(0, 3)
)
def test_known_scores_are_met_within_the_tolerance(
    known: dict[str, int], said: dict[str, int], tolerance: int
) -> None:
    far = [
        clip for clip in known if clip not in said or not -tolerance <= said[clip] - known[clip] <= tolerance
    ]
    assert scoring.within(known, said, tolerance) == (not far)


def test_the_rubric_is_the_reports_with_an_anchor_for_every_score() -> None:
    assert [len(one.aspects) for one in RUBRIC] == [4, 7, 4, 5]
    for one in RUBRIC:
        assert len(one.anchors) == len(SCALE)
        assert len({aspect.key for aspect in one.aspects}) == len(one.aspects)
        words = [one.name_zh, one.definition_zh, *(zh for _en, zh in one.anchors)]
        words += [text for aspect in one.aspects for text in (aspect.name_zh, aspect.definition_zh)]
        assert all(any("\u4e00" <= sign <= "\u9fff" for sign in text) for text in words)
    assert [one.key for one in RUBRIC if rubric.asked(one.key, "t2v")] == [
        "motion_quality",
        "prompt_following",
        "aesthetic_quality",
    ]
    assert rubric.asked("own", "t2v")
    assert len(rubric.shown("own", "zh-hans")["anchors"]) == 5
