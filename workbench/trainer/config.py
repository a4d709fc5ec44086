"""Reads `DIR/config.json` into a run's frozen dataclass, strictly: the whole config or a clear refusal."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

Config = TypeVar("Config")


class ConfigError(ValueError):
    """The config, or an input it names, can't be used; the text says which field and what was expected."""


def read(run_dir: Path, kind: type[Config]) -> Config:
    """The config of a run. Raises ConfigError on a missing or unknown field or a wrong type."""
    path = run_dir / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing; a run folder holds a config.json") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    return parse(kind, data)


def parse(kind: type[Config], data: object, where: str = "config") -> Config:
    """Builds the dataclass `kind` from JSON values; lists become tuples, whole numbers pass as floats."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} is {data!r}, expected an object")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(data.keys() - known.keys()):
        raise ConfigError(f"{where} has unknown fields {unknown}; known are {sorted(known)}")
    missing = [
        name
        for name, f in known.items()
        if name not in data and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise ConfigError(f"{where} lacks the fields {missing}")
    return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in data.items()})


def require(condition: bool, text: str) -> None:
    """Raises ConfigError(text) unless the condition holds: for a config's own `__post_init__`."""
    if not condition:
        raise ConfigError(text)


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return parse(typing.cast("type[Any]", hint), value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where} is {value!r}, expected a list")
        return tuple(_value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where} is {value!r}, expected {hint.__name__}")
    return value
