"""The files of a benchmark, line by line: what can be read, and what is wrong with which field.

A benchmark is a folder of JSON-lines files, one prompt a line: ``id``, ``task``, ``text_en``, ``text_zh``,
``labels`` (leaves of the taxonomy), and for image-to-video ``first_frame_en`` and ``first_frame_zh``, which
describe the picture that the clip starts from. Needs no database.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from annotation.prompts import taxonomyfile
from annotation.prompts.taxonomyfile import FIRST_FRAME, MAIN, MULTI_SHOT, SCENARIO, SHOTS, STYLES, Taxonomy

TASKS = ("t2v", "i2v")
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_NEEDED = frozenset({"id", "task", "text_en", "text_zh"})
_TEXTS = ("text_en", "text_zh")
_FRAMES = ("first_frame_en", "first_frame_zh")


class BenchmarkError(ValueError):
    """There is no benchmark where one was looked for; the message says what was expected."""


@dataclass(frozen=True)
class BenchmarkPrompt:
    """A line that can be read, and where it stands."""

    file: str
    line: int
    id: str
    task: str
    text_en: str
    text_zh: str
    labels: tuple[str, ...]
    first_frame_en: str = ""
    first_frame_zh: str = ""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a field of a line; ``field`` is "" where it is the line as a whole."""

    file: str
    line: int
    field: str
    text: str


def read(folder: Path, taxonomy: Taxonomy | None = None) -> tuple[list[BenchmarkPrompt], list[Problem]]:
    """The prompts of a folder's ``*.jsonl`` files, by file and line, and what is wrong with which lines.

    A line with a problem is among the prompts too where its fields can be read. Raises BenchmarkError.
    """
    taxonomy = taxonomy or taxonomyfile.shipped()
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise BenchmarkError(_("There is no *.jsonl file in %(folder)s.") % {"folder": folder})
    prompts: list[BenchmarkPrompt] = []
    problems: list[Problem] = []
    at: dict[str, str] = {}
    for path in paths:
        for line, text in enumerate(path.read_bytes().split(b"\n"), start=1):
            if not text.strip():
                continue
            record, misfits = _record(text)
            if record is not None:
                misfits += _misfits(record, taxonomy)
                if _NEEDED.isdisjoint(name for name, _why in misfits):
                    prompt = _prompt(path.name, line, record)
                    if prompt.id in at:
                        misfits.append(("id", _("It is the id of %(where)s too.") % {"where": at[prompt.id]}))
                    at[prompt.id] = f"{path.name}:{line}"
                    prompts.append(prompt)
            problems += [Problem(path.name, line, name, why) for name, why in misfits]
    return prompts, problems


def _record(text: bytes) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [("", _("This is not JSON (%(why)s).") % {"why": error})]
    if not isinstance(record, dict):
        return None, [("", _('Expected an object like {"id": …}.'))]
    return record, []


def _prompt(file: str, line: int, record: dict[str, Any]) -> BenchmarkPrompt:
    texts = {name: record.get(name) for name in ("id", "task", *_TEXTS, *_FRAMES)}
    said = {name: value for name, value in texts.items() if isinstance(value, str)}
    return BenchmarkPrompt(file, line, labels=tuple(_strings(record.get("labels"))), **said)


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _misfits(record: dict[str, Any], taxonomy: Taxonomy) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it)"""
    i2v = record.get("task") == "i2v"
    texts = ("id", "task", *_TEXTS, *(_FRAMES if i2v else ()))
    for name in texts:
        value = record.get(name)
        if not isinstance(value, str) or not value.strip():
            yield name, _("It is missing or no text.")
        elif name.endswith("_zh") and not CHINESE.search(value):
            yield name, _("There is no Chinese in it.")
        elif name.endswith("_en") and not WORD.search(CHINESE.sub("", value)):
            yield name, _("There is no English in it.")
    if isinstance(record.get("task"), str) and record["task"] not in TASKS:
        yield "task", _("task is “%(given)s”; expected t2v or i2v.") % {"given": record["task"][:40]}
    for name in record.keys() - {*texts, "labels"}:
        yield str(name)[:60], _("No such field is known for this task.")
    labels = record.get("labels")
    if not isinstance(labels, list) or len(_strings(labels)) != len(labels):
        yield "labels", _("It is missing or no list of texts.")
    else:
        for why in _label_misfits(labels, i2v, taxonomy):
            yield "labels", why


def _label_misfits(labels: list[str], i2v: bool, taxonomy: Taxonomy) -> Iterator[str]:
    for label, times in Counter(labels).items():
        if label not in taxonomy.nodes:
            yield _("There is no category “%(slug)s” in the taxonomy.") % {"slug": label}
        elif not taxonomy.is_leaf(label):
            yield _("“%(slug)s” is no leaf of the taxonomy.") % {"slug": label}
        elif times > 1:
            yield _("“%(slug)s” is there %(n)d times.") % {"slug": label, "n": times}
    known = [label for label in labels if label in taxonomy.nodes]
    under = Counter(slug for label in known for slug in taxonomy.path(label))
    for main in (*MAIN, *(taxonomy.children[FIRST_FRAME] if i2v else ())):
        if not under[main]:
            yield _("There is no label of “%(main)s”.") % {"main": main}
    for main, low, high in ((SHOTS, 1, 1), (SCENARIO, 0, 1), (FIRST_FRAME, 0, len(labels) if i2v else 0)):
        if not low <= under[main] <= high:
            expected = f"{low}–{high}" if low < high else str(low)
            said = {"n": under[main], "main": main, "expected": expected}
            yield _("There are %(n)d labels of “%(main)s”; expected %(expected)s.") % said
    if bool(under[STYLES]) != ("style" in known):
        yield _("“style” and a label of “styles” go together: which style is it?")
    if under["transition"] and not under[MULTI_SHOT]:
        yield _("A transition joins several shots, and the label is of a single one.")
