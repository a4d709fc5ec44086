"""Expert scoring (§7.2.3): what a person can say about an item, its JSON form, and what is wrong with it.

Likert: every clip gets a score from 1 to 5 in every dimension, and any number of marks: a defect or a
strength in an aspect of a dimension, of the whole clip or of a stretch of it in seconds (a moment where both
ends are the same):

    {"scores": {DIMENSION: {CLIP: 1..5, ...}, ...},
     "marks": [{"clip": CLIP, "dimension": DIMENSION, "aspect": ASPECT, "kind": "defect" | "strength",
                "from": SECONDS | null, "to": SECONDS | null, "note": TEXT}, ...]}

Good/same/bad: of two clips side by side, which is better in each dimension. People say it by side, since
they must not know whose clip is whose; what is stored is the verdict on the model under test:

    said    {"verdicts": {DIMENSION: "left" | "same" | "right", ...}}
    stored  {"verdicts": {DIMENSION: "G" | "S" | "B", ...}}

Dimensions are named by key, clips by the opaque key that the page shows them under. A draft has the same
form, with less in it. Pure: no Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from annotation.campaigns.rubric import OVERALL, SCALE, aspect_keys
from annotation.labelling.answers_json import AnswersError, listed, mapping, shown, text

LONGEST_NOTE = 500
MOST_MARKS = 200
_LONGEST = 1e6  # seconds; no clip is longer, and "not a number" is not within


class Kind(StrEnum):
    """What a mark speaks of."""

    DEFECT = "defect"
    STRENGTH = "strength"


class Side(StrEnum):
    """Which of two clips is better, as they stand on the page."""

    LEFT = "left"
    SAME = "same"
    RIGHT = "right"


class Verdict(StrEnum):
    """How the model under test does: better than the other one, the same, or worse."""

    GOOD = "G"
    SAME = "S"
    BAD = "B"


@dataclass(frozen=True)
class Mark:
    """A defect or a strength of a clip; `begin` and `end` in seconds, both None for the whole clip."""

    clip: str
    dimension: str
    aspect: str
    """Of `rubric.aspect_keys`; "" in a dimension that has none."""
    kind: Kind
    begin: float | None = None
    end: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Scores:
    """What a person said about a Likert item: by dimension and clip; what is absent is unanswered."""

    scores: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Verdicts:
    """What a person said about a good/same/bad item, by dimension."""

    verdicts: Mapping[str, Side] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """What an item asks for."""

    clips: Mapping[str, float]
    """Each clip's length in seconds."""
    dimensions: tuple[str, ...]
    required: frozenset[str] = frozenset()


