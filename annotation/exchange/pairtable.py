"""Read a table of compared clips, as VideoAlign trains on (KwaiVGI/VideoAlign, datasets/train/README.md).

Columns: ``path_A`` and ``path_B``, the clips; ``prompt``; ``VQ``, ``MQ`` and ``TA`` (visual quality, motion
quality, text alignment), each A, B or same. Where a dimension has no such column but Likert scores of both
clips (``VQ_A`` and ``VQ_B``, and so on), the higher score is better and equal ones are a tie. ``annotator``
(or ``annotator_id``) may say who. ``Overall`` is left out: it is no dimension, and held against the others by
the constraint it would break their pairs.
"""

import csv
import io
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.exchange.judgementfile import (
    MAX_STATEMENTS,
    JudgementFileError,
    Problem,
    Reading,
    Side,
    Statement,
)

DIMENSIONS = ("VQ", "MQ", "TA")
_WHO = ("annotator", "annotator_id", "rater")
_SAID: dict[str, Side] = {"a": "left", "b": "right", "same": "tie", "tie": "tie"}
_KNOWN = {"path_a", "path_b", "prompt", "overall", *_WHO}
_HARMLESS = {"fps_a", "fps_b", "num_frames_a", "num_frames_b", "a_model", "b_model"}


class _RowError(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class _Columns:
    """Where what stands: a label's column by dimension, or the two columns of its scores."""

    labels: dict[str, str]
    scores: dict[str, tuple[str, str]]
    who: str


def read(text: str) -> Reading:
    """The statements of a table. Raises JudgementFileError where its heading won't do."""
    heading = text.lstrip("\r\n").split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count))
    reading = Reading()
    columns: _Columns | None = None
    names: list[str] = []
    start = 1
    try:
        for row in reader:
            line, start = start, reader.line_num + 1
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                names = [cell.lower() for cell in cells]
                columns = _columns(dict(zip(names, cells, strict=True)))
                _note(dict(zip(names, cells, strict=True)), columns, reading)
                continue
            if len(reading.statements) >= MAX_STATEMENTS:
                message = _("More than %(most)d rows. Split the table.")
                raise JudgementFileError(message % {"most": MAX_STATEMENTS})
            fields = dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
            try:
                reading.statements.append(_statement(line, fields, columns))
            except _RowError as error:
                reading.problems.append(Problem(line, error.code, str(error)))
    except csv.Error as error:
        message = _("Line %(line)s can't be read as CSV (%(why)s). Check its quotes.")
        raise JudgementFileError(message % {"line": start, "why": error}) from error
    if columns is None:
        raise JudgementFileError(_("The table is empty. Its first line names the columns."))
    return reading


def _columns(names: dict[str, str]) -> _Columns:
    missing = [name for name in ("path_A", "path_B") if name.lower() not in names]
    if missing:
        message = _("The table has no column %(missing)s; its heading names %(names)s.")
        values = {"missing": ", ".join(missing), "names": ", ".join(names.values()) or "–"}
        raise JudgementFileError(message % values)
    labels = {name: name.lower() for name in DIMENSIONS if name.lower() in names}
    scores = {
        name: (f"{name.lower()}_a", f"{name.lower()}_b")
        for name in DIMENSIONS
        if name not in labels and {f"{name.lower()}_a", f"{name.lower()}_b"} <= set(names)
    }
    if not labels and not scores:
        message = _("The table has none of the columns %(known)s, and no scores such as VQ_A and VQ_B.")
        raise JudgementFileError(message % {"known": ", ".join(DIMENSIONS)})
    return _Columns(labels, scores, next((name for name in _WHO if name in names), ""))


def _note(names: dict[str, str], columns: _Columns, reading: Reading) -> None:
    if "overall" in names:
        reading.notes.append(_("“Overall” is left out: it is a sum of the dimensions, not one of them."))
    if columns.scores:
        text = _("Told by scores, the higher one better: %(names)s.")
        reading.notes.append(text % {"names": ", ".join(columns.scores)})
    if not columns.who:
        reading.notes.append(_("The table does not say who judged: all counts as one person's."))
    used = {*columns.labels.values(), *(name for two in columns.scores.values() for name in two)}
    unused = [told for name, told in names.items() if name not in used | _KNOWN | _HARMLESS]
    if unused:
        reading.notes.append(_("Columns that are not used: %(names)s.") % {"names": ", ".join(unused)})


def _statement(line: int, fields: dict[str, str], columns: _Columns) -> Statement:
    left, right = fields["path_a"], fields["path_b"]
    for name, path in (("path_A", left), ("path_B", right)):
        if not path:
            raise _RowError("no_clip", _("%(column)s is empty.") % {"column": name})
    answers: dict[str, Side] = {}
    for dimension, column in columns.labels.items():
        if said := fields[column]:
            if said.lower() not in _SAID:
                message = _("%(column)s is “%(said)s”; expected A, B or same.")
                raise _RowError("not_understood", message % {"column": dimension, "said": said[:40]})
            answers[dimension] = _SAID[said.lower()]
    for dimension, (a, b) in columns.scores.items():
        if fields[a] or fields[b]:
            answers[dimension] = _by_score(dimension, fields[a], fields[b])
    if not answers:
        raise _RowError("no_answer", _("It says nothing in any dimension."))
    return Statement(
        line=line,
        left=left,
        right=right,
        answers=answers,
        annotator=fields.get(columns.who, "") if columns.who else "",
        prompt=fields.get("prompt", ""),
    )


def _by_score(dimension: str, a: str, b: str) -> Side:
    try:
        left, right = float(a), float(b)
    except ValueError:
        message = _("%(name)s_A is “%(a)s” and %(name)s_B “%(b)s”; expected two numbers.")
        raise _RowError("not_understood", message % {"name": dimension, "a": a[:40], "b": b[:40]}) from None
    if left == right:
        return "tie"
    return "left" if left > right else "right"
