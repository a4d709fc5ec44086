"""Several simulated people at work at once, one thread each; one of them in trouble ends them all."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from generator.simulated.site import StoppedError


@dataclass(frozen=True, slots=True)
class Done:
    """What one person finished: a judgement or a vote, with what can be counted of it."""

    number: int
    counts: dict[str, int] = field(default_factory=dict)


class Crew:
    """Runs `work(crew, number)` for each number, and hands on what they report, in the order it comes."""

    def __init__(self, people: int, stop: Callable[[], bool]) -> None:
        self.people = people
        self._stop = stop
        self._ended = threading.Event()
        self._told: queue.Queue[Done | BaseException | None] = queue.Queue()
        self._lock = threading.Lock()
        self._busy = 0
        self._idle_since = time.monotonic()

    def run(self, work: Callable[[Crew, int], None]) -> Iterator[Done]:
        """Ends when all have. Raises what one of them raised; the others stop then."""
        threads = [
            threading.Thread(target=self._one, args=(work, number), daemon=True)
            for number in range(1, self.people + 1)
        ]
        for thread in threads:
            thread.start()
        left = len(threads)
        try:
            while left:
                told = self._told.get()
                if told is None:
                    left -= 1
                elif isinstance(told, BaseException):
                    raise told
                else:
                    yield told
        finally:
            self._ended.set()
        for thread in threads:
            thread.join()

    def report(self, done: Done) -> None:
        self._told.put(done)

    @property
    def stopped(self) -> bool:
        return self._ended.is_set() or self._stop()

    def pause(self, seconds: float) -> None:
        """Wait a moment. Raises StoppedError if it is over meanwhile."""
        self._ended.wait(seconds)
        if self.stopped:
            raise StoppedError

    def at_work(self, busy: bool) -> None:
        """Somebody begins or ends with something."""
        with self._lock:
            self._busy += 1 if busy else -1
            self._idle_since = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """For how long nobody has worked on anything."""
        with self._lock:
            return 0.0 if self._busy else time.monotonic() - self._idle_since

    def _one(self, work: Callable[[Crew, int], None], number: int) -> None:
        try:
            work(self, number)
        except StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the thread that watches them
            self._told.put(error)
        finally:
            self._told.put(None)
