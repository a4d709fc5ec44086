"""Import many clips from a CSV manifest: good lines are kept, every problem is named by its line.

Columns: ``path`` (needed, relative to the base folder), and any of
``prompt`` ``prompt_zh`` the texts; ``task`` t2v or i2v (t2v if empty); ``category`` slugs with | between;
``model`` the video model's name; ``seed`` a whole number; ``source`` and ``license`` (or ``licence``) where
the clip comes from; ``first_frame`` the picture an i2v clip starts from, a path like ``path``.
In place of the texts, ``prompt_set`` and ``prompt_id`` name a prompt of a set by what it is called there (a
benchmark's ids): task, texts and first frame are then that prompt's.

UTF-8 (with or without a mark) and UTF-16 with a mark are read; commas, semicolons or tabs may separate.
Importing twice adds nothing.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from annotation import media
from annotation.clips import intake
from annotation.clips.intake import Facts
from annotation.media import Refused
from annotation.models import Category, Clip, Prompt, PromptCandidate, Task
from annotation.prompts import firstframes, identity
from annotation.prompts.firstframes import FirstFrame
from workbench.models import User

COLUMNS = (
    "path",
    "prompt",
    "prompt_zh",
    "prompt_set",
    "prompt_id",
    "task",
    "category",
    "model",
    "seed",
    "source",
    "license",
    "licence",
    "first_frame",
)
MAX_BYTES = 32 * 2**20
SOURCE_LENGTH = 200


class ManifestError(ValueError):
    """The manifest as a whole can't be read; the message says why and what to do."""


class _LineError(ValueError):
    """One line can't be imported; the message says why."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line. ``line`` counts from 1, the heading; ``code`` is for programs."""

    line: int
    path: str
    code: str
    text: str


@dataclass(frozen=True)
class Taken:
    """A line that is fine: its clip is in the workbench, or would be after a dry run (``clip`` None)."""

    line: int
    path: str
    clip: str | None


@dataclass
class Report:
    """What became of a manifest."""

    dry_run: bool
    added: list[Taken] = field(default_factory=list)
    already_there: list[Taken] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Line:
    number: int
    fields: dict[str, str]


def import_manifest(
    manifest: bytes,
    base: Path,
    *,
    uploaded_by: User | None = None,
    dry_run: bool = False,
    render_now: bool = False,
) -> Report:
    """Import the clips that ``manifest`` lists from files under ``base``; nothing outside it is read.

    A dry run checks everything, decoding included, and changes nothing. Raises `ManifestError` if the
    manifest can't be read at all.
    """
    report = Report(dry_run=dry_run)
    lines = _read(manifest, report)
    base = base.resolve()
    if not base.is_dir():
        raise ManifestError(_("The base folder %(base)s is not a folder.") % {"base": base})
    seen: set[str] = set()
    for line in lines:
        path = line.fields.get("path", "")
        try:
            if dry_run:
                _check_line(line, base, seen, report)
            else:
                _take_line(line, base, uploaded_by, render_now, report)
        except Refused as refused:
            report.problems.append(Problem(line.number, path, refused.code, intake.explain(refused)))
        except _LineError as error:
            report.problems.append(Problem(line.number, path, "line", str(error)))
    return report


def _take_line(line: _Line, base: Path, uploaded_by: User | None, render_now: bool, report: Report) -> None:
    path = _inside(base, line.fields.get("path", ""), "path")
    _check_fields(line, base)
    with path.open("rb") as file:
        got = intake.ingest(
            file,
            path.name,
            partial(_facts, line.fields, base),
            uploaded_by=uploaded_by,
            render_now=render_now,
        )
    if got.clip.prompt is not None and "prompt" not in got.differs:
        got.clip.prompt.categories.add(*_categories(line.fields))
    taken = Taken(line.number, line.fields["path"], str(got.clip.pk))
    (report.added if got.created else report.already_there).append(taken)
    if got.differs:
        text = _("The same bytes are there as clip %(clip)s with another %(what)s; that was left as it is.")
        report.problems.append(
            Problem(
                line.number,
                line.fields["path"],
                "differs",
                text % {"clip": got.clip.pk, "what": ", ".join(got.differs)},
            )
        )
    if render_now and got.clip.state == Clip.State.BROKEN:
        report.problems.append(Problem(line.number, line.fields["path"], "broken", got.clip.problem))


