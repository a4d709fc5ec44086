"""How far a campaign's annotators agree, dimension by dimension, where judgements of an item overlap.

In each dimension a judgement gives every clip of its item one of three values in order: worst -1, neither 0,
best 1; all that are jointly best or worst have its value. A tie calls all clips equal, so all are 0. A
dimension that can't be judged, or has no answer, is missing. Answers to the page's questions are about clips
that are neither best nor worst, and change no value.

A Likert score is the clip's value as it is, and one that is absent is missing. A good/same/bad item is one
unit: 1, 0 or -1 as the model under test does better, the same or worse. Neither gives pairs.

The second figure counts preference pairs, those that break the constraint left out (as exports do): of the
two clips' pairs that both of two annotators state, how many they state the same way round. Two who guess
agree on half of those.

Only current judgements count, given without sight of the others' (`counting.independent`); people's and
simulated annotators' are kept apart. At most ITEMS items are
read, drawn at random where there are more, so the cost does not grow with the campaign.
"""

import itertools
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from django.db import connection

from annotation.labelling import bestworst
from annotation.models import Campaign, Dimension, ItemClip, Judgement, PreferencePair
from annotation.quality import agreement
from annotation.quality.agreement import Floats, Interval, Metric, Percent
from annotation.results.counting import excluded, independent

ITEMS = 500
"""Items a figure rests on at most: two ratings of each give an interval of about 0.05 on either side."""
WHOLE = ""
"""The one unit of a good/same/bad item."""
_OF_VERDICT = {"G": 1, "S": 0, "B": -1}
WALKED = 2000
"""Judgements looked at, at most, for items that others judged too."""
RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's customary bounds (Content Analysis, ch. 11): below the second, draw no conclusions."""


class JudgedBy(StrEnum):
    PEOPLE = "people"
    SIMULATED = "simulated"


class Reading(StrEnum):
    """What alpha and its interval say, in a word."""

    TOO_FEW = "too_few"
    UNDEFINED = "undefined"  # all clips were rated the same
    CHANCE = "chance"  # the interval reaches down to 0
    WEAK = "weak"
    TENTATIVE = "tentative"
    RELIABLE = "reliable"


class KappaKind(StrEnum):
    COHEN = "cohen"
    FLEISS = "fleiss"


@dataclass(frozen=True)
class Kappa:
    """Cohen's where all overlap is of the same two raters, else Fleiss'; `each` ratings of `items` items."""

    kind: KappaKind
    value: float | None
    each: int
    items: int


@dataclass(frozen=True)
class PairAgreement:
    """Of unordered pairs of clips, counted for every two annotators of an item."""

    stated: int
    """By one of the two at least."""
    shared: int
    """By both."""
    agreed: int
    """By both, the same way round."""

    @property
    def share(self) -> float | None:
        return self.agreed / self.shared if self.shared else None


@dataclass(frozen=True)
class DimensionAgreement:
    """Of the items that two raters or more rated in this dimension."""

    dimension: Dimension
    items: int
    raters: int
    alpha: float | None
    """Krippendorff's, ordinal."""
    interval: Interval | None
    alpha_nominal: float | None
    kappa: Kappa | None
    percent: Percent | None
    pairs: PairAgreement

    @property
    def reading(self) -> Reading:
        if self.items < agreement.LEAST_CLUSTERS:
            return Reading.TOO_FEW
        if self.alpha is None:
            return Reading.UNDEFINED
        if self.interval and self.interval.low <= 0:
            return Reading.CHANCE
        if self.alpha < TENTATIVE:
            return Reading.WEAK
        return Reading.TENTATIVE if self.alpha < RELIABLE else Reading.RELIABLE


@dataclass(frozen=True)
class Agreement:
    """Of one kind of annotators, over `items` items that two or more of them judged."""

    judged_by: JudgedBy
    items: int
    sampled: bool
    """True: there may be more such items than were read; these were drawn at random."""
    dimensions: tuple[DimensionAgreement, ...]


def of_campaign(campaign: Campaign) -> tuple[Agreement, ...]:
    """Agreement of people, then of simulated annotators; each only where two of them judged an item."""
    if campaign.overlap < 2 and not campaign.progress.surplus:
        return ()
    dimensions = tuple(campaign.dimensions.order_by("position"))
    return tuple(found for kind in JudgedBy if (found := _of_kind(campaign, kind, dimensions)))


