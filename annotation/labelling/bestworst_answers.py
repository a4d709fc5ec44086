"""What a person can say about a best/worst item, and its JSON form.

The browser sends this JSON, `Judgement.answers` stores it, and `bestworst` says what it implies:

    {"picks": {DIMENSION: {"best": [CLIP, ...], "worst": [CLIP, ...]} | {"tie": true} | {"cant_judge": true},
               ...},
     "comparisons": [{"dimension": DIMENSION, "b": CLIP, "w": CLIP, "answer": "yes" | "no" | "cant_tell"},
                     ...]}

Dimensions are named by key, clips by the opaque key that the page shows them under. A draft has the same
form: a dimension without an answer is absent, a half-picked one has an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TypeAlias

from annotation.labelling.answers_json import AnswersError, listed, mapping, shown, text


@dataclass(frozen=True)
class Picks:
    """The best and the worst clips of one dimension; several where they are jointly best or worst."""

    best: frozenset[str]
    worst: frozenset[str]


class Mark(Enum):
    """An answer to a dimension that picks no clip."""

    TIE = "tie"
    CANT_JUDGE = "cant_judge"


DimensionAnswer: TypeAlias = Picks | Mark


@dataclass(frozen=True)
class Question:
    """In `dimension`, is clip `b` at least as good as clip `w`?"""

    dimension: str
    b: str
    w: str

    @property
    def subject(self) -> tuple[str, frozenset[str]]:
        """What is asked only once: the dimension and the unordered pair."""
        return self.dimension, frozenset((self.b, self.w))


class Reply(StrEnum):
    """An answer to a question. Yes says b >= w, no says b < w, and "can't tell" says nothing."""

    YES = "yes"
    NO = "no"
    CANT_TELL = "cant_tell"


@dataclass(frozen=True)
class Comparison:
    """A question and its answer."""

    question: Question
    answer: Reply


@dataclass(frozen=True)
class Answers:
    """All that a person said about one item; a dimension that is absent from `picks` is unanswered."""

    picks: Mapping[str, DimensionAnswer] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()


def from_json(data: object) -> Answers:
    """Answers from decoded JSON. Raises AnswersError unless it has exactly the form above.

    Nothing is dropped or mended. Whether the dimensions and clips are the item's, and whether the picks are
    complete, is for `bestworst.validate`.
    """
    answers = mapping(data, "answers", keys={"picks", "comparisons"})
    return Answers(
        picks={
            dimension: _dimension_answer(answer, f"picks.{dimension}")
            for dimension, answer in mapping(answers["picks"], "picks").items()
        },
        comparisons=tuple(
            _comparison(comparison, f"comparisons[{n}]")
            for n, comparison in enumerate(listed(answers["comparisons"], "comparisons"))
        ),
    )


def to_json(answers: Answers) -> dict[str, object]:
    """The JSON form, the same for equal answers up to the order of keys; `from_json` reads it back."""
    return {
        "picks": {
            dimension: {"best": sorted(answer.best), "worst": sorted(answer.worst)}
            if isinstance(answer, Picks)
            else {answer.value: True}
            for dimension, answer in answers.picks.items()
        },
        "comparisons": [
            {
                "dimension": comparison.question.dimension,
                "b": comparison.question.b,
                "w": comparison.question.w,
                "answer": comparison.answer.value,
            }
            for comparison in answers.comparisons
        ],
    }


def _dimension_answer(data: object, at: str) -> DimensionAnswer:
    answer = mapping(data, at)
    if answer == {"tie": True} and answer["tie"] is True:
        return Mark.TIE
    if answer == {"cant_judge": True} and answer["cant_judge"] is True:
        return Mark.CANT_JUDGE
    if set(answer) != {"best", "worst"}:
        forms = '{"best": [...], "worst": [...]}, {"tie": true} or {"cant_judge": true}'
        raise AnswersError(f"{at}: expected {forms}, got {shown(answer)}")
    return Picks(_clips(answer["best"], f"{at}.best"), _clips(answer["worst"], f"{at}.worst"))


def _comparison(data: object, at: str) -> Comparison:
    comparison = mapping(data, at, keys={"dimension", "b", "w", "answer"})
    said = {key: text(value, f"{at}.{key}") for key, value in comparison.items()}
    if said["answer"] not in list(Reply):
        raise AnswersError(f"{at}.answer: expected one of {', '.join(Reply)}, got {shown(said['answer'])}")
    return Comparison(Question(said["dimension"], said["b"], said["w"]), Reply(said["answer"]))


def _clips(data: object, at: str) -> frozenset[str]:
    clips = [text(clip, f"{at}[{n}]") for n, clip in enumerate(listed(data, at))]
    if len(set(clips)) < len(clips):
        raise AnswersError(f"{at}: expected each clip once, got {shown(clips)}")
    return frozenset(clips)
