"""Background work of this app, on the queue `default`: rounds are moved on, evaluations get their clips."""

import structlog

from generator import evaluations, rounds
from workbench.celery import app

log = structlog.get_logger(__name__)


@app.task(name="generator.advance_round")  # type: ignore[untyped-decorator]
def advance_round(round_id: int) -> None:
    """Take one round as far as it goes."""
    rounds.advance(round_id)


@app.task(name="generator.advance_rounds")  # type: ignore[untyped-decorator]
def advance_rounds() -> None:
    """Every round at work (periodic): what a lost message, a judgement or a rendition has made possible."""
    rounds.advance_all()


def send_advance(round_id: int) -> None:
    """Have a round looked at soon. If the broker is away, the periodic look finds it."""
    try:
        advance_round.apply_async(args=[round_id], retry=False, expires=60)
    except Exception as error:  # noqa: BLE001 - whichever way a broker fails: the row is the truth
        log.warning("round_message_not_sent", round=round_id, error=str(error))


@app.task(name="generator.make_evaluation_clips")  # type: ignore[untyped-decorator]
def make_evaluation_clips() -> None:
    """Launch the runs that benchmark evaluations need for our checkpoints' clips (periodic)."""
    evaluations.make_clips_all()
