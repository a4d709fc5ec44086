"""The run kind `judge`: the oracle that nothing is optimised for measures clips.

The measures are those of `generator/data/judge.py`.
"""

import uuid
from pathlib import Path
from typing import Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from annotation.clips.staging import clip_file, first_frame_file, stage_clips, stage_first_frames
from annotation.models import Clip
from generator.models import JudgeScore
from workbench.models import Run
from workbench.runs import delivery
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, RunKind

MOST_CLIPS = 5000
JUDGED_FILE = "judged.jsonl"


class JudgeRun(BaseModel):
    """The held-out judge measures clips."""

    model_config = ConfigDict(extra="forbid", strict=True)

    clips: Annotated[
        list[Annotated[uuid.UUID, Field(strict=False)]],
        Field(min_length=1, max_length=MOST_CLIPS, description=gettext_noop("Clips by id")),
    ]


def pin(wanted: JudgeRun) -> Config:
    """Raises ConfigRefusedError for what is no clip with a prompt."""
    found = set(Clip.objects.filter(pk__in=wanted.clips, prompt__isnull=False).values_list("pk", flat=True))
    text = _("%(id)s is no clip that has a prompt.")
    problems: list[tuple[tuple[str | int, ...], str]] = [
        (("clips", place), text % {"id": clip})
        for place, clip in enumerate(wanted.clips)
        if clip not in found
    ]
    if problems:
        raise ConfigRefusedError(problems)
    return {"clips": [str(clip) for clip in dict.fromkeys(wanted.clips)]}


def prepare(config: Config, folder: Path) -> Config:
    """Stage clips and first frames. Raises InputsMissingError."""
    rows = {
        str(clip.pk): clip for clip in Clip.objects.filter(pk__in=config["clips"]).select_related("prompt")
    }
    if missing := [clip for clip in config["clips"] if clip not in rows]:
        text = _("%(count)s of the run's clips no longer exist, first %(id)s.")
        raise InputsMissingError(text % {"count": len(missing), "id": missing[0]})
    wanted = [rows[clip] for clip in config["clips"]]
    stage_clips(wanted, folder / "inputs")
    stage_first_frames((clip.prompt for clip in wanted), folder / "inputs")
    return {"clips": [_told(clip) for clip in wanted]}


def deliver(run: Run, folder: Path) -> None:
    """The measures become rows. Raises DeliveryError."""
    lines = _read(folder / JUDGED_FILE)
    wanted = set(run.config["clips"])
    if {line.clip for line in lines} != wanted:
        text = _("%(name)s tells of %(found)s clips; expected the %(wanted)s of this run.")
        said = {"name": JUDGED_FILE, "found": len({line.clip for line in lines}), "wanted": len(wanted)}
        raise delivery.DeliveryError(text % said)
    with delivery.fenced(run) as now:
        JudgeScore.objects.bulk_create(
            [
                JudgeScore(
                    clip_id=line.clip,
                    dimension=line.dimension,
                    value=line.value,
                    version=line.version,
                    run=now,
                )
                for line in sorted(lines, key=lambda line: (line.clip, line.dimension))
            ],
            update_conflicts=True,
            unique_fields=["clip", "dimension", "version"],
            update_fields=["value", "run"],
        )


JUDGE = RunKind(
    key="judge",
    title=gettext_lazy("Judge clips"),
    about=gettext_lazy("A measuring judge looks at clips. Nothing is ever trained to please it."),
    config=JudgeRun,
    command=("generator.data.judge",),
    queue="default",
    pin=pin,
    prepare=prepare,
    processes=lambda config: 1,
    deliver=deliver,
    final_checkpoint=False,
)


def _told(clip: Clip) -> Config:
    assert clip.prompt is not None  # `pin` takes no other
    return {
        "id": str(clip.pk),
        "file": clip_file(clip),
        "prompt": clip.prompt.text("en"),
        "first_frame": first_frame_file(clip.prompt),
    }


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    clip: str
    dimension: str
    value: Annotated[float, Field(ge=0, le=1)]
    version: Annotated[int, Field(ge=0, lt=2**15)]


def _read(path: Path) -> list[_Line]:
    if not path.is_file():
        raise delivery.DeliveryError(_("The judge left no %(name)s.") % {"name": path.name})
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return [_Line.model_validate_json(line) for line in lines]
    except ValidationError as error:
        text = _("%(name)s holds a line that is no measure: %(why)s") % {"name": path.name, "why": error}
        raise delivery.DeliveryError(text) from error
