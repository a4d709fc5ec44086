"""Simulated experts score a Likert or good/same/bad campaign, as its page does: next, look, submit, skip."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from generator.simulated.crew import Crew, Done
from generator.simulated.experts import ExpertTemper, Opinion, expert_temper
from generator.simulated.labelling import look
from generator.simulated.site import RefusedError, Site

_OTHERS_PATIENCE = 10.0
"""Seconds to wait for items that people hold, once there is nothing else to do."""
_GONE = {404, 409}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """What the experts of one run have in common."""

    base_url: str
    campaign: str
    tokens: tuple[str, ...]
    seed: int
    noise: float
    spread: float
    picky: float

    def work(self, crew: Crew, number: int) -> None:
        """One expert's shift, until the campaign has nothing more for them. Raises as `Site`."""
        site = Site(self.base_url, self.tokens[number - 1], lambda: crew.stopped)
        person = expert_temper(
            self.seed, number, crew.people, spread=self.spread, noise=self.noise, picky=self.picky
        )
        try:
            while True:
                told = site.post("/api/label/next", {"campaign": self.campaign})
                item = told["item"]
                if item is None:
                    if told["nothing"] != "others_have_it" or crew.idle_seconds > _OTHERS_PATIENCE:
                        return
                    crew.pause(0.5)
                    continue
                crew.at_work(True)
                try:
                    counts = self._score(site, item, person, number)
                finally:
                    crew.at_work(False)
                if counts is not None:
                    crew.report(Done(number, counts))
        finally:
            site.close()

    def _score(
        self, site: Site, item: dict[str, Any], person: ExpertTemper, number: int
    ) -> dict[str, int] | None:
        """Score one item; what that came to, or None where it was taken away meanwhile."""
        began = time.monotonic()
        dimensions = [dimension["key"] for dimension in item["dimensions"]]
        values = {clip["id"]: look(site, clip["src"], item["prompt"]) for clip in item["clips"]}
        seed = [self.seed, number, uuid.UUID(item["assignment"]).int]
        opinion = Opinion(person, values, dimensions, seed)
        address = f"/api/label/{item['assignment']}"
        pairs = item["campaign"]["protocol"] == "gsb"
        try:
            if not pairs and opinion.passes_over:
                site.post(f"{address}/skip", {"reason": "not worth scoring"})
                return {"skipped": 1}
            left, right = item["clips"][0]["id"], item["clips"][-1]["id"]
            answers = opinion.verdicts(left, right, dimensions) if pairs else opinion.scores()
            site.post(
                f"{address}/submit",
                {
                    "answers": answers,
                    "idempotency_key": str(uuid.uuid4()),
                    "supersedes": item["supersedes"],
                    "seconds": time.monotonic() - began,
                    "played": max(clip["duration"] for clip in item["clips"]),
                },
            )
        except RefusedError as error:
            if error.status in _GONE:
                return None
            raise
        return {"judgements": 1, "marks": len(answers.get("marks", []))}
