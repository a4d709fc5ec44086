"""Rows to label: prompts, clips with renditions, people and campaigns, without any video file behind them."""

import hashlib
import uuid
from typing import Any

from django.db.models import Count, Q

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.labelling import judging, queue
from annotation.labelling.judging import Submission
from annotation.models import Assignment, Campaign, Clip, Judgement, Prompt, Rendition, Task, VideoModel
from annotation.prompts.identity import fingerprint
from workbench.models import Role, User

PASSWORD = "a long enough password"


def person(name: str, role: str = Role.ANNOTATOR) -> User:
    return User.objects.create(username=name, email=f"{name}@example.org", role=role)


def clips(n_prompts: int, n_models: int = 4) -> list[Clip]:
    """Ready clips: one of each model for each prompt."""
    models = [VideoModel(slug=f"secret-model-{n}", name=f"Secret model {n}") for n in range(n_models)]
    VideoModel.objects.bulk_create(models, ignore_conflicts=True)
    models = list(VideoModel.objects.order_by("slug")[:n_models])
    texts = [(f"Prompt number {p}", f"提示 {p}") for p in range(n_prompts)]
    prompts = Prompt.objects.bulk_create(
        Prompt(text_en=en, text_zh=zh, fingerprint=fingerprint(Task.T2V, en, zh)) for en, zh in texts
    )
    made = []
    for p, prompt in enumerate(prompts):
        made += [
            Clip(
                prompt=prompt,
                video_model=model,
                seed=p,
                sha256=hashlib.sha256(f"{p} {model.slug}".encode()).hexdigest(),
                size=1000,
                original=f"clips/{uuid.uuid4().hex}.mp4",
                original_name=f"hidden-name-{p}-{model.slug}.mp4",
                source="hidden source",
                state=Clip.State.READY,
                codec="h264",
                width=64,
                height=36,
                frames=3,
                fps=10.0,
                duration=0.3,
            )
            for model in models
        ]
    Clip.objects.bulk_create(made)
    Rendition.objects.bulk_create(
        Rendition(
            clip=clip,
            file=f"renditions/{uuid.uuid4().hex}.mp4",
            width=64,
            height=36,
            frames=3,
            frame_times=[0.0, 0.1, 0.2],
            duration=0.3,
        )
        for clip in made
    )
    return made


def campaign(manager: User, *, items: int = 3, opened: bool = True, **changes: Any) -> Campaign:
    """A campaign over fresh prompts, as many items as asked, four clips each unless told otherwise."""
    size = changes.pop("clips_per_item", 4)
    if not Clip.objects.exists():
        clips(items, size)
    spec: dict[str, Any] = {
        "name": "A campaign",
        "dimensions": default_dimensions(),
        "selection": Selection(clips_per_item=size),
        **changes,
    }
    made = lifecycle.create(CampaignSpec(**spec), manager)
    return lifecycle.set_state(made.pk, Campaign.State.OPEN, made.version) if opened else made


def picks(assignment: Assignment, best: int = 0, worst: int = -1) -> dict[str, Any]:
    """Complete answers: in every dimension the clip at this place of the item is best, and that one worst."""
    keys = [str(pk) for pk in assignment.item.item_clips.order_by("position").values_list("pk", flat=True)]
    answer = {"best": [keys[best]], "worst": [keys[worst]]}
    dimensions = assignment.campaign.dimensions.values_list("key", flat=True)
    return {"picks": dict.fromkeys(dimensions, answer), "comparisons": []}


def submit(assignment: Assignment, **changes: object) -> Judgement:
    values = {"idempotency_key": uuid.uuid4(), **changes}
    values["answers"] = changes.get("answers") or picks(assignment)
    accepted = judging.submit(assignment.pk, assignment.annotator, Submission(**values))  # type: ignore[arg-type]
    return accepted.judgement


def taken(campaign: Campaign, person: User) -> Assignment:
    assignment = next_item(campaign, person)
    assert assignment is not None
    return assignment


def next_item(campaign: Campaign, person: User) -> Assignment | None:
    found = queue.next_item(campaign.pk, person)
    return Assignment.objects.get(pk=found) if found else None


def judge(campaign: Campaign, person: User, spoil: bool = False, **changes: Any) -> Judgement:
    """Judge the next item; with `spoil` the motion answer turns the others round, so that pairs break."""
    assignment = taken(campaign, person)
    answers = picks(assignment)
    if spoil:
        chosen = answers["picks"]["motion_quality"]
        answers["picks"]["motion_quality"] = {"best": chosen["worst"], "worst": chosen["best"]}
    return submit(assignment, answers=answers, **changes)


def slots_add_up(campaign: Campaign) -> None:
    """Open slots are the overlap, less what is leased, held or judged; the counters say the same."""
    in_slot = Q(assignments__state__in=(Assignment.State.LEASED, Assignment.State.HELD)) | Q(
        assignments__state=Assignment.State.SUBMITTED, assignments__surplus=False
    )
    for item in campaign.items.annotate(used=Count("assignments", filter=in_slot)):
        assert item.open_slots + item.used == campaign.overlap
    campaign.refresh_from_db()
    submitted = campaign.assignments.filter(state=Assignment.State.SUBMITTED)
    assert campaign.progress.judged == submitted.filter(surplus=False).count()
    assert campaign.progress.surplus == submitted.filter(surplus=True).count()
    assert campaign.progress.skipped == campaign.assignments.filter(state=Assignment.State.SKIPPED).count()
