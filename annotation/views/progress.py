"""A campaign as it goes, and working time: pages for those who look after people's work."""

import uuid
from dataclasses import asdict
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from annotation.campaigns import progress, tally, worktime
from annotation.forms.worktime import WorkTimeForm
from annotation.models import Campaign
from workbench import charts
from workbench.access import SignedInRequest, audit, may, needs
from workbench.refusals import Invalid
from workbench.streamed import CSV


@require_GET
@needs("campaigns.view")
def campaign_progress(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """The page; with `part` only what changes, which the page asks for every few seconds."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    standing = progress.of_campaign(campaign)
    categories: list[dict[str, object]] = []
    models: list[dict[str, object]] = []
    series: dict[str, object] = {}
    if standing.figures:
        named, models_named = tally.names(standing.figures, get_language() or "en")
        categories = _rows(standing.figures["categories"], named, campaign.overlap)
        models = _rows(standing.figures["video_models"], models_named, campaign.overlap)
        series = {name: standing.figures[name] for name in ("step", "times", "counts")}
    context = {
        "campaign": campaign,
        "standing": standing,
        "categories": categories,
        "models": models,
        "series": series,
        "names_shown": may(request.user, "people"),
        "plotly_words": charts.words(),
    }
    template = "campaign_progress_part.html" if "part" in request.GET else "campaign_progress.html"
    return render(request, f"annotation/{template}", context)


@require_GET
@needs("people")
def work_time(request: SignedInRequest) -> HttpResponse:
    """Hours, items, corrections and skips by person and day; with `csv` as a file."""
    today = timezone.localdate()
    initial = {"since": today - timedelta(days=6), "until": today}
    form = WorkTimeForm(request.GET if "since" in request.GET else initial, label_suffix="")
    rows: list[worktime.WorkDay] = []
    if form.is_valid():
        given = form.cleaned_data
        campaign = given["campaign"].pk if given["campaign"] else None
        try:
            rows = worktime.days(given["since"], given["until"], campaign, names=True)
        except Invalid as invalid:
            form.add_error(None, invalid.message)
    if "csv" in request.GET and form.is_valid():
        given = form.cleaned_data
        since, until = given["since"], given["until"]
        audit(request, "worktime.export", given["campaign"], since=str(since), until=str(until))
        response = HttpResponse(worktime.as_csv(rows), content_type=CSV)
        response["Content-Disposition"] = f'attachment; filename="work-time-{since}-{until}.csv"'
        return response
    total = {
        name: sum(asdict(row)[name] for row in rows)
        for name in ("hours", "items", "corrections", "skips", "skip_hours")
    }
    context = {"form": form, "rows": rows, "total": total, "query": request.GET.urlencode()}
    return render(request, "annotation/work_time.html", context, status=200 if form.is_valid() else 422)


def _rows(shares: list[tally.Share], names: dict[int, str], overlap: int) -> list[dict[str, object]]:
    """What is wanted follows the overlap of now: a tally may be of before it changed."""
    return [
        {
            "name": names.get(row["id"] or 0, ""),
            "items": row["items"],
            "judged": row["judged"],
            "wanted": row["items"] * overlap,
        }
        for row in shares
    ]
