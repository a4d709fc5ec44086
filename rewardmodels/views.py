"""Pages of reward models, and what they say on other pages: the home page, a clip's own."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from annotation.models import Clip, Dimension
from rewardmodels import listing
from rewardmodels.models import RewardModel, Score
from workbench.access import SignedInRequest, may, needs
from workbench.home import Section
from workbench.runs.views import launch_address

PAGE = 25
_EXTREMES = 8


@require_GET
@needs("runs")
def model_list(request: SignedInRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    kind = kind if kind in Dimension.Reward.values else ""
    rows, after = listing.models(kind, _uuid(request.GET.get("after", "")), PAGE)
    more = {name: str(value) for name, value in (("kind", kind), ("after", after)) if value}
    context = {
        "rows": [(row, listing.figures(row)) for row in rows],
        "kind": kind,
        "kinds": Dimension.Reward.choices,
        "more": f"?{urlencode(more)}" if after else "",
        "train": launch_address("reward"),
    }
    return render(request, "rewardmodels/list.html", context)


@require_GET
@needs("runs")
def model_page(request: SignedInRequest, reward_model_id: uuid.UUID) -> HttpResponse:
    """One reward model; `?dimension=` chooses whose best and worst clips are shown."""
    rows = RewardModel.objects.select_related("run", "weights", "start", "pairs")
    model = get_object_or_404(rows, pk=reward_model_id)
    chosen = request.GET.get("dimension", "")
    dimension = chosen if chosen in model.dimensions else model.dimensions[0]
    best, worst = listing.extremes(model, dimension, _EXTREMES)
    context = {
        "model": model,
        "figures": listing.figures(model),
        "campaigns": model.campaigns.order_by("created_at"),
        "successors": model.successors.order_by("created_at"),
        "dimension": dimension,
        "scored": Score.objects.filter(reward_model=model, dimension=dimension).count(),
        "best": best,
        "worst": worst,
        "score": launch_address("score", reward_models=[str(model.pk)]),
        "go_on": launch_address("reward", reward=model.kind, start=str(model.pk)),
    }
    return render(request, "rewardmodels/model.html", context)


def home_section(request: HttpRequest) -> Section | None:
    """On the home page: the latest reward models."""
    if not may(request.user, "runs"):
        return None
    rows, _after = listing.models(limit=3)
    context: dict[str, Any] = {"rows": [(row, listing.figures(row)) for row in rows]}
    context |= {"may_launch": may(request.user, "runs.launch"), "train": launch_address("reward")}
    return Section("rewardmodels/home_section.html", context)


def clip_section(request: HttpRequest, clip: Clip) -> Section | None:
    """On a clip's page: what reward models give it."""
    if not may(request.user, "runs"):
        return None
    scores = listing.of_clip(clip)
    return Section("rewardmodels/clip_section.html", {"scores": scores}) if scores else None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
