"""Short background work of this app, on the queue `default`."""

import uuid

from annotation import clips, outbox, pairversions, queue, shortfalls, tally
from workbench.celery import app


@app.task(name="annotation.make_rendition", acks_late=True)  # type: ignore[untyped-decorator]
def make_rendition(clip_id: str, fps: float | None = None, seconds: float | None = None) -> None:
    """Make a clip's judged rendition; nothing happens if it is there."""
    clips.make_rendition(uuid.UUID(clip_id), fps, seconds)


@app.task(name="annotation.want_lost_renditions")  # type: ignore[untyped-decorator]
def want_lost_renditions() -> None:
    """Send the tasks of waiting clips again (periodic)."""
    clips.want_lost_renditions()


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
