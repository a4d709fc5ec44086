"""Simulated voters in the arena, as its page does it: next battle, look, vote."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from generator.simulated.crew import Crew, Done
from generator.simulated.labelling import look
from generator.simulated.minds import Ballot, Impression, temper
from generator.simulated.site import RefusedError, Site

_OVER = {404, 409}


@dataclass(slots=True, kw_only=True)
class Voting:
    """What the voters of one run have in common."""

    base_url: str
    task: str
    votes: int
    tokens: tuple[str, ...]
    seed: int
    noise: float
    _begun: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, crew: Crew, number: int) -> None:
        """One voter's: until together they gave all votes, or none is left for them. Raises as `Site`."""
        site = Site(self.base_url, self.tokens[number - 1], lambda: crew.stopped)
        try:
            while self._another():
                battle = site.post(f"/api/arena/{self.task}/next", {})["battle"]
                if battle is None:
                    return
                answer = self._decide(site, battle, number)
                body = {"answer": answer, "idempotency_key": str(uuid.uuid4())}
                try:
                    site.post(f"/api/arena/battles/{battle['id']}/vote", body)
                except RefusedError as error:
                    if error.status not in _OVER:
                        raise
                    with self._lock:
                        self._begun -= 1
                else:
                    crew.report(Done(number, {"votes": 1, answer: 1}))
        finally:
            site.close()

    def _another(self) -> bool:
        with self._lock:
            self._begun += 1
            return self._begun <= self.votes

    def _decide(self, site: Site, battle: dict[str, Any], number: int) -> Ballot:
        sides = ("left", "right")
        values = {side: look(site, battle[side]["src"], battle["prompt"]) for side in sides}
        dimensions = sorted(set(values["left"]) & set(values["right"]))
        seed = [self.seed, number, uuid.UUID(battle["id"]).int]
        return Impression(temper(self.seed, number, self.noise), values, dimensions, seed).ballot(*sides)
