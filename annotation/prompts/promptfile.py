"""Read prompts from a text: CSV with a heading, a JSON list, or JSON lines, told apart by how it begins.

Columns, or keys: ``text_en`` (also ``text``, ``prompt``, ``prompt_en``) and ``text_zh`` (also ``prompt_zh``),
one of them needed; ``task`` t2v or i2v (t2v if empty); ``category`` (also ``labels``) slugs with | between,
in JSON a list too; ``set`` the name of a prompt set; ``external_id`` (also ``id``) what the prompt is called
where it comes from; ``first_frame_en`` and ``first_frame_zh`` what the picture shows that an
i2v clip starts from.

A row that can't be read is a problem with its line number, and the others are read all the same.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Task
from annotation.prompts.identity import TEXT_LENGTH, tidy

MAX_BYTES = 4 * 2**20
MAX_ROWS = 10_000
SET_LENGTH = 120
ID_LENGTH = 200
FRAMES = ("first_frame_en", "first_frame_zh")
COLUMNS = ("text_en", "text_zh", "task", "category", "set", "external_id", *FRAMES)
_ALIASES = {
    "text": "text_en",
    "prompt": "text_en",
    "prompt_en": "text_en",
    "prompt_zh": "text_zh",
    "categories": "category",
    "labels": "category",
    "prompt_set": "set",
    "id": "external_id",
}


class PromptFileError(ValueError):
    """Nothing of the file can be read; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One prompt as the file says it. ``line`` counts from 1."""

    line: int
    text_en: str
    text_zh: str
    task: str
    categories: tuple[str, ...]
    prompt_set: str
    external_id: str
    first_frame_en: str = ""
    first_frame_zh: str = ""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line. ``code`` is for programs; ``excerpt`` is how the line begins."""

    line: int
    code: str
    text: str
    excerpt: str = ""


@dataclass
class Reading:
    """What a file says."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was passed over without harm: columns that mean nothing here."""