class Code(StrEnum):
    """What can be wrong with answers, or doubtful in them."""

    UNKNOWN_DIMENSION = "unknown_dimension"
    FOREIGN_CLIP = "foreign_clip"
    OFF_SCALE = "off_scale"
    UNKNOWN_ASPECT = "unknown_aspect"
    MARK_OUTSIDE = "mark_outside"
    MARK_REVERSED = "mark_reversed"
    MISSING_SCORE = "missing_score"
    MISSING_VERDICT = "missing_verdict"
    # Doubts: possible, and worth a second look.
    BEST_WITH_DEFECT = "best_with_defect"
    WORST_WITHOUT_DEFECT = "worst_without_defect"
    OVERALL_ALONE = "overall_alone"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, or doubtful: `mark` is the place in the list of marks."""

    code: Code
    dimension: str
    clips: tuple[str, ...] = ()
    mark: int | None = None
    given: str = ""


# --- Rules ------------------------------------------------------------------------------------------------


def validate(form: Form, answers: Scores | Verdicts) -> list[Problem]:
    """All that keeps answers from being taken; what is missing comes last."""
    return _of_scores(form, answers) if isinstance(answers, Scores) else _of_verdicts(form, answers)


def doubts(form: Form, answers: Scores | Verdicts) -> list[Problem]:
    """What contradicts itself without being impossible; nothing of this keeps answers from being taken."""
    if isinstance(answers, Scores):
        return list(_doubtful_scores(form, answers))
    overall = answers.verdicts.get(OVERALL.key)
    others = {side for key, side in answers.verdicts.items() if key != OVERALL.key}
    # "Same" overall may weigh one against another, and one dimension for it is enough to prefer a side.
    alone = overall is not None and bool(others) and overall not in others
    if alone and not (overall is Side.SAME and others >= {Side.LEFT, Side.RIGHT}):
        return [Problem(Code.OVERALL_ALONE, OVERALL.key)]
    return []


def of_model(answers: Verdicts, left: bool) -> dict[str, Verdict]:
    """Verdicts on the model under test, which stood on the left or not."""
    better = Side.LEFT if left else Side.RIGHT
    return {
        dimension: Verdict.SAME if side is Side.SAME else Verdict.GOOD if side is better else Verdict.BAD
        for dimension, side in answers.verdicts.items()
    }


def as_said(verdicts: Mapping[str, Verdict], left: bool) -> Verdicts:
    """What `of_model` was given."""
    sides = {
        Verdict.GOOD: Side.LEFT if left else Side.RIGHT,
        Verdict.SAME: Side.SAME,
        Verdict.BAD: Side.RIGHT if left else Side.LEFT,
    }
    return Verdicts({dimension: sides[verdict] for dimension, verdict in verdicts.items()})


def within(known: Mapping[str, int], said: Mapping[str, int], tolerance: int) -> bool:
    """Whether every clip whose score is known was given it, give or take so many points."""
    return all(clip in said and abs(said[clip] - score) <= tolerance for clip, score in known.items())


def _of_scores(form: Form, answers: Scores) -> list[Problem]:
    found: list[Problem] = []
    for dimension, by_clip in answers.scores.items():
        if dimension not in form.dimensions:
            found.append(Problem(Code.UNKNOWN_DIMENSION, dimension))
            continue
        for clip, score in by_clip.items():
            if clip not in form.clips:
                found.append(Problem(Code.FOREIGN_CLIP, dimension, (clip,)))
            elif score not in SCALE:
                found.append(Problem(Code.OFF_SCALE, dimension, (clip,), given=str(score)))
    for n, mark in enumerate(answers.marks):
        code = _wrong_mark(form, mark)
        if code is not None:
            found.append(Problem(code, mark.dimension, (mark.clip,), n, _stretch(mark)))
    for dimension in form.dimensions:
        scored = answers.scores.get(dimension, {})
        missing = tuple(clip for clip in form.clips if clip not in scored)
        if missing and dimension in form.required:
            found.append(Problem(Code.MISSING_SCORE, dimension, missing))
    return found


def _wrong_mark(form: Form, mark: Mark) -> Code | None:
    if mark.dimension not in form.dimensions:
        return Code.UNKNOWN_DIMENSION
    if mark.clip not in form.clips:
        return Code.FOREIGN_CLIP
    if mark.aspect not in (aspect_keys(mark.dimension) or {""}):
        return Code.UNKNOWN_ASPECT
    if mark.begin is None or mark.end is None:
        return None
    if mark.end < mark.begin:
        return Code.MARK_REVERSED
    # The player's own clock can be off by the rounding of what it shows.
    outside = mark.begin < 0 or mark.end > form.clips[mark.clip] + 0.01
    return Code.MARK_OUTSIDE if outside else None


def _of_verdicts(form: Form, answers: Verdicts) -> list[Problem]:
    unknown = [
        Problem(Code.UNKNOWN_DIMENSION, dimension)
        for dimension in answers.verdicts
        if dimension not in form.dimensions
    ]
    return unknown + [
        Problem(Code.MISSING_VERDICT, dimension)
        for dimension in form.dimensions
        if dimension in form.required and dimension not in answers.verdicts
    ]


def _doubtful_scores(form: Form, answers: Scores) -> list[Problem]:
    found = []
    for dimension in form.dimensions:
        for clip in form.clips:
            score = answers.scores.get(dimension, {}).get(clip)
            kinds = {mark.kind for mark in answers.marks if (mark.dimension, mark.clip) == (dimension, clip)}
            if score == SCALE[-1] and Kind.DEFECT in kinds:
                found.append(Problem(Code.BEST_WITH_DEFECT, dimension, (clip,)))
            if score == SCALE[0] and kinds == {Kind.STRENGTH}:
                found.append(Problem(Code.WORST_WITHOUT_DEFECT, dimension, (clip,)))
    return found


def _stretch(mark: Mark) -> str:
    return "" if mark.begin is None or mark.end is None else f"{mark.begin:g}–{mark.end:g}"


# --- JSON -------------------------------------------------------------------------------------------------


def from_json(data: object) -> Scores | Verdicts:
    """Answers as they are said. Raises AnswersError unless the JSON has exactly one of the forms above.

    Nothing is dropped or mended. Whether dimensions, clips and scores are the item's is for `validate`.
    """
    if isinstance(data, dict) and "verdicts" in data:
        said = mapping(mapping(data, "answers", {"verdicts"})["verdicts"], "verdicts")
        return Verdicts({key: Side(_one_of(side, Side, f"verdicts.{key}")) for key, side in said.items()})
    answers = mapping(data, "answers", {"scores", "marks"})
    scores = {
        dimension: {
            clip: _whole(score, f"scores.{dimension}.{clip}")
            for clip, score in mapping(by_clip, f"scores.{dimension}").items()
        }
        for dimension, by_clip in mapping(answers["scores"], "scores").items()
    }
    marks = listed(answers["marks"], "marks")
    if len(marks) > MOST_MARKS:
        raise AnswersError(f"marks: expected at most {MOST_MARKS}, got {len(marks)}")
    return Scores(scores, tuple(_mark(mark, f"marks[{n}]") for n, mark in enumerate(marks)))


def to_json(answers: Scores | Verdicts) -> dict[str, object]:
    """The JSON form as it is said; `from_json` reads it back."""
    if isinstance(answers, Verdicts):
        return {"verdicts": {dimension: side.value for dimension, side in answers.verdicts.items()}}
    return {
        "scores": {dimension: dict(by_clip) for dimension, by_clip in answers.scores.items()},
        "marks": [
            {
                "clip": mark.clip,
                "dimension": mark.dimension,
                "aspect": mark.aspect,
                "kind": mark.kind.value,
                "from": mark.begin,
                "to": mark.end,
                "note": mark.note,
            }
            for mark in answers.marks
        ],
    }


def names(answers: Scores | Verdicts) -> set[str]:
    """All keys that answers name: of dimensions, clips and aspects."""
    if isinstance(answers, Verdicts):
        return set(answers.verdicts)
    of_scores = set(answers.scores).union(*answers.scores.values())
    return of_scores | {key for m in answers.marks for key in (m.clip, m.dimension, m.aspect) if key}


def verdicts_from_json(data: Mapping[str, Mapping[str, str]]) -> dict[str, Verdict]:
    """Verdicts as they are stored."""
    return {dimension: Verdict(verdict) for dimension, verdict in data["verdicts"].items()}


def _mark(data: object, at: str) -> Mark:
    mark = mapping(data, at, {"clip", "dimension", "aspect", "kind", "from", "to", "note"})
    words = {name: text(mark[name], f"{at}.{name}") for name in ("clip", "dimension", "aspect", "note")}
    if len(words["note"]) > LONGEST_NOTE or "\x00" in words["note"]:
        raise AnswersError(f"{at}.note: expected at most {LONGEST_NOTE} characters of text")
    begin, end = _seconds(mark["from"], f"{at}.from"), _seconds(mark["to"], f"{at}.to")
    if (begin is None) != (end is None):
        raise AnswersError(f"{at}: expected seconds for both from and to, or null for both")
    kind = Kind(_one_of(mark["kind"], Kind, f"{at}.kind"))
    return Mark(**words, kind=kind, begin=begin, end=end)


def _one_of(data: object, choices: type[StrEnum], at: str) -> str:
    if data not in list(choices):
        raise AnswersError(f"{at}: expected one of {', '.join(choices)}, got {shown(data)}")
    return str(data)


def _whole(data: object, at: str) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or abs(data) > 10**6:
        raise AnswersError(f"{at}: expected a whole number from {SCALE[0]} to {SCALE[-1]}, got {shown(data)}")
    return data


def _seconds(data: object, at: str) -> float | None:
    if data is None:
        return None
    if not isinstance(data, int | float) or isinstance(data, bool) or not -_LONGEST < data < _LONGEST:
        raise AnswersError(f"{at}: expected seconds or null, got {shown(data)}")
    return float(data)
