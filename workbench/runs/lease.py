"""The lease of a claimed run: renewed by a thread of its own, and the fence around every write.

A supervisor may write only while the row still carries its token. The row is locked meanwhile, so the reaper
can't hand the run to another between the look and the write.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from workbench.models import Run, RunState
from workbench.runs.claim import Claim, lease_end

log = structlog.get_logger(__name__)
T = TypeVar("T")
_RETRY_SECONDS = 0.3
_CANCEL_POLL_SECONDS = 0.5


class LeaseLostError(Exception):
    """The run belongs to somebody else now: nothing more may be written."""


class Lease:
    """Holds a claim for the time of the `with` block: renews it, and learns of cancellation."""

    def __init__(self, claim: Claim) -> None:
        self.run_id: uuid.UUID = claim.run_id
        self.attempt = claim.attempt
        self._token = claim.token
        self._done = threading.Event()
        self._lost = threading.Event()
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{claim.run_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    @property
    def cancel_requested(self) -> bool:
        return self._cancel.is_set()

    @contextmanager
    def fenced(self) -> Iterator[Run]:
        """A transaction with the run's row locked and still ours. Raises LeaseLostError, and then nothing is
        written.
        """
        try:
            with holding(self.run_id, self._token) as run:
                yield run
        except LeaseLostError:
            self._lost.set()
            raise

    def _keep(self) -> None:
        """Renew every third of the lease, look for the cancel flag more often; outlast an outage."""
        renew_at = 0.0
        try:
            while not self._done.is_set() and not self.lost:
                try:
                    if time.monotonic() >= renew_at:
                        self._renew()
                        renew_at = time.monotonic() + settings.RUN_LEASE_SECONDS / 3
                    self._look()
                except (OperationalError, InterfaceError) as error:
                    log.warning("run_lease_waits_for_database", run=str(self.run_id), error=str(error))
                    connect_anew()
                self._done.wait(_CANCEL_POLL_SECONDS)
        finally:
            connection.close()

    def _renew(self) -> None:
        ours = Run.objects.filter(pk=self.run_id, lease_token=self._token, state=RunState.RUNNING)
        if ours.update(lease_expires_at=lease_end(), heartbeat_at=Now()) != 1 and not self._done.is_set():
            self._lost.set()

    def _look(self) -> None:
        found = Run.objects.filter(pk=self.run_id).values_list("lease_token", "cancel_requested_at").first()
        if (found is None or found[0] != self._token) and not self._done.is_set():
            self._lost.set()
        elif found is not None and found[1] is not None:
            self._cancel.set()


@contextmanager
def holding(run_id: uuid.UUID, token: uuid.UUID) -> Iterator[Run]:
    """A transaction with a run's row locked, as long as it carries this token. Raises LeaseLostError."""
    with transaction.atomic():
        ours = Run.objects.select_for_update().filter(pk=run_id, lease_token=token, state=RunState.RUNNING)
        run = ours.first()
        if run is None:
            raise LeaseLostError
        yield run


def through_outages(write: Callable[[], T]) -> T:
    """Do a database write, again and again while the database is away; it must be safe to repeat."""
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            log.warning("run_waits_for_database", error=str(error))
            connect_anew()
            time.sleep(_RETRY_SECONDS)


def connect_anew() -> None:
    """Leave a broken connection, and its pool: its pauses between attempts grow during an outage."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
