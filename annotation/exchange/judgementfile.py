"""What files of judgements made elsewhere say, in one form: statements of one person about two clips.

`labelstudio.py` and `pairtable.py` read their formats into it; `judgementimport.py` takes it from there. A
statement that can't be understood as a whole is a problem with its line; nothing of it is used.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from annotation.campaigns.dimensions import DimensionSpec, default_dimensions
from annotation.models import Dimension, Task

MAX_BYTES = 64 * 2**20
MAX_STATEMENTS = 200_000
VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif", ".m4v")

Side = Literal["left", "right", "tie"]


class JudgementFileError(ValueError):
    """Nothing of the file can be read; the message says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a statement. ``line`` counts from 1; ``code`` is for programs."""

    line: int
    code: str
    text: str


@dataclass(frozen=True)
class Statement:
    """What one person said of two clips."""

    line: int
    left: str
    right: str
    """The clips as the file names them: an address, a path, a name or a SHA-256."""
    answers: dict[str, Side]
    """By the file's name of the dimension: which is better."""
    annotator: str = ""
    """Who, as the file tells; only to keep people apart, and never stored."""
    prompt: str = ""
    at: datetime | None = None
    seconds: float | None = None


@dataclass
class Reading:
    """What a file says."""

    statements: list[Statement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was passed over without harm."""


def dimension_named(name: str) -> DimensionSpec:
    """The dimension that a file's name stands for: one of the usual ones, or one of its own.

    A dimension of its own trains no reward model.
    """
    key = _key(name)
    if known := _KNOWN.get(_ALIASES.get(key, key)):
        return known
    shown = name.strip()[:80]
    return DimensionSpec(key=key, name_en=shown, name_zh=shown, required=False)


def side_of(said: str) -> Side | None:
    """Which clip words such as "left", "A", "video 2", "B is better" or "same" mean; None for other words."""
    words = re.findall(r"[a-z0-9]+", said.lower().replace("_", " "))
    if not words:
        return None
    if _TIES & set(words):
        return "tie"
    words = [word.removeprefix("video").removeprefix("clip") or word for word in words]
    left, right = bool(_LEFT & set(words)), bool(_RIGHT & set(words))
    if left == right:
        return None
    return "left" if left else "right"


def path_of(name: str) -> str:
    """The path in an address or path: without host and query, "%20" read, "./" and leading "/" taken off.

    Label Studio's `/data/local-files/?d=PATH` names PATH.
    """
    parts = urlsplit(name.strip())
    inner = parse_qs(parts.query).get("d") if parts.path.endswith("local-files/") else None
    path = inner[0] if inner else unquote(parts.path)
    return re.sub(r"^(\./|/)+", "", path.replace("\\", "/"))


def looks_like_video(value: object) -> bool:
    """True for a text whose path ends as a video's file does, or that is a SHA-256."""
    if not isinstance(value, str) or len(value) > 2000 or "\n" in value:
        return False
    try:
        path = path_of(value).lower()
    except ValueError:  # an address that can't be one
        return False
    return path.endswith(VIDEO_SUFFIXES) or re.fullmatch(r"[0-9a-f]{64}", path) is not None


def _key(name: str) -> str:
    key = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")[:40]
    return key if key and key[0].isalpha() else f"d_{key}"[:40]


_LEFT = {"left", "a", "1", "first", "one"}
_RIGHT = {"right", "b", "2", "second", "two"}
_TIES = {"tie", "tied", "same", "equal", "equally", "both", "neither", "draw", "none"}
_ALIASES = {
    "vq": "visual_quality",
    "mq": "motion_quality",
    "ta": "prompt_following",
    "motion": "motion_quality",
    "aesthetic": "aesthetic_quality",
    "aesthetics": "aesthetic_quality",
    "text_alignment": "prompt_following",
    "prompt_adherence": "prompt_following",
    "prompt_alignment": "prompt_following",
}
_KNOWN = {
    **{spec.key: spec for spec in default_dimensions(Task.I2V)},
    "visual_quality": DimensionSpec(
        key="visual_quality",
        name_en="Visual quality",
        name_zh="视觉质量",
        reward=Dimension.Reward.AESTHETIC.value,
    ),
}
