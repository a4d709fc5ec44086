"""Kinds of runs. An app declares its own in `AppConfig.ready()`, so that nothing here imports an app."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from workbench.misfits import misfit_text
from workbench.models import Run

Config = dict[str, Any]
"""A validated config as it is stored in `Run.config`: JSON values."""


class ConfigRefusedError(ValueError):
    """A config can't be launched. `problems` holds the place in the config and what is wrong there."""

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__(
            "; ".join(f"{'.'.join(map(str, place)) or 'config'}: {text}" for place, text in problems)
        )
        self.problems = problems


class InputsMissingError(RuntimeError):
    """An input of the run can't be staged: it is gone from storage or damaged. Trying again won't help."""


@dataclass(frozen=True, slots=True)
class Link:
    """A page of this site."""

    text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKind:
    """What one kind of run is: its config, the trainer it starts and the inputs that trainer needs."""

    key: str
    title: "str | Promise"
    about: "str | Promise"
    config: type[BaseModel]
    command: tuple[str, ...]
    """The trainer's module and its arguments; `--run-dir DIR` is added."""
    queue: Literal["gpu", "default"]
    pin: Callable[[Any], Config]
    """The config to store: what it leaves open ("all clips") is decided at launch, so that a resumed run
    has the inputs it began with. Raises ConfigRefusedError."""
    prepare: Callable[[Config, Path], Config]
    """Stages the inputs into `DIR/inputs`; returns what the trainer finds in `DIR/config.json`.
    Raises InputsMissingError."""
    processes: Callable[[Config], int]
    """How many processes train together; more than one start through torchrun."""
    deliver: Callable[[Run, Path], None] | None = None
    """Takes what the trainer left in `DIR` into the app's own rows, after it succeeded and before the run
    is marked so; see `delivery.py` for how. Called again if the worker died meanwhile, or the database was
    away. Raises DeliveryError."""
    made: Callable[[Run], list[Link]] | None = None
    """Pages of what a run delivered, for its own page once it has succeeded."""
    final_checkpoint: bool = True
    """False for what trains nothing: such a run succeeds without a final checkpoint."""


_kinds: dict[str, RunKind] = {}


def declare(kind: RunKind) -> None:
    """Make a kind known; called once by the app that owns it."""
    if _kinds.get(kind.key, kind) != kind:
        raise ValueError(f"The run kind {kind.key!r} is declared twice.")
    _kinds[kind.key] = kind


def all_kinds() -> list[RunKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.key)


def kind_of(key: str) -> RunKind:
    """The kind of that key. Raises ConfigRefusedError that names the known ones."""
    if key not in _kinds:
        raise ConfigRefusedError(
            [
                (
                    ("kind",),
                    _("%(kind)r is not a kind of run; known are %(known)s")
                    % {"kind": key, "known": ", ".join(sorted(_kinds))},
                )
            ]
        )
    return _kinds[key]


def validated(kind: RunKind, config: object) -> Config:
    """The config to store for a launch of `kind`. Raises ConfigRefusedError with every problem found."""
    if not _storable(config):
        raise ConfigRefusedError(
            [((), _("a text holds a NUL or half of a surrogate pair: it can't be stored"))]
        )
    try:
        parsed = kind.config.model_validate(config)
    except ValidationError as error:
        raise ConfigRefusedError([(one["loc"], misfit_text(one)) for one in error.errors()]) from error
    return kind.pin(parsed)


def _storable(value: object) -> bool:
    """False for what PostgreSQL can't keep, anywhere in JSON values."""
    if isinstance(value, str):
        return not any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return all(_storable(part) for pair in value.items() for part in pair)
    return all(_storable(part) for part in value) if isinstance(value, list) else True
