"""How far a run is, and when it will be done at the pace of its present attempt."""

from dataclasses import dataclass

from workbench.models import Run, RunState


@dataclass(frozen=True, slots=True)
class Progress:
    """`seconds_left` is None where nothing can be said yet."""

    step: int
    total: int | None
    seconds_left: float | None

    @property
    def percent(self) -> float:
        return 100 * self.step / self.total if self.total else 0.0

    def text(self) -> str:
        """Like "120 / 400 (30 %), 1:05 left"."""
        shown = f"{self.step} / {self.total or '?'} ({self.percent:.0f} %)"
        if self.seconds_left is None:
            return shown
        minutes, seconds = divmod(round(self.seconds_left), 60)
        return f"{shown}, {minutes}:{seconds:02d} left"


def progress_of(run: Run) -> Progress:
    """The pace is the steps since this attempt's trainer started over the time they took."""
    left = None
    if run.state == RunState.RUNNING and run.total_steps and run.heartbeat_at:
        started = (
            run.events.filter(kind="state", text="training", attempt=run.attempt).order_by("-pk").first()
        )
        if started is not None:
            steps = run.step - int(started.data.get("step", 0))
            seconds = (run.heartbeat_at - started.at).total_seconds()
            if steps > 0 and seconds > 0:
                left = max(0.0, (run.total_steps - run.step) * seconds / steps)
    return Progress(run.step, run.total_steps, left)