class _RowError(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def decode(content: bytes) -> str:
    """The file's text: UTF-8, or UTF-16 with a mark. Raises PromptFileError."""
    if len(content) > MAX_BYTES:
        raise PromptFileError(_("The file is larger than 4 MB. Split it."))
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = _("The file is not UTF-8 (line %(line)s). Save it as UTF-8 (“CSV UTF-8”) and try again.")
        raise PromptFileError(message % {"line": line}) from error


def read(text: str) -> Reading:
    """Read what can be read. Raises PromptFileError where that is nothing: empty, no text, too long."""
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise PromptFileError(_("The file is larger than 4 MB. Split it."))
    if "\0" in text:
        raise PromptFileError(_("The file is not text: it has zero bytes in it. Save it as UTF-8."))
    if not text.strip():
        raise PromptFileError(
            _("The file is empty. Its first line names the columns; one is text_en or text_zh.")
        )
    reading = Reading()
    start = text.lstrip()[0]
    records = _json_list(text, reading) if start == "[" else _json_lines(text, reading)
    if start not in "[{":
        records = _csv(text, reading)
    unknown: dict[str, None] = {}
    for line, record in records:
        if len(reading.rows) + len(reading.problems) >= MAX_ROWS:
            raise PromptFileError(
                _("The file has more than %(limit)s prompts. Split it.") % {"limit": MAX_ROWS}
            )
        try:
            reading.rows.append(_row(line, record, unknown))
        except _RowError as error:
            reading.problems.append(Problem(line, error.code, str(error), _excerpt(record)))
    if unknown:
        message = _("Columns that mean nothing here were passed over: %(names)s. Known are %(known)s.")
        reading.notes.append(message % {"names": ", ".join(unknown), "known": ", ".join(COLUMNS)})
    reading.problems.sort(key=lambda problem: problem.line)
    return reading


def _row(line: int, record: Any, unknown: dict[str, None]) -> Row:
    if not isinstance(record, dict):
        raise _RowError("not_an_object", _('Expected an object like {"text_en": …}.'))
    said: dict[str, Any] = {}
    for key, value in record.items():
        name = str(key).strip().lower().replace(" ", "_")
        name = _ALIASES.get(name, name)
        if name not in COLUMNS:
            if name and value not in (None, ""):
                unknown[name[:60]] = None
        elif name not in said or said[name] in (None, ""):
            said[name] = value
    category = said.pop("category", None)
    values = {name: _text(name, said.get(name)) for name in COLUMNS if name != "category"}
    text_en, text_zh = tidy(values["text_en"]), tidy(values["text_zh"])
    if not (text_en or text_zh):
        raise _RowError("no_text", _("There is no text in English or Chinese."))
    frames = {name: tidy(values[name]) for name in FRAMES}
    for name, text in (("text_en", text_en), ("text_zh", text_zh), *frames.items()):
        _at_most(name, text, TEXT_LENGTH)
    if not text_zh and _mostly_chinese(text_en):
        text_en, text_zh = "", text_en
    task = values["task"].strip().lower() or Task.T2V
    if task not in Task.values:
        raise _RowError("task", _("task is “%(given)s”; expected t2v or i2v.") % {"given": task[:40]})
    if task != Task.I2V and any(frames.values()):
        message = _("A first frame is described, but task is t2v. Set task to i2v or leave it empty.")
        raise _RowError("first_frame", message)
    _at_most("set", values["set"].strip(), SET_LENGTH)
    _at_most("external_id", values["external_id"].strip(), ID_LENGTH)
    return Row(
        line=line,
        text_en=text_en,
        text_zh=text_zh,
        task=task,
        categories=_categories(category),
        prompt_set=values["set"].strip(),
        external_id=values["external_id"].strip(),
        **frames,
    )


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if any("\ud800" <= sign <= "\udfff" for sign in value) or "\0" in value:
            raise _RowError("not_text", _("%(column)s holds signs that are no text.") % {"column": name})
        return value
    if name == "external_id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _RowError("not_text", _("%(column)s is not a text.") % {"column": name})


def _categories(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(slug, str) for slug in value):
        parts = value
    else:
        parts = _text("category", value).split("|")
    slugs = dict.fromkeys(_text("category", part).strip().lower() for part in parts)
    if any(len(slug) > 60 for slug in slugs):
        raise _RowError("category", _("A category's slug is longer than 60 characters."))
    return tuple(slug for slug in slugs if slug)


def _at_most(column: str, text: str, limit: int) -> None:
    if len(text) > limit:
        message = _("%(column)s is longer than %(limit)d characters. Shorten it.")
        raise _RowError("too_long", message % {"column": column, "limit": limit})


def _mostly_chinese(text: str) -> bool:
    """A column just called text may hold Chinese."""
    return len(re.findall(r"[\u3400-\u9fff]", text)) * 2 > len(re.sub(r"\s", "", text))


def _json_lines(text: str, reading: Reading) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            reading.problems.append(Problem(number, "json", _not_json(error), line.strip()[:80]))


def _json_list(text: str, reading: Reading) -> Iterator[tuple[int, Any]]:
    """The elements one by one, so that each has its line, and those before a broken one are kept."""
    decoder, place, line, counted = json.JSONDecoder(), text.index("[") + 1, 1, 0
    said = re.compile(r"[^\s,]|\Z")
    while found := said.search(text, place):
        place = found.start()
        line, counted = line + text.count("\n", counted, place), place
        if text.startswith("]", place):
            return
        try:
            record, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            message = _("From here on the list can't be read: %(why)s") % {"why": _not_json(error)}
            reading.problems.append(Problem(line, "json", message, text[place : place + 80].strip()))
            return
        yield line, record


def _not_json(error: Exception) -> str:
    why = error.msg if isinstance(error, json.JSONDecodeError) else _("nested too deep")
    return _("This is not JSON (%(why)s).") % {"why": why}


def _csv(text: str, reading: Reading) -> Iterator[tuple[int, Any]]:
    heading = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names: list[str] = []
    start = 1
    try:
        for cells in reader:
            number, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _heading(cells)
            elif any(cell.strip() for cell in cells[len(names) :]):
                message = _("More fields than the heading has. Quote fields that hold the separator.")
                reading.problems.append(Problem(number, "surplus", message, " ".join(cells)[:80]))
            else:
                yield number, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        message = _("From here on the file can't be read as CSV (%(why)s). Check its quotes.")
        reading.problems.append(Problem(start, "csv", message % {"why": error}))


def _heading(cells: list[str]) -> list[str]:
    names = [_ALIASES.get(name, name) for name in (c.strip().lower().replace(" ", "_") for c in cells)]
    if "text_en" not in names and "text_zh" not in names:
        message = _(
            "The first line must name the columns, one of them text_en or text_zh; it names %(names)s."
        )
        raise PromptFileError(message % {"names": ", ".join(names)[:200]})
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise PromptFileError(_("The heading names a column twice: %(names)s.") % {"names": ", ".join(twice)})
    return names


def _excerpt(record: Any) -> str:
    shown = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, default=str)
    return shown.encode(errors="replace").decode()[:80]
