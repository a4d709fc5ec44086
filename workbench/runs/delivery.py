"""How a kind's `deliver` takes what its trainer left into the app's own rows.

A hook sends large files to storage first (`artifacts.put`), which may take as long as it takes: the lease is
renewed meanwhile. Then it writes its rows, once or in several blocks, each inside `fenced(run)`:

    stored = artifacts.put(folder / "reward.safetensors")
    with delivery.fenced(run) as run:
        artifact = artifacts.keep_file(run, stored, "reward.safetensors")
        RewardModel.objects.update_or_create(run=run, defaults={"artifact": artifact})

A hook may be called again, in another folder with the same contents (the worker died before the run was
marked succeeded) or in the same one (the database was away): what it wrote before must be found, not doubled.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.models import Run
from workbench.runs.lease import LeaseLostError, holding


class DeliveryError(RuntimeError):
    """What the trainer left can't be taken over; fails the run with this text."""


class DeliveryCancelledError(Exception):
    """Somebody cancelled the run while it was delivered."""


@contextmanager
def fenced(run: Run) -> Iterator[Run]:
    """A transaction in which the run that `deliver` was given is still this attempt's; gives its row of now,
    with its `result`.

    Raises LeaseLostError and DeliveryCancelledError, which `deliver` lets pass; then nothing is written.
    """
    if run.lease_token is None:
        raise LeaseLostError
    with holding(run.pk, run.lease_token) as held:
        if held.cancel_requested_at is not None:
            raise DeliveryCancelledError
        yield held
