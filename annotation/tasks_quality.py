"""Background work of gold items, disputes, exclusion and reports, on the queue `default`."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotation import disputes, exclusion, gold_items, quality
from annotation.degrade import Kind
from annotation.models import Campaign
from workbench.celery import app
from workbench.models import User
from workbench.refusals import Conflict

log = logging.getLogger(__name__)


@app.task(name="annotation.make_gold")  # type: ignore[untyped-decorator]
def make_gold(
    campaign_id: str, wanted: int, kinds: list[Kind], strength: float, seed: int, by: int | None = None
) -> None:
    """Make gold items from degraded copies; who asked gets a notice."""
    person = User.objects.filter(pk=by).first() if by else None
    gold_items.make_many(uuid.UUID(campaign_id), wanted, kinds, strength, seed, person)


@app.task(name="annotation.follow_exclusions")  # type: ignore[untyped-decorator]
def follow_exclusions(participation_id: int | None = None) -> None:
    """Bring pairs and slots in line with exclusions: of one person, or (periodic) of all that are due."""
    exclusion.follow(participation_id)


@app.task(name="annotation.find_disputes")  # type: ignore[untyped-decorator]
def find_disputes() -> None:
    """Measure the disagreement of what was judged since the last time (periodic)."""
    disputes.find()


@app.task(name="annotation.quality_report")  # type: ignore[untyped-decorator]
def quality_report(campaign_id: str) -> None:
    """Compute a campaign's report on its annotators."""
    quality.compute(uuid.UUID(campaign_id))


def ask_gold(campaign: Campaign, n: int, kinds: Sequence[Kind], strength: float, seed: int, by: User) -> None:
    """Have gold items made by a worker. Raises Conflict `no_broker` where no worker can be told."""
    try:
        make_gold.apply_async(args=[str(campaign.pk), n, list(kinds), strength, seed, by.pk], retry=False)
    except Exception as error:
        log.warning("gold items could not be asked for: %s", error)
        raise Conflict("no_broker", _("No worker can be reached now; try again in a moment.")) from error


def soon(task: Any, *arguments: object) -> None:
    """Send a task whose work is found by the clock too: a broker that is away only delays it."""
    try:
        task.apply_async(args=arguments, retry=False)
    except Exception as error:  # noqa: BLE001 - whichever way a broker fails: the rows are the truth
        log.warning("%s could not be asked for: %s", task.name, error)
