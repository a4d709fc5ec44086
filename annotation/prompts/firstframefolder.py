"""First frames of a prompt set's image-to-video prompts, from a folder of pictures named by the prompts' ids.

The id is what the prompt is called where it comes from (`PromptCandidate.external_id`): ``svb-i2v-007.png``.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Prompt, PromptCandidate, PromptSet, Task
from annotation.prompts import firstframes, identity
from annotation.prompts.firstframes import FirstFrame, NotAPictureError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass
class Report:
    """Ids of prompts by what became of them; ``missing`` are those that no picture is there for at all."""

    given: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def give(prompt_set: PromptSet, folder: Path) -> Report:
    """Give the set's image-to-video prompts the pictures of a folder. What fits is kept; the rest is named.

    A prompt that clips were made of, or that has another picture, stays as it is: the set then has a new one.
    """
    report = Report()
    pictures = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}
    rows = prompt_set.candidates.filter(task=Task.I2V).exclude(prompt=None).exclude(external_id="")
    for candidate in rows.select_related("prompt").order_by("external_id", "pk"):
        path = pictures.pop(candidate.external_id, None)
        assert candidate.prompt is not None
        if path is None:
            if candidate.prompt.lacks_first_frame:
                report.missing.append(candidate.external_id)
            continue
        try:
            frame = firstframes.keep(path)
        except NotAPictureError as error:
            report.problems.append(f"{path.name}: {error}")
            continue
        there = candidate.prompt.first_frame_sha256 == frame.sha256
        (report.there if there else report.given).append(candidate.external_id)
        if not there:
            _give(candidate, frame)
    for stem, path in pictures.items():
        said = {"file": path.name, "id": stem}
        report.problems.append(_("%(file)s: the set has no image-to-video prompt “%(id)s”.") % said)
    return report


def _give(candidate: PromptCandidate, frame: FirstFrame) -> None:
    prompt = candidate.prompt
    assert prompt is not None
    digest = identity.fingerprint(prompt.task, prompt.text_en, prompt.text_zh, frame.sha256)
    with transaction.atomic():
        found = Prompt.objects.filter(fingerprint=digest).first()
        if found is None and prompt.lacks_first_frame and not prompt.clips.exists():
            prompt.first_frame.name, prompt.fingerprint = frame.name, digest
            prompt.save(update_fields=["first_frame", "fingerprint"])
            return
        shows = (prompt.first_frame_en, prompt.first_frame_zh)
        new = found or identity.find_or_create(
            prompt.text_en, prompt.text_zh, prompt.task, frame, shows=shows
        )
        new.categories.add(*prompt.categories.all())
        candidate.prompt = new
        candidate.save(update_fields=["prompt"])
        candidate.prompt_set.prompts.add(new)
        if not candidate.prompt_set.candidates.filter(prompt=prompt).exists():
            candidate.prompt_set.prompts.remove(prompt)
