"""The trainer's event stream, read strictly: a line that is not of the protocol is refused by its number."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)


class ProtocolError(ValueError):
    """The trainer wrote something that is not of the protocol; a mistake in the trainer."""


def _storable(text: object) -> object:
    """PostgreSQL keeps neither NUL nor halves of surrogate pairs."""
    if not isinstance(text, str):
        return text
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


Text = Annotated[str, BeforeValidator(_storable)]
Step = Annotated[int, Field(ge=0, le=2**63 - 1, strict=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[\w./:@ +-]+$")]
RelativePath = Annotated[
    str, StringConstraints(min_length=1, max_length=160, pattern=r"^[\w.+-]+(/[\w.+-]+)*$")
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Figure = Finite | int | bool | Text | None


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(_Event):
    event: Literal["start"]
    resumed_from: Step | None
    total_steps: Annotated[int, Field(ge=1, le=2**63 - 1)]
    at: str


class Progress(_Event):
    event: Literal["progress"]
    step: Step
    total: Step


class Metrics(_Event):
    event: Literal["metric"]
    step: Step
    values: dict[Name, Finite]


class Sample(_Event):
    event: Literal["sample"]
    step: Step
    path: RelativePath
    caption: Text


class Checkpoint(_Event):
    event: Literal["checkpoint"]
    step: Step
    path: RelativePath
    final: bool


class Log(_Event):
    event: Literal["log"]
    level: Literal["info", "warning", "error"]
    text: Text


class Result(_Event):
    event: Literal["result"]
    values: dict[Name, Figure]


class Error(_Event):
    event: Literal["error"]
    text: Text
    traceback: Text


class End(_Event):
    event: Literal["end"]
    state: Literal["succeeded", "stopped"]


Event = Start | Progress | Metrics | Sample | Checkpoint | Log | Result | Error | End
_adapter: TypeAdapter[Any] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
_DOTS = re.compile(r"(^|/)\.\.?(/|$)")


@dataclass(frozen=True, slots=True)
class Line:
    """One event and where its line ends in the stream, in bytes."""

    event: Event
    end: int


def parse(line: bytes, number: int) -> Event:
    """The event of a line. Raises ProtocolError with the line's number, its beginning and the reason."""
    try:
        event: Event = _adapter.validate_python(json.loads(line))
    except (ValueError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ProtocolError(
            f"Line {number} of events.jsonl is no event ({reason}): {line[:200]!r}"
        ) from error
    if isinstance(event, Sample | Checkpoint) and _DOTS.search(event.path):
        raise ProtocolError(f"Line {number} of events.jsonl names {event.path!r}, outside the run's folder.")
    return event


class Tail:
    """Reads what was appended to `events.jsonl` since the last look; a line without its end waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines = 0

    def read(self, limit: int = 4 * 1024 * 1024) -> list[Line]:
        """The new events in order, of at most `limit` bytes. Raises ProtocolError."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            block = file.read(limit)
        whole, newline, _rest = block.rpartition(b"\n")
        if not newline:
            if len(block) >= limit:
                raise ProtocolError(f"Line {self._lines + 1} of events.jsonl is longer than {limit} bytes.")
            return []
        found = []
        for line in whole.split(b"\n"):
            self._offset += len(line) + 1
            self._lines += 1
            found.append(Line(parse(line, self._lines), self._offset))
        return found
