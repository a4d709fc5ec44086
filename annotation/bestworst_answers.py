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


class AnswersError(ValueError):
    """The JSON is not of the form above; the message says where, what was expected and what was given."""


def from_json(data: object) -> Answers:
    """Answers from decoded JSON. Raises AnswersError unless it has exactly the form above.

    Nothing is dropped or mended. Whether the dimensions and clips are the item's, and whether the picks are
    complete, is for `bestworst.validate`.
    """
    answers = _object(data, "answers", keys={"picks", "comparisons"})
    return Answers(
        picks={
            dimension: _dimension_answer(answer, f"picks.{dimension}")
            for dimension, answer in _object(answers["picks"], "picks").items()
        },
        comparisons=tuple(
            _comparison(comparison, f"comparisons[{n}]")
            for n, comparison in enumerate(_list(answers["comparisons"], "comparisons"))
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
    answer = _object(data, at)
    if answer == {"tie": True} and answer["tie"] is True:
        return Mark.TIE
    if answer == {"cant_judge": True} and answer["cant_judge"] is True:
        return Mark.CANT_JUDGE
    if set(answer) != {"best", "worst"}:
        forms = '{"best": [...], "worst": [...]}, {"tie": true} or {"cant_judge": true}'
        raise AnswersError(f"{at}: expected {forms}, got {_shown(answer)}")
    return Picks(_clips(answer["best"], f"{at}.best"), _clips(answer["worst"], f"{at}.worst"))


def _comparison(data: object, at: str) -> Comparison:
    comparison = _object(data, at, keys={"dimension", "b", "w", "answer"})
    text = {key: _string(value, f"{at}.{key}") for key, value in comparison.items()}
    if text["answer"] not in list(Reply):
        raise AnswersError(f"{at}.answer: expected one of {', '.join(Reply)}, got {_shown(text['answer'])}")
    return Comparison(Question(text["dimension"], text["b"], text["w"]), Reply(text["answer"]))


def _clips(data: object, at: str) -> frozenset[str]:
    clips = [_string(clip, f"{at}[{n}]") for n, clip in enumerate(_list(data, at))]
    if len(set(clips)) < len(clips):
        raise AnswersError(f"{at}: expected each clip once, got {_shown(clips)}")
    return frozenset(clips)


def _object(data: object, at: str, keys: set[str] | None = None) -> dict[str, object]:
    if not isinstance(data, dict):
        raise AnswersError(f"{at}: expected an object, got {_shown(data)}")
    if keys is not None and set(data) != keys:
        raise AnswersError(f"{at}: expected the keys {', '.join(sorted(keys))}, got {_shown(list(data))}")
    return data


def _list(data: object, at: str) -> list[object]:
    if not isinstance(data, list):
        raise AnswersError(f"{at}: expected a list, got {_shown(data)}")
    return data


def _string(data: object, at: str) -> str:
    if not isinstance(data, str):
        raise AnswersError(f"{at}: expected a string, got {_shown(data)}")
    return data


def _shown(data: object) -> str:
    return f"{data!r:.120}"
