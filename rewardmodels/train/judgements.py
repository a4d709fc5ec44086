"""What a reward model is trained on: `DIR/inputs/judgements.jsonl`, one judgement a line.

    {"item": "…",                       the item's id: judgements of one item are compared with each other
     "prompt_id": "…",                  the split is by this
     "prompt": "a red circle moves left, the camera stays still",
     "task": "t2v" | "i2v",
     "first_frame": "SHA256.png" | null,    an image in `inputs/`; given exactly where the task is i2v
     "annotator": "…",                  a pseudonym
     "simulated": false,                whether no person made it; may be left out
     "fps": 8,                          frames a second at which the item was shown
     "clips": [{"id": "…", "file": "SHA256.video", "video_model": "…"}, …],    two or more, files in `inputs/`
     "answers": {DIMENSION: {"best": [ID, …], "worst": [ID, …]} | "tie" | null, …},
     "comparisons": [{"dimension": …, "b": ID, "w": ID, "answer": "yes" | "no" | "cant_tell"}, …]}

A dimension that was not judgeable or not answered is null or absent. `comparisons` are the answers to "in
this dimension, is b at least as good as w?" and may be left out. Answers of all the campaign's dimensions
are given, also those of other reward models: the constraint on pairs (§4.4.1) looks at them.

What the answers imply is `annotation.labelling.bestworst`'s business: the preference pairs to train on are
those that do not break the constraint, and what is certain of two clips in a dimension is its `relation`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from annotation.labelling import bestworst
from annotation.labelling.answers_json import AnswersError
from annotation.labelling.bestworst import Answers, DimensionAnswer, Mark, Picks
from annotation.labelling.bestworst_answers import Comparison, from_json
from workbench.trainer.config import ConfigError

Task = Literal["t2v", "i2v"]

_KEYS = {"item", "prompt_id", "prompt", "task", "first_frame", "annotator", "fps", "clips", "answers"}


@dataclass(frozen=True)
class JudgedClip:
    """A clip of an item; `file` lies in the run's inputs."""

    id: str
    file: str
    video_model: str


@dataclass(frozen=True)
class ItemJudgement:
    """One person's answers about the clips of one prompt."""

    item: str
    prompt_id: str
    prompt: str
    task: Task
    first_frame: str | None
    annotator: str
    fps: float
    clips: tuple[JudgedClip, ...]
    picks: Mapping[str, DimensionAnswer]
    comparisons: tuple[Comparison, ...] = field(default=())

    @cached_property
    def rules(self) -> bestworst.Judgement:
        """The answers as the best/worst rules read them, clips named by id."""
        return bestworst.Judgement(
            clips=tuple(clip.id for clip in self.clips),
            dimensions=tuple(self.picks),
            answers=Answers(self.picks, self.comparisons),
        )

    @cached_property
    def pairs(self) -> list[bestworst.PreferencePair]:
        """The preference pairs of all dimensions: those that don't break the constraint."""
        return bestworst.preference_pairs(self.rules)


