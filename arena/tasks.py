"""Short background work of this app, on the queue `default`."""

from django.core.management import call_command

from arena.battles import voting
from arena.evaluations import lifecycle, reports
from arena.models import Track
from arena.votes import columns, rulings
from workbench.celery import app


@app.task(name="arena.forget")  # type: ignore[untyped-decorator]
def forget() -> None:
    """Delete battles that nobody voted on, and what visitors left behind (periodic)."""
    voting.forget_unvoted()
    call_command("clearsessions")


@app.task(name="arena.pack")  # type: ignore[untyped-decorator]
def pack() -> None:
    """Move new votes into blocks (periodic)."""
    for track in Track.objects.all():
        columns.pack(track)


@app.task(name="arena.find_outliers")  # type: ignore[untyped-decorator]
def find_outliers() -> None:
    """Look for voters who vote unlike everybody else (periodic)."""
    for track in Track.objects.all():
        rulings.find_outliers(track)


@app.task(name="arena.advance_evaluations")  # type: ignore[untyped-decorator]
def advance_evaluations() -> None:
    """Move benchmark evaluations on, and report anew where judgements have come (periodic)."""
    lifecycle.advance_all()
    reports.refresh_all()