def _check_line(line: _Line, base: Path, seen: set[str], report: Report) -> None:
    path = _inside(base, line.fields.get("path", ""), "path")
    _check_fields(line, base)
    with path.open("rb") as file, intake.spooled(file) as copy:
        known = Clip.objects.filter(sha256=copy.sha256).first()
        if known is not None or copy.sha256 in seen:
            report.already_there.append(
                Taken(line.number, line.fields["path"], str(known.pk) if known else None)
            )
            return
        media.probe(copy.path, intake.limits())
        seen.add(copy.sha256)
    report.added.append(Taken(line.number, line.fields["path"], None))


def _check_fields(line: _Line, base: Path) -> None:
    """Refuse what a line says before anything is written for it."""
    fields = line.fields
    if "" in fields:
        raise _LineError(_("More fields than the heading has. Quote fields that hold the separator."))
    task = fields.get("task") or Task.T2V
    if task not in Task.values:
        raise _LineError(_("task is “%(given)s”; expected t2v or i2v.") % {"given": task})
    seed = fields.get("seed", "")
    if seed and not (seed.removeprefix("-").isdecimal() and -(2**63) <= int(seed) < 2**63):
        raise _LineError(_("seed is “%(given)s”; expected a whole number within 64 bits.") % {"given": seed})
    if fields.get("prompt_id"):
        _named_prompt(fields)
    for column in ("prompt", "prompt_zh"):
        if len(fields.get(column, "")) > identity.TEXT_LENGTH:
            message = _("%(column)s is longer than %(limit)d characters. Shorten it.")
            raise _LineError(message % {"column": column, "limit": identity.TEXT_LENGTH})
    if fields.get("category") and not (fields.get("prompt") or fields.get("prompt_zh")):
        raise _LineError(_("category is given without a prompt. Give the prompt it belongs to."))
    if len(_source(fields)) > SOURCE_LENGTH:
        raise _LineError(_("source and license are longer than 200 characters together. Shorten them."))
    _categories(fields)
    if fields.get("first_frame"):
        if task != Task.I2V:
            raise _LineError(_("first_frame is given, but task is t2v. Set task to i2v or leave it empty."))
        _check_picture(_inside(base, fields["first_frame"], "first_frame"))


def _facts(fields: dict[str, str], base: Path) -> Facts:
    recipe: dict[str, Any] = {}
    first_frame = None
    if fields.get("first_frame"):
        first_frame = firstframes.keep(_inside(base, fields["first_frame"], "first_frame"))
        recipe["first_frame"] = {"file": first_frame.name, "sha256": first_frame.sha256}
    return Facts(
        prompt=_prompt(fields, first_frame),
        video_model=intake.video_model_named(fields["model"]) if fields.get("model") else None,
        seed=int(fields["seed"]) if fields.get("seed") else None,
        source=_source(fields),
        recipe=recipe,
    )


def _prompt(fields: dict[str, str], first_frame: FirstFrame | None) -> Prompt | None:
    if fields.get("prompt_id"):
        return _named_prompt(fields)
    english, chinese = fields.get("prompt", ""), fields.get("prompt_zh", "")
    if not (english or chinese):
        return None
    return identity.find_or_create(english, chinese, fields.get("task") or Task.T2V, first_frame)


def _named_prompt(fields: dict[str, str]) -> Prompt:
    """The prompt that a set knows under this id."""
    named = PromptCandidate.objects.exclude(prompt=None).select_related("prompt")
    found = named.filter(
        prompt_set__slug=fields.get("prompt_set", ""), external_id=fields["prompt_id"]
    ).first()
    if found is None or found.prompt is None:
        text = _(
            "The prompt set “%(set)s” has no prompt “%(id)s”. Give the set's slug and the prompt's id there."
        )
        raise _LineError(text % {"set": fields.get("prompt_set", ""), "id": fields["prompt_id"]})
    if (task := fields.get("task")) and task != found.prompt.task:
        text = _("task is “%(given)s”, but the prompt “%(id)s” is %(task)s.")
        said = {"given": task, "id": fields["prompt_id"], "task": found.prompt.task}
        raise _LineError(text % said)
    return found.prompt