@dataclass(frozen=True)
class _Said:
    """A current judgement."""

    annotator: int
    values: dict[str, dict[str, int]]
    """By dimension key and unit: an ItemClip's id, or WHOLE; a dimension that was not rated is absent."""
    pairs: dict[int, frozenset[tuple[uuid.UUID, uuid.UUID]]]
    """(best, worst) by dimension id."""


def _of_kind(campaign: Campaign, kind: JudgedBy, dimensions: Sequence[Dimension]) -> Agreement | None:
    drawn = _overlapping(campaign, kind)
    items = drawn[:ITEMS]
    if not items:
        return None
    said = _said(items, kind)
    clips: dict[uuid.UUID, list[str]] = defaultdict(list)
    if campaign.protocol == Campaign.Protocol.GSB:
        clips.update({item_id: [WHOLE] for item_id in items})
    else:
        rows = ItemClip.objects.filter(item__in=items).order_by("item").values_list("item_id", "pk")
        for item_id, pk in rows:
            clips[item_id].append(str(pk))
    # A clip that is neither best nor worst lies between; one without a score has no value.
    unsaid = 0 if campaign.protocol == Campaign.Protocol.BEST_WORST else np.nan
    walked = campaign.progress.judged + campaign.progress.surplus
    sampled = len(drawn) > ITEMS or walked > WALKED
    found = tuple(_of_dimension(dimension, items, said, clips, unsaid) for dimension in dimensions)
    return Agreement(kind, len(items), sampled, found)


def _overlapping(campaign: Campaign, kind: JudgedBy) -> list[uuid.UUID]:
    """Items that two or more of this kind judged, in random order: up to one more than ITEMS."""
    values: dict[str, Any] = {
        "campaign": campaign.pk,
        # Ids of assignments are random and know nothing of the campaign's: a start like any other, that
        # gives the same sample each time.
        "start": campaign.pk,
        "walked": WALKED,
        "simulated": kind is JudgedBy.SIMULATED,
        "items": ITEMS + 1,
        "excluded": excluded(campaign.pk),
    }
    with connection.cursor() as cursor:
        cursor.execute(_OVERLAPPING, values)
        return [item_id for (item_id,) in cursor.fetchall()]


def _walk(turn: int, where: str) -> str:
    return f"""
        (SELECT {turn} AS turn, id FROM annotation_assignment
         WHERE campaign_id = %(campaign)s AND state = 'submitted' AND id {where} %(start)s
         ORDER BY id LIMIT %(walked)s)"""  # noqa: S608 (no value is pasted in)


# A stretch of assignments in the order of their random ids, from `start` on and round; of each item, the one
# of its first annotator stands for it, so that an item judged more often is not drawn more often.
_OVERLAPPING = f"""
WITH walked AS (
    SELECT turn, id FROM ({_walk(0, ">=")} UNION ALL {_walk(1, "<")}) w
    ORDER BY turn, id LIMIT %(walked)s)
SELECT j.item_id FROM walked w JOIN annotation_judgement j ON j.assignment_id = w.id
    JOIN annotation_item i ON i.id = j.item_id AND NOT i.gold
WHERE j.simulated = %(simulated)s AND NOT j.adjudicates AND j.annotator_id <> ALL(%(excluded)s::bigint[])
  AND NOT EXISTS (SELECT 1 FROM annotation_judgement l WHERE l.supersedes_id = j.id)
  AND (SELECT count(*) > 1 AND min(o.annotator_id) = j.annotator_id FROM annotation_judgement o
       WHERE o.item_id = j.item_id AND o.simulated = %(simulated)s
         AND NOT o.adjudicates AND o.annotator_id <> ALL(%(excluded)s::bigint[])
         AND NOT EXISTS (SELECT 1 FROM annotation_judgement l WHERE l.supersedes_id = o.id))
ORDER BY w.turn, w.id LIMIT %(items)s
"""  # noqa: S608


