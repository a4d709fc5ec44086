"""Pages of adjudication: what waits, and deciding an item."""

import uuid
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation.labelling import bestworst
from annotation.models import Campaign, Dimension
from annotation.quality import adjudication, disputes
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Conflict, Invalid, Missing, Refusal

SIDES = ("best", "worst")
MARKS = ("tie", "cant_judge")


@require_GET
@needs("score")
def dispute_list(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Items whose judges disagree, the sharpest dispute first."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    try:
        after = disputes.cursor(request.GET.get("after"))
    except Invalid:
        after = None
    found, following = disputes.open_disputes(campaign, after)
    dimensions = {dimension.key: dimension for dimension in campaign.dimensions.all()}
    context = {
        "campaign": campaign,
        "disputes": [(one, _sharpest(one.by_dimension, dimensions)) for one in found],
        "following": disputes.written(following),
        "decided": adjudication.own_decisions(campaign, request.user),
    }
    return render(request, "annotation/dispute_list.html", context)


@require_http_methods(["GET", "POST"])
@needs("score")
def dispute(request: SignedInRequest, item_id: uuid.UUID) -> HttpResponse:
    """An item to decide: its clips, blind, and what its judges said."""
    try:
        opened = adjudication.open_item(item_id, request.user)
    except Missing as missing:
        raise Http404 from missing
    except Conflict as conflict:
        return render(
            request, "annotation/dispute_closed.html", {"why": conflict.message}, status=HTTPStatus.CONFLICT
        )
    if request.method == "GET":
        return _page(request, opened, opened.own.answers if opened.own else {"picks": {}})
    dimensions = list(opened.item.campaign.dimensions.order_by("position"))
    answers = _answers(request.POST, dimensions)
    try:
        key = uuid.UUID(request.POST.get("key", ""))
        decision = adjudication.decide(item_id, request.user, answers, key)
    except (Refusal, ValueError) as error:
        text = error.message if isinstance(error, Refusal) else _("This form can't be understood; reload it.")
        status = error.status if isinstance(error, Refusal) else HTTPStatus.UNPROCESSABLE_ENTITY
        messages.error(request, text)
        return _page(request, opened, answers, status)
    audit(request, "item.adjudicate", decision.item, campaign=str(opened.item.campaign_id))
    messages.success(request, _("Decided. The item's pairs follow your answer."))
    return redirect("disputes", opened.item.campaign_id)


def _page(
    request: SignedInRequest,
    opened: adjudication.Opened,
    answers: dict[str, Any],
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    number = {clip["id"]: clip["number"] for clip in opened.clips}
    rows = [
        {
            "dimension": dimension,
            "score": opened.dispute.by_dimension.get(dimension.key) if opened.dispute else None,
            "said": [(one.letter, _told(one.answers, dimension.key, number)) for one in opened.said],
            "chosen": answers["picks"].get(dimension.key, {}),
        }
        for dimension in opened.item.campaign.dimensions.order_by("position")
    ]
    context = {
        "opened": opened,
        "campaign": opened.item.campaign,
        "rows": rows,
        "key": uuid.uuid4(),
        "clips": [{key: clip[key] for key in ("duration", "frame_times")} for clip in opened.clips],
    }
    return render(request, "annotation/dispute.html", context, status=status)


def _told(answers: bestworst.Answers, dimension: str, number: dict[str, int]) -> dict[str, Any]:
    """What a judge said in a dimension: {"best": numbers, "worst": numbers} or {"mark": "tie"}, or {}."""
    said = answers.picks.get(dimension)
    if isinstance(said, bestworst.Picks):
        return {side: sorted(number[key] for key in getattr(said, side)) for side in SIDES}
    return {"mark": said.value} if said else {}


def _answers(given: QueryDict, dimensions: list[Dimension]) -> dict[str, Any]:
    """The form's fields `best:KEY`, `worst:KEY` (clips) and `mark:KEY` as answers."""
    picks: dict[str, Any] = {}
    for dimension in dimensions:
        mark = given.get(f"mark:{dimension.key}", "")
        sides = {side: given.getlist(f"{side}:{dimension.key}") for side in SIDES}
        if mark in MARKS:
            picks[dimension.key] = {mark: True}
        elif any(sides.values()):
            picks[dimension.key] = sides
    return {"picks": picks, "comparisons": []}


def _sharpest(by_dimension: dict[str, float], dimensions: dict[str, Dimension]) -> Dimension | None:
    ranked = sorted(by_dimension, key=lambda key: by_dimension[key], reverse=True)
    return dimensions.get(ranked[0]) if ranked else None
