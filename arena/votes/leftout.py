"""What a manager sees of the votes that no board counts: how many by reason, whose, the latest of them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db.models import Count

from annotation.models import Prompt, VideoModel
from arena.models import Answer, Battle, Ruling, Track
from arena.votes import columns, filters
from arena.votes.columns import ANSWERS
from arena.votes.filters import Reason
from arena.votes.voteexport import pseudonym

SHOWN = 50


@dataclass(frozen=True)
class Part:
    reason: Reason
    said: str
    votes: int


@dataclass(frozen=True)
class Summary:
    given: int
    """All votes of the track, simulated ones too."""
    counting: int
    simulated: int
    """Of those that count."""
    left_out: list[Part]


@dataclass(frozen=True)
class Ruled:
    """A voter of whom something was found or decided."""

    voter: uuid.UUID
    pseudonym: str
    kind: Ruling.Verdict
    said: str
    account: bool
    votes: int
    """Given on this track in all."""
    looked_at: int
    p_value: float | None
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class LeftOut:
    """A vote that does not count."""

    at: datetime
    left: str
    right: str
    answer: Answer
    text_en: str
    text_zh: str
    pseudonym: str
    reason: str
    said: str


def summary(track: Track) -> Summary:
    votes = columns.read(track)
    reasons = filters.reasons(votes, filters.rules(track, votes.prompts))
    numbers = np.bincount(reasons, minlength=len(Reason)).tolist()
    simulated = int(np.count_nonzero((votes.flags & columns.SIMULATED > 0) & (reasons == 0)))
    parts = [Part(why, str(said), numbers[why]) for why, said in filters.SAID.items()]
    return Summary(votes.votes, numbers[Reason.NONE], simulated, parts)


def voters(track: Track) -> list[Ruled]:
    """Those found and those decided on, the latest first."""
    given = dict(
        Battle.objects.filter(track=track, state=Battle.State.VOTED, voter__in=track.rulings.values("voter"))
        .values_list("voter")
        .annotate(n=Count("pk"))
    )
    return [
        Ruled(
            voter=row.voter_id,
            pseudonym=pseudonym(columns.key_of(row.voter_id)),
            kind=Ruling.Verdict(row.kind),
            said=row.get_kind_display(),
            account=row.voter.user_id is not None,
            votes=given.get(row.voter_id, 0),
            looked_at=row.votes,
            p_value=row.p_value,
            reason=row.reason,
            by=row.decided_by.username if row.decided_by else "",
            at=row.at,
        )
        for row in track.rulings.select_related("voter", "decided_by").order_by("-at")[:200]
    ]


def latest(track: Track, reason: Reason | None = None) -> list[LeftOut]:
    """The last votes that do not count, for a reason or for any."""
    votes = columns.read(track)
    reasons = filters.reasons(votes, filters.rules(track, votes.prompts))
    (rows,) = (reasons > 0 if reason is None else reasons == reason).nonzero()
    rows = rows[np.argsort(-votes.at[rows], kind="stable")][:SHOWN]
    names = dict(VideoModel.objects.filter(pk__in=votes.models.tolist()).values_list("pk", "name"))
    prompts = Prompt.objects.in_bulk(votes.prompts[votes.prompt[rows]].tolist())
    found = []
    for row in rows.tolist():
        prompt, why = prompts[int(votes.prompts[votes.prompt[row]])], Reason(int(reasons[row]))
        found.append(
            LeftOut(
                at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(votes.at[row])),
                left=names[int(votes.models[votes.left[row]])],
                right=names[int(votes.models[votes.right[row]])],
                answer=ANSWERS[votes.answer[row]],
                text_en=prompt.text_en,
                text_zh=prompt.text_zh,
                pseudonym=pseudonym(int(votes.voters[votes.voter[row]])),
                reason=why.key,
                said=str(filters.SAID[why]),
            )
        )
    return found
