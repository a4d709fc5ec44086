"""Checkpoints: a weights file comes in, from disk or from a run, and goes out to a run's inputs."""

import hashlib
import json
import struct
import uuid
from pathlib import Path
from typing import Any

from django.core.files import File
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from annotation.models import VideoModel
from generator.models import Checkpoint, Round
from workbench.models import Run
from workbench.runs import artifacts
from workbench.runs.kinds import ConfigRefusedError, InputsMissingError

ORGANISATION = "Video Workbench"
_KEY = "workbench"
_LONGEST_HEADER = 100 * 2**20


class NotACheckpointError(ValueError):
    """The file is no weights file of the generator; the text says why."""


def register(path: Path, name: str = "") -> Checkpoint:
    """Bring a weights file in as a checkpoint, or give the one it is already. Raises NotACheckpointError."""
    about = read_about(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    known = Checkpoint.objects.filter(sha256=sha256, run=None).first()
    if known is not None:
        return known
    history = about.get("history") or [{}]
    row = Checkpoint(
        name=name or path.stem,
        preset=_preset(about),
        stage=Checkpoint.Stage.IMPORTED,
        sha256=sha256,
        size=path.stat().st_size,
        settings={"config": about["config"], "history": history},
    )
    with transaction.atomic():
        return _store(row, path)


def from_run(run: Run, path: Path, name: str, parent: Checkpoint) -> Checkpoint:
    """Within a transaction that holds the run: what it trained, as a checkpoint; the same one again.

    Raises NotACheckpointError.
    """
    known = Checkpoint.objects.filter(run=run).first()
    if known is not None:
        return known
    about = read_about(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    row = Checkpoint(
        name=name[:120],
        preset=parent.preset,
        stage=Checkpoint.Stage.REFL,
        sha256=sha256,
        size=path.stat().st_size,
        parent=parent,
        run=run,
        settings={"config": about["config"], "history": about.get("history") or []},
    )
    return _store(row, path)


def read_about(path: Path) -> dict[str, Any]:
    """What a weights file says of itself in its metadata, without its tensors. Raises NotACheckpointError."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))
            about = json.loads(header["__metadata__"][_KEY])
    except (OSError, struct.error, ValueError, KeyError, TypeError) as error:
        text = _("%(file)s is no weights file of the generator: it has no “%(key)s” in its metadata.")
        raise NotACheckpointError(text % {"file": path.name, "key": _KEY}) from error
    if not isinstance(about, dict) or not {"vae", "text", "dit"} <= set(about.get("config") or {}):
        text = _("%(file)s holds weights of something else: expected a generator's vae, text and dit.")
        raise NotACheckpointError(text % {"file": path.name})
    return about


def stage(row: Checkpoint, target: Path) -> None:
    """Bring a checkpoint's file to a run's inputs, checked. Raises InputsMissingError."""
    try:
        artifacts.stage(str(row.file.name), row.sha256, target)
    except artifacts.ObjectMissingError as error:
        text = _("The checkpoint “%(name)s” can't be used: %(why)s")
        raise InputsMissingError(text % {"name": row.name, "why": error}) from error


def find(wanted: uuid.UUID | str, place: str = "checkpoint") -> Checkpoint:
    """The checkpoint of that id. Raises ConfigRefusedError that names the config's field."""
    row = Checkpoint.objects.select_related("video_model").filter(pk=wanted).first()
    if row is None:
        raise ConfigRefusedError([((place,), _("There is no checkpoint %(id)s.") % {"id": wanted})])
    return row


def current_base() -> Checkpoint | None:
    """What the next round begins with: the latest promoted checkpoint, else the latest that is imported."""
    promoted = Round.objects.filter(state=Round.State.PROMOTED).select_related("trained").first()
    return promoted.trained if promoted else Checkpoint.objects.filter(run=None).first()


def _preset(about: dict[str, Any]) -> str:
    for stage_ in reversed(about.get("history") or []):
        if preset := (stage_.get("settings") or {}).get("preset"):
            return str(preset)[:40]
    return ""


def _store(row: Checkpoint, path: Path) -> Checkpoint:
    """Put the file into storage, then write the row with its video model; no file is left if that fails."""
    with path.open("rb") as file:
        row.file.save(f"{uuid.uuid4().hex}.safetensors", File(file), save=False)
    try:
        slug = f"{slugify(row.name)[:40] or 'generator'}-{row.pk.hex[:8]}"
        row.video_model = VideoModel.objects.create(slug=slug, name=row.name, organisation=ORGANISATION)
        row.save(force_insert=True)
    except BaseException:
        row.file.delete(save=False)
        raise
    return row
