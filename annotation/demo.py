"""The demo's data: drawn clips, and a campaign open for labelling over them."""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import connection, transaction

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.planning import Selection
from annotation.clips import drawn, intake
from annotation.models import Campaign, PromptSet, VideoModel
from annotation.prompts import identity
from workbench.models import User

CAMPAIGN = "First look: four drawn clips at a time"
GUIDELINES = """\
These clips are drawn by a program, not generated. Each prompt is shown as four pretended video models
would make it; each of them gets something else wrong. Judge every dimension by itself.
"""
SOURCE = "drawn by the workbench for its demo, CC0"


def load(manager: User, say: Callable[[str], None]) -> None:
    """Draw and take in what is missing, then make and open the campaign. Safe to repeat."""
    if Campaign.objects.filter(name=CAMPAIGN).exists():
        return
    total = len(drawn.SCENES) * len(drawn.MODELS)
    # Taking a clip in waits for child processes most of the time, while this thread draws the next.
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        taken = [
            pool.submit(_take_in, _facts(scene, model, seed), path, manager)
            for scene, model, seed, path in drawn.clips(Path(folder))
        ]
        for number, future in enumerate(taken, start=1):
            future.result()
            if number % 6 == 0:
                say(f"  drawn clips: {number} of {total}")
    prompt_set = PromptSet.objects.get(slug="drawn")
    spec = lifecycle.CampaignSpec(
        name=CAMPAIGN,
        guidelines=GUIDELINES,
        dimensions=default_dimensions(),
        selection=Selection(prompt_sets=(prompt_set.pk,)),
        overlap=2,
    )
    with transaction.atomic():
        campaign = lifecycle.create(spec, manager)
        lifecycle.set_state(campaign.pk, Campaign.State.OPEN, campaign.version)


def _take_in(facts: intake.Facts, path: Path, manager: User) -> None:
    try:
        with path.open("rb") as file:
            made = intake.ingest(file, path.name, facts, uploaded_by=manager)
        # Asked for even if the clip was there: an earlier attempt may have ended in between.
        intake.make_rendition(made.clip.pk)
    finally:
        connection.close()


def _facts(scene: drawn.Scene, model: drawn.DrawnModel, seed: int) -> intake.Facts:
    prompt = identity.find_or_create(scene.text_en, scene.text_zh)
    prompt_set, _ = PromptSet.objects.get_or_create(slug="drawn", defaults={"name": "Drawn scenes"})
    prompt.prompt_sets.add(prompt_set)
    video_model, _ = VideoModel.objects.get_or_create(
        slug=model.slug, defaults={"name": model.name, "organisation": "Video Workbench"}
    )
    return intake.Facts(prompt=prompt, video_model=video_model, seed=seed, source=SOURCE)