def read(path: Path) -> list[ItemJudgement]:
    """All judgements of a file. Raises ConfigError with the line, what it has and what was expected."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error}") from error
    judgements = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        at = f"{path.name}:{number}"
        try:
            data = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{at} is not JSON: {error}") from error
        judgements.append(parse(data, at))
    if not judgements:
        raise ConfigError(f"{path} holds no judgement; a reward model is trained on judgements")
    return judgements


def parse(data: object, at: str) -> ItemJudgement:
    """One judgement from decoded JSON of the form above; `at` says where it stands. Raises ConfigError."""
    line = _object(data, at)
    keys = set(line) - {"comparisons", "simulated"}
    if keys != _KEYS:
        raise ConfigError(f"{at} has the fields {sorted(line)}, expected {sorted(_KEYS)}")
    for name in ("item", "prompt_id", "prompt", "annotator"):
        _text(line[name], f"{at}.{name}")
    if line["task"] not in {"t2v", "i2v"}:
        raise ConfigError(f'{at}.task is {line["task"]!r}, expected "t2v" or "i2v"')
    if (line["first_frame"] is not None) != (line["task"] == "i2v"):
        raise ConfigError(
            f"{at}.first_frame is {line['first_frame']!r} and the task is {line['task']}; "
            "an image is given exactly where the task is i2v"
        )
    if line["first_frame"] is not None:
        _file(line["first_frame"], f"{at}.first_frame")
    fps = line["fps"]
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= 1000:
        raise ConfigError(f"{at}.fps is {fps!r}, expected frames a second above 0")
    clips = _clips(line["clips"], at)
    picks, comparisons = _answers(line, at)
    judgement = ItemJudgement(
        item=line["item"],
        prompt_id=line["prompt_id"],
        prompt=line["prompt"],
        task=line["task"],
        first_frame=line["first_frame"],
        annotator=line["annotator"],
        fps=float(fps),
        clips=clips,
        picks=picks,
        comparisons=comparisons,
    )
    # Picks that the rules can't use would silently count as unanswered.
    problems = [p for p in bestworst.validate(judgement.rules, ()) if p.code not in _HARMLESS]
    if problems:
        raise ConfigError(f"{at}.answers: {problems[0].message}")
    return judgement


_HARMLESS = {
    bestworst.ProblemCode.TOO_MANY_COMPARISONS,
    bestworst.ProblemCode.NOT_ASKED,
    bestworst.ProblemCode.ASKED_TWICE,
    bestworst.ProblemCode.CONTRADICTION,
}


def _clips(data: object, at: str) -> tuple[JudgedClip, ...]:
    if not isinstance(data, list) or len(data) < 2:
        raise ConfigError(f"{at}.clips is {data!r:.120}, expected a list of two clips or more")
    clips = []
    for place, value in enumerate(data):
        clip = _object(value, f"{at}.clips[{place}]")
        if set(clip) != {"id", "file", "video_model"}:
            raise ConfigError(
                f"{at}.clips[{place}] has the fields {sorted(clip)}, expected file, id and video_model"
            )
        for name, entry in clip.items():
            _text(entry, f"{at}.clips[{place}].{name}")
        _file(clip["file"], f"{at}.clips[{place}].file")
        clips.append(JudgedClip(**clip))
    twice = [name for name, count in Counter(clip.id for clip in clips).items() if count > 1]
    if twice:
        raise ConfigError(f"{at}.clips names {twice[0]!r} twice; an item's clips differ")
    return tuple(clips)


def _answers(line: Mapping[str, Any], at: str) -> tuple[dict[str, DimensionAnswer], tuple[Comparison, ...]]:
    given = _object(line["answers"], f"{at}.answers")
    picks: dict[str, Any] = {
        dimension: {"tie": True} if answer == "tie" else answer
        for dimension, answer in given.items()
        if answer is not None
    }
    try:
        answers = from_json({"picks": picks, "comparisons": line.get("comparisons", [])})
    except AnswersError as error:
        raise ConfigError(f"{at}.answers: {error}") from error
    # A null keeps its place among the dimensions: nothing is known there, and the rules say so.
    return {d: answers.picks.get(d, Mark.CANT_JUDGE) for d in given}, answers.comparisons


def _object(data: object, at: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ConfigError(f"{at} is {data!r:.120}, expected an object")
    return data


def _text(value: object, at: str) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{at} is {value!r:.120}, expected a text that is not empty")


def _file(value: object, at: str) -> None:
    _text(value, at)
    path = PurePosixPath(str(value))
    if path.is_absolute() or ".." in path.parts:
        raise ConfigError(f"{at} is {value!r}, which leaves the run's inputs folder")


__all__ = ["ItemJudgement", "JudgedClip", "Picks", "Task", "parse", "read"]
