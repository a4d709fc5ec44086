"""Read an export of Label Studio, as "JSON": a list of tasks with `data` and `annotations`.

An annotation's `result` holds one region for each control. Three kinds of controls compare clips:

- Pairwise: ``{"type": "pairwise", "from_name": …, "to_name": "left,right", "value": {"selected": "left"}}``
- Choices: ``{"type": "choices", …, "value": {"choices": ["Video A"]}}``, read by `judgementfile.side_of`
- Ranker: ``{"type": "ranker", …, "value": {"ranker": {NAME: [ID, …]}}}``, or the list alone, best first; each
  two of its items are a statement

The control's name is the dimension. The export does not hold the labelling configuration, so which clip is
left is told by the names in `to_name` where the task's data has them, else by the order of the data's videos.
"""

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _

from annotation.exchange.judgementfile import (
    MAX_STATEMENTS,
    JudgementFileError,
    Problem,
    Reading,
    Side,
    Statement,
    looks_like_video,
    side_of,
)

_PROMPTS = ("prompt", "caption", "text", "prompt_text", "prompt_en", "instruction", "description")
_COMPARING = ("pairwise", "choices", "ranker")
_SKIPPED = re.compile(r"can'?t|cannot|unsure|not sure|skip|don'?t know", re.IGNORECASE)


