"""What a campaign would be, before it is made: items, judgements, hours, its first items as people see them.

Hours come from what was measured: the time on task of people in earlier campaigns with as many dimensions.
Where there is none, an assumption takes its place and says that it is one.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.urls import reverse

from annotation.campaigns.planning import Group, Selection, chosen_prompts, plan
from annotation.models import Campaign, Clip, Participation, Prompt

SHOWN = 3
"""First items in a preview."""
LISTED = 50
"""Prompts in a preview, to choose single ones from."""
ASSUMED_WATCHING, ASSUMED_PER_DIMENSION = 8.0, 6.0
"""Seconds: to see the clips, and to pick in one dimension."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a judgement takes, and over how many judgements that was measured: 0, if it is assumed."""

    seconds: float
    judgements: int = 0
    campaigns: int = 0

    @property
    def measured(self) -> bool:
        return self.judgements > 0


@dataclass(frozen=True)
class DryRun:
    prompts: int
    prompts_short: int
    clips: int
    items: int
    judgements: int
    gold: int
    """Gold items that are shown besides, over all people."""
    pace: Pace
    seconds: float
    """Of a judgement, as counted with: what was given, or the pace's."""
    first: list[dict[str, Any]]
    listed: list[dict[str, Any]]

    @property
    def hours(self) -> float:
        return (self.judgements + self.gold) * self.seconds / 3600


def dry_run(
    selection: Selection,
    *,
    protocol: str = Campaign.Protocol.BEST_WORST,
    model_under_test: int | None = None,
    overlap: int = 1,
    gold_share: float = 0,
    n_dimensions: int = 4,
    seconds: float | None = None,
) -> DryRun:
    """Plan a campaign and say what it takes; stores nothing. `seconds` a judgement, None: as measured."""
    planned = plan(selection, protocol, model_under_test)
    pace = measured_pace(n_dimensions, protocol)
    judgements = len(planned.groups) * overlap
    return DryRun(
        prompts=planned.prompts,
        prompts_short=planned.prompts_short,
        clips=planned.clips,
        items=len(planned.groups),
        judgements=judgements,
        gold=round(judgements * gold_share / (1 - gold_share)),
        pace=pace,
        seconds=pace.seconds if seconds is None else seconds,
        first=_as_shown(planned.groups[:SHOWN]),
        listed=_listed(selection),
    )


def measured_pace(n_dimensions: int, protocol: str = Campaign.Protocol.BEST_WORST) -> Pace:
    """Of people in all campaigns of this protocol with this many dimensions, each judgement counting once.
    Reads few rows.
    """
    alike = Campaign.objects.annotate(n=Count("dimensions")).filter(n=n_dimensions, protocol=protocol)
    found = Participation.objects.filter(
        campaign__in=alike.values("pk"), annotator__simulated=False, seconds__gt=0
    ).aggregate(
        time=Sum("seconds"),
        done=Sum(F("judged") + F("surplus") + F("gold_judged")),
        campaigns=Count("campaign", distinct=True),
    )
    if not found["done"]:
        return Pace(ASSUMED_WATCHING + ASSUMED_PER_DIMENSION * n_dimensions)
    return Pace(found["time"] / found["done"], found["done"], found["campaigns"])


def _as_shown(groups: list[Group]) -> list[dict[str, Any]]:
    """Prompts and clips, in an order and under addresses that say nothing of the models."""
    prompts = Prompt.objects.in_bulk([group.prompt_id for group in groups])
    return [
        {
            **_texts(prompts[group.prompt_id]),
            "first_frame": reverse("prompt_first_frame", args=[group.prompt_id])
            if prompts[group.prompt_id].first_frame
            else None,
            "clips": [reverse("clip_video", args=[clip]) for clip in group.clips],
        }
        for group in groups
    ]


def _listed(selection: Selection) -> list[dict[str, Any]]:
    ready = Q(clips__state=Clip.State.READY)
    if selection.video_models:
        ready &= Q(clips__video_model__in=selection.video_models)
    prompts = chosen_prompts(replace(selection, prompts=())).order_by("pk")[:LISTED]
    counted = Prompt.objects.filter(pk__in=[prompt.pk for prompt in prompts])
    rows = counted.annotate(ready=Count("clips", filter=ready)).order_by("pk")
    return [{"id": row.pk, **_texts(row), "clips": row.ready} for row in rows]


def _texts(prompt: Prompt) -> dict[str, str]:
    return {"text_en": prompt.text_en, "text_zh": prompt.text_zh}
