"""Simulated annotators label a best/worst campaign, as the labelling page does: next, look, check, submit."""

from __future__ import annotations

import io
import time
import uuid
from dataclasses import dataclass
from typing import Any

from generator.data import labellers
from generator.data.measures import read_clip
from generator.data.world import parse
from generator.simulated.crew import Crew, Done
from generator.simulated.minds import Impression, Temper, Values, temper
from generator.simulated.site import RefusedError, Site

_OTHERS_PATIENCE = 10.0
"""Seconds to wait for items that people hold, once there is nothing else to do."""
_GONE = {404, 409}
"""Statuses of a submission whose item was taken away meanwhile: closed, judged, corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """What the annotators of one run have in common."""

    base_url: str
    campaign: str
    tokens: tuple[str, ...]
    seed: int
    noise: float

    def work(self, crew: Crew, number: int) -> None:
        """One annotator's shift, until the campaign has nothing more for them. Raises as `Site`."""
        site = Site(self.base_url, self.tokens[number - 1], lambda: crew.stopped)
        person = temper(self.seed, number, self.noise)
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
                    counts = self._judge(site, item, person, number)
                finally:
                    crew.at_work(False)
                if counts is not None:
                    crew.report(Done(number, counts))
        finally:
            site.close()

    def _judge(self, site: Site, item: dict[str, Any], person: Temper, number: int) -> dict[str, int] | None:
        """Judge one item; what its pairs came to, or None where it was taken away meanwhile."""
        began = time.monotonic()
        dimensions = [dimension["key"] for dimension in item["dimensions"]]
        values = _values(site, item["clips"], item["prompt"])
        seed = [self.seed, number, uuid.UUID(item["assignment"]).int]
        impression = Impression(person, values, dimensions, seed)
        address = f"/api/label/{item['assignment']}"
        try:
            answers = self._answers(site, address, impression, dimensions)
            longest = max(clip["duration"] for clip in item["clips"])
            given = site.post(
                f"{address}/submit",
                {
                    "answers": answers,
                    "idempotency_key": str(uuid.uuid4()),
                    "supersedes": item["supersedes"],
                    "seconds": time.monotonic() - began,
                    "played": max(longest, item["campaign"]["min_play_seconds"]),
                },
            )
        except RefusedError as error:
            if error.status in _GONE:
                return None
            raise
        ties = sum(1 for answer in answers["picks"].values() if answer == {"tie": True})
        asked_for = len(answers["comparisons"])
        broken = {"pairs": given["pairs"], "broken_pairs": given["broken_pairs"]}
        return {"judgements": 1, "ties": ties, "questions": asked_for} | broken

    def _answers(
        self, site: Site, address: str, impression: Impression, dimensions: list[str]
    ) -> dict[str, Any]:
        """The picks, looked at again where the page says that they clash, and the questions answered."""
        undecided = {key: {"cant_judge": True} for key in dimensions}
        answers: dict[str, Any] = {"picks": undecided | impression.picks(), "comparisons": []}
        while True:
            told = site.post(f"{address}/check", {"answers": answers})
            answers["comparisons"] = told["comparisons"]
            if told["broken"] and impression.reconsider(told["broken"]):
                answers["picks"] = undecided | impression.picks()
                continue
            if not told["questions"]:
                return answers
            for question in told["questions"]:
                pair = {key: question[key] for key in ("dimension", "b", "w")}
                answers["comparisons"].append(pair | {"answer": impression.compare(**pair)})


def _values(site: Site, clips: list[dict[str, Any]], prompt: dict[str, Any]) -> Values:
    """The labellers' measures of each shown clip, by its address in this item."""
    return {clip["id"]: look(site, clip["src"], prompt) for clip in clips}


def look(site: Site, src: str, prompt: dict[str, Any]) -> dict[str, float]:
    """Fetch a clip as people see it, and measure it against its prompt in each dimension."""
    wanted = parse(prompt["text_en"] or prompt["text_zh"])
    given = read_clip(io.BytesIO(site.get(prompt["first_frame"])))[0] if prompt["first_frame"] else None
    return labellers.measure(read_clip(io.BytesIO(site.get(src))), wanted, given).dimensions()