def _said(items: Sequence[uuid.UUID], kind: JudgedBy) -> dict[uuid.UUID, list[_Said]]:
    """The current judgements of these items, of one kind, ordered by annotator."""
    current = Judgement.objects.filter(
        item__in=items, simulated=kind is JudgedBy.SIMULATED, superseded_by=None
    )
    rows = independent(current).values_list("pk", "item_id", "annotator_id", "answers")
    judgements = sorted(rows, key=lambda row: row[2])
    pairs: dict[tuple[uuid.UUID, int], list[tuple[uuid.UUID, uuid.UUID]]] = defaultdict(list)
    stated = PreferencePair.objects.filter(judgement__in=[row[0] for row in judgements], broken_by=[])
    for pk, dimension, best, worst in stated.values_list(
        "judgement_id", "dimension_id", "best_id", "worst_id"
    ):
        pairs[pk, dimension].append((best, worst))
    of_judgement: dict[uuid.UUID, dict[int, frozenset[tuple[uuid.UUID, uuid.UUID]]]] = defaultdict(dict)
    for (pk, dimension), listed in pairs.items():
        of_judgement[pk][dimension] = frozenset(listed)
    found: dict[uuid.UUID, list[_Said]] = defaultdict(list)
    for pk, item_id, annotator, answers in judgements:
        found[item_id].append(_Said(annotator, _values(answers), of_judgement[pk]))
    return found


def _values(answers: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Clips that are neither best nor worst are not listed: they are 0."""
    if "scores" in answers:
        return {dimension: scored for dimension, scored in answers["scores"].items() if scored}
    if "verdicts" in answers:
        return {dimension: {WHOLE: _OF_VERDICT[said]} for dimension, said in answers["verdicts"].items()}
    values: dict[str, dict[str, int]] = {}
    for dimension, answer in bestworst.from_json(answers).picks.items():
        if isinstance(answer, bestworst.Picks):
            values[dimension] = {**dict.fromkeys(answer.best, 1), **dict.fromkeys(answer.worst, -1)}
        elif answer is bestworst.Mark.TIE:
            values[dimension] = {}
    return values


def _of_dimension(
    dimension: Dimension,
    items: Sequence[uuid.UUID],
    said: dict[uuid.UUID, list[_Said]],
    clips: dict[uuid.UUID, list[str]],
    unsaid: float,
) -> DimensionAgreement:
    rated = {
        item: judged
        for item in items
        if len(judged := [one for one in said[item] if dimension.key in one.values]) > 1
    }
    raters = sorted({one.annotator for judged in rated.values() for one in judged})
    most = max(map(len, rated.values()), default=0)
    ratings = np.full((sum(len(clips[item]) for item in rated), most), np.nan)
    cluster = np.repeat(np.arange(len(rated)), [len(clips[item]) for item in rated])
    unit = 0
    for item, judged in rated.items():
        for clip in clips[item]:
            ratings[unit, : len(judged)] = [one.values[dimension.key].get(clip, unsaid) for one in judged]
            unit += 1
    return DimensionAgreement(
        dimension=dimension,
        items=len(rated),
        raters=len(raters),
        alpha=agreement.alpha(ratings, Metric.ORDINAL),
        interval=agreement.alpha_interval(ratings, cluster, Metric.ORDINAL),
        alpha_nominal=agreement.alpha(ratings, Metric.NOMINAL),
        kappa=_kappa(ratings, raters, [len(judged) for judged in rated.values()], cluster),
        percent=agreement.percent_agreement(ratings),
        pairs=_pair_agreement(dimension, rated.values()),
    )


def _kappa(
    ratings: Floats, raters: Sequence[int], ratings_each: Sequence[int], cluster: agreement.Ints
) -> Kappa | None:
    """Cohen's of two raters; Fleiss' over the items that have the commonest number of ratings."""
    if not raters:
        return None
    if len(raters) == 2:
        value = agreement.cohen_kappa(ratings[:, 0], ratings[:, 1])
        return Kappa(KappaKind.COHEN, value, 2, len(ratings_each))
    (each, items), *_others = Counter(ratings_each).most_common(1)
    rated = (~np.isnan(ratings)).sum(axis=1)  # a clip may lack the score that others of its item have
    kept = (np.asarray(ratings_each)[cluster] == each) & (rated == each)
    return Kappa(KappaKind.FLEISS, agreement.fleiss_kappa(agreement.counted(ratings[kept])), each, items)


def _pair_agreement(dimension: Dimension, rated: Iterable[Sequence[_Said]]) -> PairAgreement:
    stated = shared = agreed = 0
    for judged in rated:
        for one, other in itertools.combinations(judged, 2):
            mine, theirs = (said.pairs.get(dimension.pk, frozenset()) for said in (one, other))
            same = len(mine & theirs)
            both = same + sum((worst, best) in theirs for best, worst in mine)
            agreed, shared = agreed + same, shared + both
            stated += len(mine) + len(theirs) - both
    return PairAgreement(stated, shared, agreed)
