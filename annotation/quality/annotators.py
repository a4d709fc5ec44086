"""A campaign's annotators: how reliable, how their gold items went, and which habits stand out.

Counters and gold come from people's parts, a row each. What needs the judgements themselves is computed by a
task and kept as the campaign's `QualityReport`, with when and from how many: each person's latest judgements,
SAMPLE in all at most, so it costs no more in a larger campaign.

Reliability, of best/worst campaigns alone, is Dawid and Skene's (`reliability.py`) over pairs of clips: in a
dimension, a judgement says of each pair of an item's clips that one is better, the other, or neither, by best
above neither above worst. It needs items that several people judged. People and simulated annotators are
fitted apart. Habits are `habits.py`'s.
"""

import itertools
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation.campaigns.lifecycle import locked
from annotation.labelling import bestworst
from annotation.models import Assignment, Campaign, ItemClip, Judgement, Participation, QualityReport
from annotation.quality import habits
from annotation.quality.disputes import values_of
from annotation.quality.habits import Answer, Habits
from annotation.quality.reliability import LEAST_LABELS, dawid_skene
from annotation.results.counting import excluded, independent
from workbench.models import User

SAMPLE = 40_000
"""Judgements read for a report, at most; a person's share of them is no less than LEAST_EACH."""
MOST_EACH, LEAST_EACH = 300, 40
ITEMS = 2000
"""Items that several people judged, read for reliability at most."""
SETTINGS = ("gold_feedback", "qualification_items", "qualification_pass", "dispute_from")
"""Fields of a campaign about the quality of its work that may change at any time."""
QUICK, SAME, REPEATED = 0.5, 0.8, 0.8
"""Shares from which a habit is worth a look."""


@dataclass(frozen=True)
class Reliable:
    """A person in one dimension."""

    labels: int
    """Pairs of clips that this person put in order, of items that others judged too."""
    accuracy: float | None
    """How often they are right by the model, 0..1; None with fewer than LEAST_LABELS labels."""


@dataclass(frozen=True)
class PersonReport:
    """What a report says of a person."""

    habits: Habits
    time_z: float | None
    side_p: float | None
    """Corrected for the number of people (Holm)."""
    dimensions: dict[str, Reliable] = field(default_factory=dict)

    @property
    def signs(self) -> list[str]:
        """Of what stands out: quick, slow, too_quick, side, same, repeats."""
        found = {
            "quick": self.time_z is not None and self.time_z <= -habits.OUTLIER,
            "slow": self.time_z is not None and self.time_z >= habits.OUTLIER,
            "too_quick": (self.habits.quick_share or 0) >= QUICK,
            "side": self.side_p is not None and self.side_p < habits.SIGNIFICANT,
            "same": (self.habits.same_share or 0) >= SAME,
            "repeats": (self.habits.repeat_share or 0) >= REPEATED,
        }
        return [sign for sign, there in found.items() if there]


@dataclass(frozen=True)
class Person:
    """A person in a campaign: their part, and what the latest report says of them."""

    annotator: User
    part: Participation
    report: PersonReport | None

    @property
    def gold_share(self) -> float | None:
        """Of their gold items, how much was right; None before the first."""
        return self.part.gold_right / self.part.gold_judged if self.part.gold_judged else None

    @property
    def trial_share(self) -> float | None:
        """The same in the qualification round."""
        return self.part.trial_right / self.part.trial_judged if self.part.trial_judged else None


def people(campaign: Campaign) -> list[Person]:
    """Everybody with a part in the campaign, by name."""
    row = QualityReport.objects.filter(campaign=campaign).first()
    reports = _read(row.report) if row else {}
    parts = Participation.objects.filter(campaign=campaign).select_related("annotator")
    return [
        Person(part.annotator, part, reports.get(part.annotator_id))
        for part in parts.order_by("annotator__username")
    ]


def ask(campaign: Campaign) -> QualityReport:
    """Have the report computed anew by a task; once, however often it is asked for meanwhile."""
    from annotation import tasks

    now = timezone.now()
    row, _made = QualityReport.objects.update_or_create(campaign=campaign, defaults={"asked_at": now})
    transaction.on_commit(partial(tasks.soon, tasks.quality_report, str(campaign.pk)))
    return row


def compute(campaign_id: uuid.UUID) -> QualityReport:
    """Compute and store the report of a campaign."""
    campaign = Campaign.objects.get(pk=campaign_id)
    answers, items, judgements = _answers(campaign)
    found = {person: habits.of_person(given) for person, given in answers.items()}
    times = habits.time_z(found)
    sides = habits.holm({person: one.side_p for person, one in found.items() if one.side_p is not None})
    pairs = campaign.protocol == Campaign.Protocol.BEST_WORST
    reliable = _reliability(campaign, items) if pairs else {}
    report = {
        str(person): asdict(
            PersonReport(
                habits=one,
                time_z=times.get(person),
                side_p=sides.get(person),
                dimensions=reliable.get(person, {}),
            )
        )
        for person, one in found.items()
    }
    row, _made = QualityReport.objects.update_or_create(
        campaign=campaign,
        defaults={
            "report": report,
            "computed_at": timezone.now(),
            "judgements": judgements,
            "asked_at": None,
        },
    )
    return row


def configure(campaign_id: uuid.UUID, version: int, changes: Mapping[str, Any]) -> Campaign:
    """Change these of SETTINGS. Raises Missing, Conflict `stale`."""
    with transaction.atomic():
        campaign = locked(campaign_id, version)
        for name, value in changes.items():
            setattr(campaign, name, value)
        campaign.version += 1
        campaign.save(update_fields=[*changes, "version"])
    return campaign


