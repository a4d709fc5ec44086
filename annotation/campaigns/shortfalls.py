"""People whose gold accuracy or pace falls below what the campaign wants: managers are told, once.

A shortfall is a row while it lasts. It ends when the figure is above the threshold by a tenth, so that one
that trembles about the threshold is not told every minute. Looking takes a few rows a person.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from annotation.models import Assignment, Campaign, Judgement, Participation, Shortfall
from workbench.models import Notice, Role, User

log = structlog.get_logger(__name__)

LEAST_GOLD = 8
"""Gold items before a person's accuracy is looked at."""
LATEST = 20
"""Judgements that a pace rests on; with fewer it is not looked at."""
RECOVERED = 1.1
"""Times the threshold: from there on a shortfall is over."""
SEEN_WITHIN = timedelta(hours=1)
"""Only people at work are looked at."""


def watch() -> int:
    """Look at everybody at work in open campaigns with a threshold; gives how many shortfalls are new."""
    wanted = Q(least_gold_accuracy__isnull=False) | Q(least_pace__isnull=False)
    campaigns = Campaign.objects.filter(wanted, state=Campaign.State.OPEN)
    new = 0
    for campaign in campaigns:
        parts = campaign.participations.filter(
            last_at__gt=timezone.now() - SEEN_WITHIN, excluded_at=None, annotator__simulated=False
        )
        for part in parts.select_related("annotator"):
            new += sum(_judged(campaign, part, *figure) for figure in _figures(campaign, part))
    return new


def pace(part: Participation) -> float | None:
    """Judgements an hour on task over this person's LATEST ones here; None with fewer, or unmeasured ones."""
    latest = Assignment.objects.filter(
        campaign=part.campaign_id, annotator=part.annotator_id, state=Assignment.State.SUBMITTED
    ).order_by("-leased_at")[:LATEST]
    seconds = Judgement.objects.filter(
        assignment__in=[row.pk for row in latest], supersedes=None, seconds__gt=0
    ).values_list("seconds", flat=True)
    times = [value for value in seconds if value]
    return 3600 * len(times) / sum(times) if len(times) == LATEST else None


def _figures(campaign: Campaign, part: Participation) -> Iterator[tuple[str, float | None, float]]:
    """Kind, value and threshold of what is watched here; a threshold that was taken back ends a shortfall."""
    gold = part.gold_right / part.gold_judged if part.gold_judged >= LEAST_GOLD else None
    yield Shortfall.Kind.GOLD, gold, campaign.least_gold_accuracy or 0
    yield Shortfall.Kind.PACE, pace(part) if campaign.least_pace else None, campaign.least_pace or 0


def _judged(campaign: Campaign, part: Participation, kind: str, value: float | None, least: float) -> bool:
    """True where a shortfall begins."""
    open_one = Shortfall.objects.filter(
        campaign=campaign, annotator=part.annotator_id, kind=kind, ended_at=None
    )
    if not least or (value is not None and value >= min(least * RECOVERED, _best(kind, least))):
        open_one.update(ended_at=timezone.now())
        return False
    if value is None or value >= least or open_one.exists():
        return False
    try:
        with transaction.atomic():
            row = Shortfall.objects.create(
                campaign=campaign, annotator=part.annotator, kind=kind, value=value, least=least
            )
            _tell(row)
    except IntegrityError:  # another watch was faster, and has told
        return False
    return True


def _best(kind: str, least: float) -> float:
    """A share can't rise above 1, so one that is wanted that high is recovered there."""
    return max(least, 1.0) if kind == Shortfall.Kind.GOLD else float("inf")


def _tell(row: Shortfall) -> None:
    """A notice to every manager, and after the commit a mail, each in their language."""
    address = reverse("campaign_progress", args=[row.campaign_id])
    for manager in User.objects.filter(role=Role.MANAGER, is_active=True, simulated=False):
        with translation.override(manager.language):
            text = _text(row)
            body = f"{text}\n\n{settings.SITE_URL}{address}\n"
            subject = _("%(person)s in “%(campaign)s”") % _who(row)
        Notice.objects.create(user=manager, text=text[:300], url=address)
        if manager.email:
            transaction.on_commit(partial(_mail, manager.email, subject, body))


def _text(row: Shortfall) -> str:
    if row.kind == Shortfall.Kind.GOLD:
        said = _(
            "%(person)s is right on %(value).0f %% of the gold in “%(campaign)s”; %(least).0f %% are wanted."
        )
        return said % {**_who(row), "value": 100 * row.value, "least": 100 * row.least}
    said = _("%(person)s judges %(value).0f items an hour on task in “%(campaign)s”; %(least).0f are wanted.")
    return said % {**_who(row), "value": row.value, "least": row.least}


def _who(row: Shortfall) -> dict[str, str]:
    return {"person": row.annotator.username, "campaign": row.campaign.name}


def _mail(to: str, subject: str, text: str) -> None:
    try:
        send_mail(subject.replace("\n", " "), text, settings.DEFAULT_FROM_EMAIL, [to])
    except Exception as error:  # noqa: BLE001 - a mail server's trouble is no trouble of the campaign
        log.warning("shortfall_not_mailed", error=str(error))
