"""The playground: texts typed, a checkpoint chosen, a `generate` run launched, its clips shown."""

from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from annotation.models import Clip, Task
from annotation.prompts import firstframes, identity
from generator.models import Checkpoint
from workbench.models import Run, User
from workbench.runs import launch

MOST_PROMPTS = 20
MOST_SEEDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed."""

    checkpoint: Checkpoint
    texts: tuple[str, ...]
    first_frame: "UploadedFile[bytes] | None" = None
    """For all of the texts: then they are image-to-video."""
    first_seed: int = 1
    seeds: int = 2
    """How many clips of each prompt, with seeds from the first one on."""
    steps: int = 20
    guidance: float = 3.0


def generate(user: User, wanted: Wanted, request: HttpRequest | None = None) -> Run:
    """Launch it. Raises as `launch` does, and firstframes.NotAPictureError."""
    kept = firstframes.keep(wanted.first_frame) if wanted.first_frame is not None else None
    task = Task.I2V if kept else Task.T2V
    rows = [identity.find_or_create(*_in_its_language(text), task, kept) for text in wanted.texts]
    config = {
        "checkpoint": str(wanted.checkpoint.pk),
        "prompts": list(dict.fromkeys(row.pk for row in rows)),
        "seeds": list(range(wanted.first_seed, wanted.first_seed + wanted.seeds)),
        "steps": wanted.steps,
        "guidance": wanted.guidance,
    }
    return launch.launch(user, "generate", config, name=wanted.texts[0][:120], request=request)


def clips_of(run: Run) -> list[Clip]:
    """The clips of a `generate` run, in the order asked for; none before it has succeeded."""
    rows = run.generated.select_related("clip__prompt", "clip__video_model").order_by("position")
    return [row.clip for row in rows]


def _in_its_language(text: str) -> tuple[str, str]:
    """(English, Chinese): a text with a Chinese sign in it is Chinese."""
    chinese = any("\u3400" <= letter <= "\u9fff" for letter in text)
    return ("", text) if chinese else (text, "")