def _read(stored: Mapping[str, Any]) -> dict[int, PersonReport]:
    return {
        int(person): PersonReport(
            habits=Habits(**told["habits"]),
            time_z=told["time_z"],
            side_p=told["side_p"],
            dimensions={key: Reliable(**one) for key, one in told["dimensions"].items()},
        )
        for person, told in stored.items()
    }


def _answers(campaign: Campaign) -> tuple[dict[int, list[Answer]], set[uuid.UUID], int]:
    """Everybody's latest judgements, oldest first, the items they are of, and how many there are."""
    parts = list(Participation.objects.filter(campaign=campaign).values_list("annotator_id", flat=True))
    each = max(LEAST_EACH, min(MOST_EACH, SAMPLE // max(1, len(parts))))
    answers: dict[int, list[Answer]] = {}
    items: set[uuid.UUID] = set()
    total = 0
    for person in parts:
        latest = Assignment.objects.filter(campaign=campaign, annotator=person).order_by("-leased_at")
        rows = Judgement.objects.filter(
            assignment__in=latest.values("pk")[:each], superseded_by=None, adjudicates=False
        ).select_related("assignment")
        judged = sorted(rows, key=lambda judgement: judgement.created_at)
        seconds = _seconds_to_see([judgement.item_id for judgement in judged])
        answers[person] = [_answer(judgement, seconds[judgement.item_id]) for judgement in judged]
        items |= {judgement.item_id for judgement in judged}
        total += len(judged)
    return answers, items, total


def _seconds_to_see(items: Sequence[uuid.UUID]) -> dict[uuid.UUID, float]:
    """How long the longest clip of each item lasts: all are seen at once."""
    longest = ItemClip.objects.filter(item__in=items).values("item").annotate(seconds=Max("clip__duration"))
    return {row["item"]: row["seconds"] for row in longest}


def _answer(judgement: Judgement, least_seconds: float) -> Answer:
    places = {key: place for place, key in enumerate(judgement.assignment.clip_order)}
    return Answer(
        seconds=judgement.seconds,
        least_seconds=least_seconds,
        n_clips=len(places),
        picks=_picks(judgement, places) if "picks" in judgement.answers else {},
    )


def _picks(
    judgement: Judgement, places: Mapping[str, int]
) -> dict[str, tuple[frozenset[int], frozenset[int]]]:
    return {
        dimension: (
            frozenset(places[key] for key in said.best),
            frozenset(places[key] for key in said.worst),
        )
        for dimension, said in bestworst.from_json(judgement.answers).picks.items()
        if isinstance(said, bestworst.Picks)
    }


def _reliability(campaign: Campaign, items: set[uuid.UUID]) -> dict[int, dict[str, Reliable]]:
    shut_out = set(excluded(campaign.pk))
    sample = sorted(items)
    random.Random(str(campaign.pk)).shuffle(sample)  # noqa: S311 (a sample, not a secret)
    found: dict[int, dict[str, Reliable]] = defaultdict(dict)
    labels: dict[tuple[bool, str], list[tuple[tuple[uuid.UUID, str, str], int, int]]] = defaultdict(list)
    read = 0
    for start in range(0, len(sample), 500):
        if read >= ITEMS:
            break
        judged: dict[tuple[uuid.UUID, bool], list[Judgement]] = defaultdict(list)
        some = sample[start : start + 500]
        for judgement in independent(Judgement.objects.filter(item__in=some, superseded_by=None)):
            judged[judgement.item_id, judgement.simulated].append(judgement)
        clips: dict[uuid.UUID, list[str]] = defaultdict(list)
        for item, pk in ItemClip.objects.filter(item__in=some).order_by("position").values_list("item", "pk"):
            clips[item].append(str(pk))
        for (item, simulated), several in judged.items():
            if len(several) < 2:
                continue
            read += 1
            for judgement in several:
                for dimension, pair, label in _labels(judgement, clips[item]):
                    labels[simulated, dimension].append(((item, *pair), judgement.annotator_id, label))
    for (_simulated, dimension), given in labels.items():
        for person, one in _fitted(given).items():
            if person not in shut_out:
                found[person][dimension] = one
    return found


def _labels(judgement: Judgement, clips: Sequence[str]) -> Iterator[tuple[str, tuple[str, str], int]]:
    """0: the second of the pair is better; 1: neither; 2: the first is."""
    for dimension, values in values_of(bestworst.from_json(judgement.answers)).items():
        for x, y in itertools.combinations(clips, 2):
            apart = values.get(x, 0) - values.get(y, 0)
            yield dimension, (x, y), 1 + (apart > 0) - (apart < 0)


def _fitted(given: Sequence[tuple[tuple[uuid.UUID, str, str], int, int]]) -> dict[int, Reliable]:
    units = {key: n for n, key in enumerate(dict.fromkeys(unit for unit, _person, _label in given))}
    raters = {person: n for n, person in enumerate(sorted({person for _unit, person, _label in given}))}
    model = dawid_skene(
        np.array([units[unit] for unit, _person, _label in given]),
        np.array([raters[person] for _unit, person, _label in given]),
        np.array([label for _unit, _person, label in given]),
        classes=3,
    )
    count = np.bincount([raters[person] for _unit, person, _label in given])
    return {
        person: Reliable(int(count[n]), float(model.accuracy[n]) if count[n] >= LEAST_LABELS else None)
        for person, n in raters.items()
    }
