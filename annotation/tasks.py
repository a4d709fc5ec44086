"""Short background work of this app, on the queue `default`."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotation.campaigns import shortfalls, tally
from annotation.clips import intake
from annotation.clips.degrade import Kind
from annotation.exchange import outbox
from annotation.labelling import queue
from annotation.models import Campaign
from annotation.quality import annotators, disputes, exclusion, gold_items
from annotation.results import pairversions
from workbench.celery import app
from workbench.models import User
from workbench.refusals import Conflict

log = logging.getLogger(__name__)


@app.task(name="annotation.make_rendition", acks_late=True)  # type: ignore[untyped-decorator]
def make_rendition(clip_id: str, fps: float | None = None, seconds: float | None = None) -> None:
    """Make a clip's judged rendition; nothing happens if it is there."""
    intake.make_rendition(uuid.UUID(clip_id), fps, seconds)


@app.task(name="annotation.want_lost_renditions")  # type: ignore[untyped-decorator]
def want_lost_renditions() -> None:
    """Send the tasks of waiting clips again (periodic)."""
    intake.want_lost_renditions()


@app.task(name="annotation.release_expired")  # type: ignore[untyped-decorator]
def release_expired() -> None:
    """Give back the slots of leases and holds that ran out (periodic)."""
    queue.release_expired()


@app.task(name="annotation.tally")  # type: ignore[untyped-decorator]
def count_changed() -> None:
    """Count campaigns in which something has happened, for their pages (periodic)."""
    tally.count_changed()


@app.task(name="annotation.watch")  # type: ignore[untyped-decorator]
def watch() -> None:
    """Tell managers of people who fall below what a campaign wants (periodic)."""
    shortfalls.watch()


@app.task(name="annotation.webhooks")  # type: ignore[untyped-decorator]
def webhooks() -> None:
    """Find what webhooks are to be told, and tell them (periodic)."""
    outbox.collect()
    outbox.deliver()


@app.task(name="annotation.make_pair_versions")  # type: ignore[untyped-decorator]
def make_pair_versions() -> None:
    """Make the versions of pair sets that people asked for (periodic)."""
    pairversions.make_asked_for()


@app.task(name="annotation.forget_deliveries")  # type: ignore[untyped-decorator]
def forget_deliveries() -> None:
    """Delete old deliveries (periodic)."""
    outbox.forget()


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
    annotators.compute(uuid.UUID(campaign_id))


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
