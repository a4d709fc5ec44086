"""Find the clips that a file from elsewhere names, among those that are in the workbench. Fetches nothing.

A name is an address, a path, a file's name or a SHA-256. Tried in this order:

1. a SHA-256 that the name is, or that is its file's name;
2. the bytes of the file at that path under a folder that is given: the clip with the same SHA-256;
3. the name that the clip's file had when it was taken in, without the folders, and without the eight signs
   and hyphen that Label Studio puts before an upload's name. Several clips of that name: none of them,
   unless one alone has the prompt that is named too.
"""

import hashlib
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from annotation.exchange.judgementfile import path_of
from annotation.models import Clip
from annotation.prompts import identity

_BATCH = 5000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")


@dataclass(frozen=True)
class Found:
    """A clip as far as matching needs it."""

    id: uuid.UUID
    prompt_id: int | None
    texts: frozenset[str]
    """Of its prompt, tidied."""


class Clips:
    """What the names of one file stand for. Costs a statement for some thousand names, and no more later."""

    def __init__(self, names: Iterable[str], folder: Path | None = None) -> None:
        self._sha256: dict[str, str] = {}
        wanted = dict.fromkeys(names)
        base = folder.resolve() if folder is not None else None
        for name in wanted:
            if digest := _digest_in(name) or (_digest_at(base, path_of(name)) if base is not None else ""):
                self._sha256[name] = digest
        self._of_sha256 = _clips("sha256", self._sha256.values())
        self._of_name = _clips("original_name", {form for name in wanted for form in _file_names(name)})

    def find(self, name: str, prompt: str = "") -> Found | str:
        """The clip, or why there is none: ``unknown`` or ``ambiguous``."""
        digest = self._sha256.get(name)
        if digest and (by_bytes := self._of_sha256.get(digest)):
            return by_bytes[0]
        for form in _file_names(name):
            found = self._of_name.get(form, [])
            if len(found) > 1 and prompt:
                found = [one for one in found if identity.tidy(prompt) in one.texts] or found
            if found:
                return found[0] if len(found) == 1 else "ambiguous"
        return "unknown"


def _file_names(name: str) -> list[str]:
    file = PurePosixPath(path_of(name)).name
    short = _UPLOADED.sub("", file)
    return [file, short] if short != file else [file]


def _digest_in(name: str) -> str:
    stem = PurePosixPath(path_of(name)).stem.lower()
    return stem if _SHA256.fullmatch(stem) else ""


def _digest_at(base: Path, path: str) -> str:
    """SHA-256 of a file under the folder; "" where there is none, or it lies outside."""
    try:
        file = (base / path).resolve()
        if not file.is_relative_to(base) or not file.is_file():
            return ""
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError, RuntimeError):  # a name that can't be one, a loop of links
        return ""


def _clips(field: str, values: Iterable[str]) -> dict[str, list[Found]]:
    found: dict[str, list[Found]] = defaultdict(list)
    wanted = sorted(set(values) - {""})
    for start in range(0, len(wanted), _BATCH):
        rows = Clip.objects.filter(**{f"{field}__in": wanted[start : start + _BATCH]}).order_by("pk")
        told = rows.values_list(field, "pk", "prompt_id", "prompt__text_en", "prompt__text_zh")
        for value, pk, prompt_id, text_en, text_zh in told:
            found[value].append(Found(pk, prompt_id, frozenset({text_en or "", text_zh or ""} - {""})))
    return found
