"""Clips and first frames as inputs of a run: copied out of storage, checked, named by their SHA-256."""

from collections.abc import Iterable
from pathlib import Path

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from annotation.models import Clip, Prompt
from workbench.runs import artifacts
from workbench.runs.kinds import InputsMissingError


def clip_file(clip: Clip) -> str:
    """What a clip's original is called in `DIR/inputs`."""
    return f"{clip.sha256}.video"


def first_frame_file(prompt: Prompt | None) -> str | None:
    """What a prompt's first frame is called in `DIR/inputs`; None where it has none."""
    return f"{prompt.first_frame_sha256}.png" if prompt is not None and prompt.first_frame_sha256 else None


def stage_clips(clips: Iterable[Clip], inputs: Path) -> None:
    """Bring the originals of clips into a folder. Raises InputsMissingError."""
    for clip in {clip.pk: clip for clip in clips}.values():
        why = _("Clip %(id)s can't be used: %(why)s")
        _stage(str(clip.original.name), clip.sha256, inputs / clip_file(clip), why, clip.pk)


def stage_first_frames(prompts: Iterable[Prompt | None], inputs: Path) -> None:
    """Bring the first frames of prompts that have one into a folder. Raises InputsMissingError."""
    for prompt in {prompt.pk: prompt for prompt in prompts if prompt is not None}.values():
        if (name := first_frame_file(prompt)) is not None:
            why = _("The first frame of prompt %(id)s can't be used: %(why)s")
            _stage(str(prompt.first_frame.name), prompt.first_frame_sha256, inputs / name, why, prompt.pk)


def _stage(name: str, sha256: str, target: Path, why: str, row: object) -> None:
    if target.exists():
        return
    try:
        artifacts.stage(name, sha256, target, storage=default_storage)
    except artifacts.ObjectMissingError as error:
        raise InputsMissingError(why % {"id": row, "why": error}) from error
