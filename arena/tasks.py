"""Short background work of this app, on the queue `default`."""

from django.core.management import call_command

from arena import battles, evaluation_reports, evaluations
from workbench.celery import app


@app.task(name="arena.forget")  # type: ignore[untyped-decorator]
def forget() -> None:
    """Delete battles that nobody voted on, and what visitors left behind (periodic)."""
    battles.forget_unvoted()
    call_command("clearsessions")


@app.task(name="arena.advance_evaluations")  # type: ignore[untyped-decorator]
def advance_evaluations() -> None:
    """Move benchmark evaluations on, and report anew where judgements have come (periodic)."""
    evaluations.advance_all()
    evaluation_reports.refresh_all()