def _categories(fields: dict[str, str]) -> list[Category]:
    slugs = [slug.strip() for slug in fields.get("category", "").split("|") if slug.strip()]
    found = {category.slug: category for category in Category.objects.filter(slug__in=slugs)}
    for slug in slugs:
        if slug not in found:
            raise _LineError(_("There is no category “%(slug)s” in the taxonomy.") % {"slug": slug})
    return list(found.values())


def _source(fields: dict[str, str]) -> str:
    parts = (fields.get("source"), fields.get("license"), fields.get("licence"))
    return ", ".join(part for part in parts if part)


def _inside(base: Path, text: str, column: str) -> Path:
    """Resolve a path of the manifest, links followed, and insist that it lies under ``base`` (resolved)."""
    if not text:
        raise _LineError(
            _("%(column)s is empty. Give a file's path under the base folder.") % {"column": column}
        )
    try:
        path = (base / text).resolve()
        inside = path.is_relative_to(base)
        is_file, exists = path.is_file(), path.exists()
    except (
        ValueError,
        OSError,
        RuntimeError,
    ) as error:  # NUL, too long, a loop of links
        raise _LineError(_("%(path)s can't be a path.") % {"path": repr(text)[:120]}) from error
    if not inside:
        raise _LineError(
            _("%(path)s lies outside the base folder. Only files under it are imported.") % {"path": text}
        )
    if exists and not is_file:
        raise Refused("not_a_file", path=text)
    if not exists:
        raise Refused("missing", path=text)
    return path


def _check_picture(path: Path) -> None:
    try:
        firstframes.check(path)
    except firstframes.NotAPictureError as error:
        raise _LineError(
            _("The first frame %(path)s can't be used: %(why)s.") % {"path": path.name, "why": error}
        ) from error


def _read(manifest: bytes, report: Report) -> Iterator[_Line]:
    """Decode the manifest and split it into lines, noting unknown columns; raises `ManifestError` at once."""
    text = _decode(manifest)
    if "\0" in text:
        raise ManifestError(_("The manifest isn't text: it holds NULs. Save it as CSV UTF-8."))
    heading = text.lstrip("\r\n").split("\n", 1)[0]
    if not heading.strip():
        raise ManifestError(_("The manifest is empty. Its first line names the columns; one is called path."))
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names: list[str] = []
    lines: list[_Line] = []
    start = 1
    try:
        for row in reader:
            number, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = _heading(row, number, report)
                continue
            cells = [cell.strip() for cell in row]
            fields = dict(zip(names, cells, strict=False))
            if any(cells[len(names) :]):
                fields[""] = "surplus"
            lines.append(_Line(number, fields))
    except csv.Error as error:
        raise ManifestError(
            _("Line %(line)s of the manifest can't be read as CSV (%(why)s). Check its quotes.")
            % {"line": start, "why": error}
        ) from error
    return iter(lines)


def _heading(row: list[str], number: int, report: Report) -> list[str]:
    names = [name.strip().lower().replace(" ", "_") for name in row]
    if "path" not in names:
        raise ManifestError(
            _("The manifest has no column path; its heading names %(names)s.") % {"names": ", ".join(names)}
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ManifestError(_("The manifest names a column twice: %(names)s.") % {"names": ", ".join(twice)})
    unknown = [name for name in names if name and name not in COLUMNS]
    if unknown:
        text = _("Columns that mean nothing here were left out: %(names)s. Known are %(known)s.")
        values = {"names": ", ".join(unknown), "known": ", ".join(COLUMNS)}
        report.problems.append(Problem(number, "", "unknown_columns", text % values))
    return [name or f"?{index}" for index, name in enumerate(names)]


def _decode(manifest: bytes) -> str:
    if len(manifest) > MAX_BYTES:
        raise ManifestError(_("The manifest is larger than 32 MB. Split it."))
    utf16 = manifest.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return manifest.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = manifest.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            _("The manifest is not UTF-8 (line %(line)s). Save it as “CSV UTF-8” and import it again.")
            % {"line": line}
        ) from error
