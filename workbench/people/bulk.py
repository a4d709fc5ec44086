"""Many accounts from one CSV file: username,email,role,language. Good lines are kept, problems told by line.

`read` only looks; `create` makes the accounts, each with a link by which its owner sets a password.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from workbench.models import Role, User
from workbench.people.invitations import Invited, invite

if TYPE_CHECKING:
    import _csv

COLUMNS = ("username", "email", "role", "language")
MAX_LINES = 2000
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Line:
    number: int
    username: str
    email: str
    role: str
    language: str


@dataclass(frozen=True)
class LineProblem:
    number: int
    message: str


@dataclass
class Reading:
    """What a file says: lines that can become accounts, and what is wrong with the others."""

    good: list[Line] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)


def decode(content: bytes) -> str:
    """The file's text; UTF-8 with or without a byte-order mark. Raises ValueError in words for people."""
    if len(content) > MAX_BYTES:
        raise ValueError(_("The file is larger than 1 MB. Split it."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(_("The file is not UTF-8 text. Save it as “CSV UTF-8”.")) from error
    if "\x00" in text:
        raise ValueError(_("The file is not text: it has zero bytes in it."))
    return text


def read(text: str) -> Reading:
    """Check every line against the rules, against the other lines and against the accounts there are."""
    reading = Reading()
    # Spreadsheets separate by commas, semicolons or tabs, as their country has it.
    heading = text.lstrip().split("\n", 1)[0]
    separator = max(",;\t", key=heading.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator, strict=True, skipinitialspace=True)
    parsed: list[Line] = []
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        if missing := [name for name in COLUMNS[:2] if name not in header]:
            message = _("The first line must name the columns %(columns)s; %(missing)s is missing.")
            given = {"columns": ",".join(COLUMNS), "missing": ", ".join(missing)}
            reading.problems.append(LineProblem(1, message % given))
            return reading
        for line in _parse(rows, header, reading):
            parsed.append(line)  # noqa: PERF402 (what stands before a line that can't be parsed is kept)
    except csv.Error as error:
        message = _("This line and those after it can't be read as CSV: %(why)s.") % {"why": error}
        reading.problems.append(LineProblem(rows.line_num, message))
    taken_names, taken_addresses = _taken(parsed)
    for line in parsed:
        if problem := _problem(line, taken_names, taken_addresses):
            reading.problems.append(LineProblem(line.number, problem))
        else:
            reading.good.append(line)
            taken_names.add(line.username.lower())
            taken_addresses.add(line.email.lower())
    reading.problems.sort(key=lambda one: one.number)
    return reading


@transaction.atomic
def create(lines: Iterable[Line], by: User) -> list[Invited]:
    """Make the accounts, without a password each, and their invitation links."""
    made = []
    for line in lines:
        user = User(username=line.username, email=line.email, role=line.role, language=line.language)
        user.set_unusable_password()
        user.save()
        made.append(invite(email=line.email, role=line.role, language=line.language, by=by, user=user))
    return made


def result_csv(made: Iterable[Invited]) -> str:
    """username,email,role,language,link: for handing the links out by other ways than mail."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS, "link"])
    for one in made:
        row = one.invitation
        username = row.user.username if row.user else ""
        writer.writerow([not_a_formula(username), not_a_formula(row.email), row.role, row.language, one.link])
    return out.getvalue()


def not_a_formula(text: str) -> str:
    """Spreadsheets run cells that begin like this; a quote in front keeps them text."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _parse(rows: "_csv.Reader", header: list[str], reading: Reading) -> Iterator[Line]:
    for count, row in enumerate(rows, start=1):
        number = rows.line_num
        if not any(cell.strip() for cell in row):
            continue
        if count > MAX_LINES:
            message = _("Only the first %(count)s lines are read. Split the file.") % {"count": MAX_LINES}
            reading.problems.append(LineProblem(number, message))
            return
        if len(row) > len(header):
            message = _("%(found)s columns; expected %(expected)s.") % {
                "found": len(row),
                "expected": len(header),
            }
            reading.problems.append(LineProblem(number, message))
            continue
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        yield Line(
            number=number,
            username=cells.get("username", ""),
            email=cells.get("email", ""),
            role=cells.get("role", "").lower() or Role.ANNOTATOR,
            language=cells.get("language", "").lower() or settings.LANGUAGE_CODE,
        )


def _problem(line: Line, taken_names: set[str], taken_addresses: set[str]) -> str:
    roles, languages = list(Role.values), [code for code, _name in settings.LANGUAGES]
    try:
        UnicodeUsernameValidator()(line.username)
        validate_email(line.email)
    except ValidationError as error:
        return f"{line.username or '–'}, {line.email or '–'}: {' '.join(error.messages)}"
    if len(line.username) > 150 or len(line.email) > 254:
        return _("The username (at most 150 characters) or the address (at most 254) is too long.")
    if line.role not in roles:
        return _("The role is “%(role)s”; expected one of %(roles)s.") % {
            "role": line.role,
            "roles": ", ".join(roles),
        }
    if line.language not in languages:
        given = {"language": line.language, "languages": ", ".join(languages)}
        return _("The language is “%(language)s”; expected one of %(languages)s.") % given
    if line.username.lower() in taken_names:
        return _("The username “%(name)s” is taken, or stands on an earlier line.") % {"name": line.username}
    if line.email.lower() in taken_addresses:
        return _("The address %(email)s has an account, or stands on an earlier line.") % {
            "email": line.email
        }
    return ""


def _taken(lines: list[Line]) -> tuple[set[str], set[str]]:
    """Usernames and addresses of these lines that accounts have already, in lower case."""
    people = User.objects.annotate(lower_name=Lower("username"), lower_email=Lower("email"))
    names = people.filter(lower_name__in=[line.username.lower() for line in lines])
    addresses = people.filter(lower_email__in=[line.email.lower() for line in lines])
    return set(names.values_list("lower_name", flat=True)), set(
        addresses.values_list("lower_email", flat=True)
    )
