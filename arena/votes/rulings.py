"""Whose votes count on a track: not those of whom the sequential test found, unless a manager says so."""

import uuid

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.battles import tracks
from arena.models import Battle, Ruling, Track, Voter
from arena.votes import columns, outliers
from workbench.models import User
from workbench.refusals import Missing


def find_outliers(track: Track) -> int:
    """Look at every voter of the track; give how many are newly found. What a manager decided stands."""
    if not track.outlier_alpha:
        return 0
    votes = columns.read(track)
    among = votes.flags & (columns.TOO_FAST | columns.SIMULATED) == 0
    found = {
        int(votes.voters[one.voter]): one for one in outliers.outliers(votes, among, track.outlier_alpha)
    }
    known = {columns.key_of(voter) for voter in track.rulings.values_list("voter_id", flat=True)}
    new = np.array(sorted(found.keys() - known), np.int64)
    if not len(new):
        return 0
    # Their ids begin with the keys' eight bytes.
    rulings = [
        Ruling(
            track=track,
            voter=voter,
            kind=Ruling.Verdict.OUTLIER,
            votes=found[key].votes,
            p_value=found[key].p_value,
        )
        for key in new.tolist()
        for voter in _voters_of(key)
    ]
    with transaction.atomic():
        made = Ruling.objects.bulk_create(rulings, ignore_conflicts=True)
        tracks.changed(track)
    return len(made)


def rule(track: Track, voter_id: uuid.UUID, kind: Ruling.Verdict, by: User, reason: str) -> Ruling:
    """A manager's word on a voter. Raises Missing if they never had a battle on this track."""
    voter = Voter.objects.filter(pk=voter_id).first()
    if voter is None or not Battle.objects.filter(voter=voter, track=track).exists():
        raise Missing("no_such_voter", _("There is no such voter on this track."), where="path.voter")
    said = {"kind": kind, "decided_by": by, "reason": reason, "at": timezone.now()}
    with transaction.atomic():
        ruling, _made = Ruling.objects.update_or_create(track=track, voter=voter, defaults=said)
        tracks.changed(track)
    return ruling


def _voters_of(key: int) -> list[Voter]:
    first = key.to_bytes(8, "big", signed=True)
    low, high = (uuid.UUID(bytes=first + end * 8) for end in (b"\x00", b"\xff"))
    return list(Voter.objects.filter(pk__gte=low, pk__lte=high))
