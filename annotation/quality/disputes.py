"""Where judges disagree: a measure of each item and dimension, and the items that wait for adjudication.

The distance of two judges in a dimension is Kemeny and Snell's (Mathematical Models in the Social Sciences,
1962) over the pairs of an item's clips, scaled to 0..1: a pair counts 1 where one judge calls the first clip
better and the other the second, 1/2 where one of them calls them equal. Best counts above neither, neither
above worst; a tie calls all clips equal, and what can't be judged is left out. A dimension's disagreement is
the mean over all pairs of judges, an item's that of its most disputed dimension. Of four clips, another best
clip makes 1/3, best and worst exchanged 5/6.

Found off-request, by a periodic task that looks at the judgements made since it ran last: what it costs
depends on how much was judged, not on the campaign.
"""

import itertools
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.labelling import bestworst
from annotation.models import Campaign, Dispute, DisputesFound, ItemClip, Judgement
from annotation.results.counting import best_worst, independent
from workbench.refusals import Invalid

BATCH = 500
OVERLAP = timedelta(minutes=2)
"""Looked through again each time: a judgement's time is a little before others can see it."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
Cursor = tuple[float, uuid.UUID]


def find(batch: int = BATCH) -> int:
    """Look at the items judged since the last time; gives how many judgements it saw.

    A batch is a transaction of its own. Safe to repeat, to interrupt, and to run twice at once.
    """
    mark, _made = DisputesFound.objects.get_or_create(pk=1, defaults={"through": _EPOCH})
    after, last = mark.through - OVERLAP, uuid.UUID(int=0)
    seen = 0
    while True:
        rows = Judgement.objects.filter(Q(created_at__gt=after) | Q(pk__gt=last), created_at__gte=after)
        ordered = rows.order_by("created_at", "pk").values_list("created_at", "pk", "item_id")
        page = list(ordered[:batch])
        if not page:
            return seen
        after, last = page[-1][0], page[-1][1]
        with transaction.atomic():
            measure({item for _at, _pk, item in page})
            DisputesFound.objects.filter(pk=mark.pk, through__lt=after).update(through=after)
        seen += len(page)


def measure(item_ids: Iterable[uuid.UUID]) -> None:
    """Measure these items anew and keep what was found; where nobody disagrees any more, nothing is kept.

    A dispute that was decided keeps its decision.
    """
    wanted = list(item_ids)
    said: dict[uuid.UUID, list[bestworst.Answers]] = defaultdict(list)
    campaign_of: dict[uuid.UUID, uuid.UUID] = {}
    rows = independent(best_worst(Judgement.objects.filter(item__in=wanted, superseded_by=None)))
    for item, campaign, answers in rows.values_list("item_id", "item__campaign_id", "answers"):
        said[item].append(bestworst.from_json(answers))
        campaign_of[item] = campaign
    clips: dict[uuid.UUID, list[str]] = defaultdict(list)
    several = [item for item, judged in said.items() if len(judged) > 1]
    for item, clip in ItemClip.objects.filter(item__in=several).values_list("item_id", "pk"):
        clips[item].append(str(clip))
    found = {}
    for item in several:
        by_dimension = disagreement(said[item], clips[item])
        if any(by_dimension.values()):
            found[item] = by_dimension
    Dispute.objects.filter(item__in=set(wanted) - set(found), decision=None).delete()
    Dispute.objects.bulk_create(
        [
            Dispute(
                item_id=item,
                campaign_id=campaign_of[item],
                score=max(by_dimension.values()),
                by_dimension=by_dimension,
                judgements=len(said[item]),
                computed_at=timezone.now(),
            )
            for item, by_dimension in sorted(found.items())
        ],
        update_conflicts=True,
        unique_fields=["item"],
        update_fields=["score", "by_dimension", "judgements", "computed_at"],
    )


def cursor(text: str | None) -> Cursor | None:
    """What `written` wrote; None for None. Raises Invalid `after` for anything else."""
    if not text:
        return None
    try:
        score, item = text.split(":")
        return float(score), uuid.UUID(item)
    except ValueError as error:
        message = _("“%(given)s” is no place in this list.") % {"given": text}
        raise Invalid("after", message, where="query.after") from error


def written(place: Cursor | None) -> str | None:
    """A place in the list of open disputes as text for an address."""
    return f"{place[0]}:{place[1]}" if place else None


def disagreement(judged: Sequence[bestworst.Answers], clips: Sequence[str]) -> dict[str, float]:
    """By dimension that two judges or more answered: their mean distance, 0..1, over an item's clips."""
    values = [values_of(answers) for answers in judged]
    found = {}
    for dimension in sorted({key for one in values for key in one}):
        rated = [one[dimension] for one in values if dimension in one]
        if len(rated) > 1:
            apart = [_distance(one, other, clips) for one, other in itertools.combinations(rated, 2)]
            found[dimension] = round(sum(apart) / len(apart), 6)
    return found


def values_of(answers: bestworst.Answers) -> dict[str, dict[str, int]]:
    """By dimension that was rated: best clips 1, worst -1; clips that are not named are 0."""
    values: dict[str, dict[str, int]] = {}
    for dimension, answer in answers.picks.items():
        if isinstance(answer, bestworst.Picks):
            values[dimension] = {**dict.fromkeys(answer.best, 1), **dict.fromkeys(answer.worst, -1)}
        elif answer is bestworst.Mark.TIE:
            values[dimension] = {}
    return values


def open_disputes(
    campaign: Campaign, after: Cursor | None = None, limit: int = 50
) -> tuple[list[Dispute], Cursor | None]:
    """Undecided disputes from the campaign's threshold up, sharpest first, and where the next page starts."""
    rows: QuerySet[Dispute] = Dispute.objects.filter(
        campaign=campaign, decision=None, score__gte=campaign.dispute_from, score__gt=0
    )
    if after is not None:
        score, item = after
        rows = rows.filter(score__lte=score).filter(Q(score__lt=score) | Q(item__gt=item))
    found = list(rows.select_related("item__prompt").order_by(F("score").desc(), "item_id")[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], (last.score, last.item_id) if last else None


def _distance(one: Mapping[str, int], other: Mapping[str, int], clips: Sequence[str]) -> float:
    pairs = list(itertools.combinations(clips, 2))
    apart = 0
    for x, y in pairs:
        mine, theirs = (_sign(said.get(x, 0) - said.get(y, 0)) for said in (one, other))
        apart += abs(mine - theirs)
    return apart / (2 * len(pairs))


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