class _TaskError(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read(text: str) -> Reading:
    """The statements of an export. Raises JudgementFileError where it is no JSON of tasks."""
    reading = Reading()
    passed: Counter[str] = Counter()
    for line, task in _tasks(text):
        try:
            data, annotations = _parts(task)
        except _TaskError as error:
            reading.problems.append(Problem(line, error.code, str(error)))
            continue
        for annotation in annotations:
            if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
                passed["skipped"] += 1
                continue
            try:
                reading.statements += _statements(line, data, annotation, passed)
            except _TaskError as error:
                reading.problems.append(Problem(line, error.code, str(error)))
        if len(reading.statements) > MAX_STATEMENTS:
            message = _("More than %(most)d comparisons. Split the file.")
            raise JudgementFileError(message % {"most": MAX_STATEMENTS})
    _note(passed, reading)
    return reading


def _tasks(text: str) -> Iterator[tuple[int, Any]]:
    """Each task with the line that it begins in: of a JSON list, or of JSON lines."""
    decoder = json.JSONDecoder()
    listed = text.lstrip().startswith("[")
    at = text.index("[") + 1 if listed else 0
    line, counted = 1, 0
    ended = False
    while True:
        while at < len(text) and (text[at].isspace() or (listed and text[at] == ",")):
            at += 1
        if at >= len(text) or (listed and text[at] == "]"):
            ended = not listed or at < len(text)
            break
        line, counted = line + text.count("\n", counted, at), at
        try:
            task, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            message = _("Line %(line)d is not JSON: %(why)s. Export from Label Studio as “JSON”.")
            raise JudgementFileError(message % {"line": line, "why": error}) from error
        yield line, task
    if not ended:
        raise JudgementFileError(_("The JSON list does not end: the file is cut off."))


def _parts(task: Any) -> tuple[dict[str, Any], list[Any]]:
    if not isinstance(task, dict):
        raise _TaskError("not_a_task", _("It is no task: expected an object with data and annotations."))
    data, annotations = task.get("data"), task.get("annotations", task.get("completions"))
    if not isinstance(data, dict) or not isinstance(annotations, list):
        message = _("It is no task with data and annotations. Export as “JSON”, not as “JSON-MIN” or CSV.")
        raise _TaskError("not_a_task", message)
    return data, annotations


def _statements(
    line: int, data: dict[str, Any], annotation: dict[str, Any], passed: Counter[str]
) -> list[Statement]:
    """Of one annotation: a statement for each two clips, with what all its controls say of them."""
    said: dict[tuple[str, str], dict[str, Side]] = defaultdict(dict)
    results = annotation.get("result")
    for region in results if isinstance(results, list) else ():
        kind = region.get("type") if isinstance(region, dict) else None
        if kind not in _COMPARING:
            passed[str(kind)] += 1
            continue
        name, value = str(region.get("from_name", "")), region.get("value")
        if not name or not isinstance(value, dict):
            raise _TaskError("not_understood", _("A region has no from_name or no value."))
        compared = _ranked(data, value) if kind == "ranker" else _compared(data, region, value, kind, passed)
        for pair, side in compared:
            turned = (pair[1], pair[0])
            if turned in said:  # the other way round is the same two clips
                pair, side = turned, _TURNED[side]
            if said[pair].setdefault(name, side) != side:
                message = _("“%(name)s” says two things of the same two clips.")
                raise _TaskError("twice", message % {"name": name})
    if not said:
        raise _TaskError("no_answer", _("An annotation compares no clips."))
    return [
        Statement(
            line=line,
            left=left,
            right=right,
            answers=answers,
            annotator=_who(annotation.get("completed_by")),
            prompt=next((str(data[key]) for key in _PROMPTS if isinstance(data.get(key), str)), ""),
            at=_moment(annotation.get("created_at")),
            seconds=_seconds(annotation.get("lead_time")),
        )
        for (left, right), answers in said.items()
    ]


_TURNED: dict[Side, Side] = {"left": "right", "right": "left", "tie": "tie"}
_Compared = list[tuple[tuple[str, str], Side]]


def _compared(
    data: dict[str, Any], region: dict[str, Any], value: dict[str, Any], kind: str, passed: Counter[str]
) -> _Compared:
    words: Any = value.get("selected") if kind == "pairwise" else value.get("choices")
    if kind == "choices" and isinstance(words, list) and len(words) == 1:
        words = words[0]
    if not isinstance(words, str):
        message = _("“%(name)s” has no single answer: %(value)s.")
        values = {"name": region.get("from_name"), "value": f"{value!r:.120}"}
        raise _TaskError("not_understood", message % values)
    if _SKIPPED.search(words):
        passed["cant_tell"] += 1
        return []
    side = side_of(words)
    if side is None:
        message = _("“%(name)s” is “%(said)s”; expected left, right, A, B, same or the like.")
        values = {"name": region.get("from_name"), "said": words[:60]}
        raise _TaskError("not_understood", message % values)
    return [(_two_clips(data, region.get("to_name")), side)]


def _two_clips(data: dict[str, Any], to_name: Any) -> tuple[str, str]:
    names = to_name if isinstance(to_name, list) else str(to_name or "").split(",")
    named = [data[name] for name in map(str.strip, map(str, names)) if looks_like_video(data.get(name))]
    videos = named if len(named) == 2 else [value for value in data.values() if looks_like_video(value)]
    if len(videos) != 2:
        message = _("Which two clips are compared can't be told: the task's data names %(n)d videos.")
        raise _TaskError("which_clips", message % {"n": len(videos)})
    return videos[0], videos[1]


def _ranked(data: dict[str, Any], value: dict[str, Any]) -> _Compared:
    ranker = value.get("ranker")
    if isinstance(ranker, dict):
        lists = [items for name, items in ranker.items() if name != "_"] or list(ranker.values())
        ranker = lists[0] if len(lists) == 1 else None
    if not isinstance(ranker, list):
        message = _("A ranking with several buckets says no order; expected one list, the best first.")
        raise _TaskError("buckets", message)
    clip_of = {
        str(item["id"]): clip
        for items in data.values()
        if isinstance(items, list)
        for item in items
        if isinstance(item, dict) and "id" in item and (clip := _clip_in(item))
    }
    unknown = [str(one) for one in ranker if str(one) not in clip_of]
    if unknown:
        message = _("The ranking names %(names)s, which the task's data has no video for.")
        raise _TaskError("which_clips", message % {"names": ", ".join(unknown)[:120]})
    clips = [clip_of[str(one)] for one in ranker]
    return [(pair, "left") for pair in itertools.combinations(clips, 2)]


def _clip_in(item: dict[str, Any]) -> str:
    """The video of a list's item: a field that names one, or the source of a video in its HTML."""
    for value in item.values():
        if looks_like_video(value):
            return str(value)
        if isinstance(value, str) and (found := _IN_HTML.search(value)):
            return found[1]
    return ""


_IN_HTML = re.compile(r"""<(?:video|source)[^>]+src=["']([^"']+)""")


def _who(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("id") or completed_by.get("email")
    return str(completed_by) if completed_by is not None else ""


def _moment(said: Any) -> datetime | None:
    try:
        found = parse_datetime(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return make_aware(found) if found is not None and is_naive(found) else found


def _seconds(said: Any) -> float | None:
    fits = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 1e7
    return float(said) if fits else None


def _note(passed: Counter[str], reading: Reading) -> None:
    if n := passed.pop("skipped", 0):
        reading.notes.append(_("Annotations that were skipped there: %(n)d.") % {"n": n})
    if n := passed.pop("cant_tell", 0):
        reading.notes.append(_("Answers that say it can't be told: %(n)d, left out.") % {"n": n})
    for kind, n in sorted(passed.items()):
        text = _("Regions of the type %(kind)s, which compares nothing: %(n)d, left out.")
        reading.notes.append(text % {"kind": kind, "n": n})
