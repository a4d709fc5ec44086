"""Every vote of a track as columns of numbers: what boards, filters and exports are computed from.

A board may be asked for any category, period and filter, so no counts are kept; kept is what counts are made
from, in a form that is read at once. A vote is 58 bytes of a *block*, a row that is never changed; votes that
are in no block yet are noted by the database with each insert (`UnpackedVote`), in the vote's transaction, so
that none is missed however transactions end. Reading takes the names of the blocks and the loose votes in one
statement, and fetches only blocks that this process has not read before: a new vote costs a read of the loose
votes, whatever the number of votes before it (`python -m tests.bench.boards` measures that).

Packing (`pack`, periodic) moves loose votes into blocks; those that are not full are replaced by larger ones.
"""

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from annotation.models import VideoModel
from arena.models import Answer, Track, UnpackedVote, VoteBlock

Ints = NDArray[np.int64]
FULL = 100_000
"""Votes of a block that is never replaced."""
LOOSE = 20_000
"""From so many loose votes on a reader packs them itself: the periodic packing does not run."""
ANSWERS = tuple(Answer)
"""Answers are numbered by place."""
TOO_FAST, SIMULATED, VISITOR = 1, 2, 4
"""Bits of `flags`."""

_PACKED = np.dtype(
    [
        ("at", ">i8"),
        ("prompt", ">i8"),
        ("voter", ">i8"),
        ("left_clip", ">i8"),
        ("right_clip", ">i8"),
        ("left", ">i4"),
        ("right", ">i4"),
        ("probability", ">f4"),
        ("repeats", ">i2"),
        ("earlier_today", ">i2"),
        ("answer", ">i1"),
        ("flags", ">i1"),
    ]
)
# What PostgreSQL sends is big-endian. A voter or a clip is the first eight bytes of its random id. The last
# two numbers are sent in one int2 of which each is a byte.
_ROW = """
    int8send((extract(epoch FROM vote.created_at) * 1000000)::bigint) || int8send(battle.prompt_id)
    || substring(uuid_send(battle.voter_id) FOR 8)
    || substring(uuid_send(battle.left_id) FOR 8) || substring(uuid_send(battle.right_id) FOR 8)
    || int4send(battle.left_model_id::int) || int4send(battle.right_model_id::int)
    || float4send(COALESCE(battle.probability, 0)::float4)
    || int2send(LEAST(vote.repeats, 32767)::int2) || int2send(LEAST(vote.earlier_today, 32767)::int2)
    || int2send((256 * (array_position(ARRAY['left', 'right', 'tie', 'both_bad'], vote.answer::text) - 1)
        + vote.too_fast::int + 2 * vote.simulated::int + 4 * (voter.user_id IS NULL)::int)::int2)
"""
_FROM = """
    JOIN arena_vote vote ON vote.id = loose.vote_id
    JOIN arena_battle battle ON battle.id = vote.battle_id
    JOIN arena_voter voter ON voter.id = battle.voter_id
"""
_STANDING = """
    SELECT (SELECT array_agg(id ORDER BY id) FROM arena_voteblock WHERE track_id = %(track)s),
           (SELECT string_agg([row], ''::bytea ORDER BY vote.created_at)
            FROM arena_unpackedvote loose [joined] WHERE loose.track_id = %(track)s)
""".replace("[row]", _ROW).replace("[joined]", _FROM)
_TAKE = """
    WITH loose AS MATERIALIZED (
        DELETE FROM arena_unpackedvote WHERE track_id = %(track)s RETURNING vote_id
    )
    SELECT string_agg([row], ''::bytea ORDER BY vote.created_at) FROM loose [joined]
""".replace("[row]", _ROW).replace("[joined]", _FROM)


@dataclass(frozen=True)
class Columns:
    """Votes of a track, nearly in the order they were given; arrays of one length, the number of votes."""

    models: Ints
    """Ids of the video models that met, ascending; `left` and `right` are places in it."""
    prompts: Ints
    """Ids of the prompts, ascending; `prompt` holds places in it."""
    voters: Ints
    """Keys of the voters (`key_of`); `voter` holds places in it."""
    clips: Ints
    """Keys of the clips (`key_of`); `left_clip` and `right_clip` hold places in it."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    prompt: NDArray[np.int32]
    voter: NDArray[np.int32]
    left_clip: NDArray[np.int32]
    right_clip: NDArray[np.int32]
    answer: NDArray[np.int8]
    """Places in `ANSWERS`."""
    at: Ints
    """When it was given: microseconds since 1970, UTC."""
    flags: NDArray[np.int8]
    repeats: NDArray[np.int16]
    """Votes that its voter had given before on this prompt with these two models."""
    earlier_today: NDArray[np.int16]
    """Votes that its voter had given before on that day."""
    probability: NDArray[np.float32]
    """Of its pair and sides, as matchmaking drew them; 0 where it is not known."""

    @property
    def votes(self) -> int:
        return len(self.left)


def read(track: Track) -> Columns:
    """All votes of the track as of now."""
    if UnpackedVote.objects.filter(track=track)[LOOSE : LOOSE + 1].exists():
        pack(track)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_STANDING, {"track": track.pk})
            blocks, loose = cursor.fetchone()
        packed = _packed(track, tuple(blocks or ()))
        if packed is not None:  # else a block was replaced meanwhile
            return _joined(packed, np.frombuffer(loose or b"", _PACKED))


def state(track: Track) -> str:
    """A word that changes with every vote, and whenever a board of the track may be another."""
    revision = Track.objects.values_list("revision", flat=True).get(pk=track.pk)
    return f"{revision}.{given(track)}"


def given(track: Track) -> int:
    """How many votes there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(sum(votes), 0) FROM arena_voteblock WHERE track_id = %(track)s)"
            " + (SELECT count(*) FROM arena_unpackedvote WHERE track_id = %(track)s)",
            {"track": track.pk},
        )
        return int(cursor.fetchone()[0])


def pack(track: Track) -> int:
    """Move the loose votes into blocks; give how many votes."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One packing of a track at a time; the lock goes with the transaction.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('arena.pack'), %s)", [track.pk])
            cursor.execute(_TAKE, {"track": track.pk})
            taken = bytes(cursor.fetchone()[0] or b"")
        if not taken:
            return 0
        moved = len(taken) // _PACKED.itemsize
        partial = VoteBlock.objects.filter(track=track, votes__lt=FULL).order_by("pk")
        whole = b"".join([*(bytes(block.packed) for block in partial), taken])
        partial.delete()
        size = FULL * _PACKED.itemsize
        parts = [whole[start : start + size] for start in range(0, len(whole), size)]
        VoteBlock.objects.bulk_create(
            VoteBlock(track=track, votes=len(part) // _PACKED.itemsize, packed=part) for part in parts
        )
    return moved


def repack(track: Track) -> None:
    """Make the blocks anew from the votes: for whoever doubts them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('arena.pack'), %s)", [track.pk])
        VoteBlock.objects.filter(track=track).delete()
        cursor.execute(
            "INSERT INTO arena_unpackedvote (vote_id, track_id) SELECT vote.id, battle.track_id"
            " FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id"
            " WHERE battle.track_id = %s ON CONFLICT DO NOTHING",
            [track.pk],
        )
        pack(track)


def key_of(pk: uuid.UUID) -> int:
    """The number that a voter or a clip has in columns, from its id."""
    return int.from_bytes(pk.bytes[:8], "big", signed=True)


def slugs(columns: Columns) -> list[str]:
    """Of the columns' models, by place."""
    found = dict(VideoModel.objects.filter(pk__in=columns.models.tolist()).values_list("pk", "slug"))
    return [found[pk] for pk in columns.models.tolist()]


# --- What this process has read already -------------------------------------------------------------------

_KEPT_TRACKS = 8
_kept: OrderedDict[int, tuple[tuple[int, ...], Columns]] = OrderedDict()  # by track: its blocks, joined
_parts: dict[int, NDArray[Any]] = {}  # full blocks of the kept tracks, by id
_lock = threading.Lock()


def _packed(track: Track, blocks: tuple[int, ...]) -> Columns | None:
    """The votes of these blocks; None if one is gone. What was read is kept, since blocks never change."""
    with _lock:
        kept = _kept.get(track.pk)
        if kept is not None and kept[0] == blocks:
            _kept.move_to_end(track.pk)
            return kept[1]
        missing = [block for block in blocks if block not in _parts]
        found = {}
        for pk, packed in VoteBlock.objects.filter(pk__in=missing).values_list("pk", "packed"):
            found[pk] = np.frombuffer(bytes(packed), _PACKED)
        if len(found) < len(missing):
            return None
        rows = [found[block] if block in found else _parts[block] for block in blocks]
        joined = _numbered(np.concatenate(rows) if rows else np.zeros(0, _PACKED))
        _kept[track.pk] = (blocks, joined)
        _kept.move_to_end(track.pk)
        if len(_kept) > _KEPT_TRACKS:
            _kept.popitem(last=False)
        alive = {block for names, _columns in _kept.values() for block in names}
        _parts.update({pk: part for pk, part in found.items() if len(part) >= FULL})
        for gone in _parts.keys() - alive:
            del _parts[gone]
        return joined


def _numbered(rows: NDArray[Any]) -> Columns:
    models = np.unique(np.concatenate([rows["left"], rows["right"]])).astype(np.int64)
    prompts, prompt = np.unique(rows["prompt"].astype(np.int64), return_inverse=True)
    voters, voter = np.unique(rows["voter"].astype(np.int64), return_inverse=True)
    shown = np.concatenate([rows["left_clip"], rows["right_clip"]]).astype(np.int64)
    clips, clip = np.unique(shown, return_inverse=True)
    left_clip, right_clip = clip.astype(np.int32).reshape(2, -1)
    return Columns(
        models=models,
        prompts=prompts,
        voters=voters,
        clips=clips,
        left=np.searchsorted(models, rows["left"]).astype(np.int32),
        right=np.searchsorted(models, rows["right"]).astype(np.int32),
        prompt=prompt.astype(np.int32),
        voter=voter.astype(np.int32),
        left_clip=left_clip,
        right_clip=right_clip,
        answer=rows["answer"].astype(np.int8),
        at=rows["at"].astype(np.int64),
        flags=rows["flags"].astype(np.int8),
        repeats=rows["repeats"].astype(np.int16),
        earlier_today=rows["earlier_today"].astype(np.int16),
        probability=rows["probability"].astype(np.float32),
    )


def _joined(packed: Columns, loose: NDArray[Any]) -> Columns:
    """Loose votes behind the packed ones."""
    if not len(loose):
        return packed
    fresh = _numbered(loose)
    models, old_models, new_models = _merged(packed.models, fresh.models)
    prompts, old_prompts, new_prompts = _merged(packed.prompts, fresh.prompts)
    voters, new_voters = _lengthened(packed.voters, fresh.voters)
    clips, new_clips = _lengthened(packed.clips, fresh.clips)

    def both(old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([old, new.astype(old.dtype)])

    return Columns(
        models=models,
        prompts=prompts,
        voters=voters,
        clips=clips,
        left=both(_moved(packed.left, old_models), new_models[fresh.left]),
        right=both(_moved(packed.right, old_models), new_models[fresh.right]),
        prompt=both(_moved(packed.prompt, old_prompts), new_prompts[fresh.prompt]),
        voter=both(packed.voter, new_voters[fresh.voter]),
        left_clip=both(packed.left_clip, new_clips[fresh.left_clip]),
        right_clip=both(packed.right_clip, new_clips[fresh.right_clip]),
        answer=both(packed.answer, fresh.answer),
        at=both(packed.at, fresh.at),
        flags=both(packed.flags, fresh.flags),
        repeats=both(packed.repeats, fresh.repeats),
        earlier_today=both(packed.earlier_today, fresh.earlier_today),
        probability=both(packed.probability, fresh.probability),
    )


def _merged(old: Ints, new: Ints) -> tuple[Ints, Ints, Ints]:
    """The union, ascending, and where each side's values are in it."""
    union = np.union1d(old, new)
    return union, np.searchsorted(union, old), np.searchsorted(union, new)


def _lengthened(old: Ints, new: Ints) -> tuple[Ints, Ints]:
    """Old keys (ascending) keep their places, since the arrays are long, and unknown ones come behind; and
    where the new keys are then."""
    unknown = np.setdiff1d(new, old, assume_unique=True)
    place = np.searchsorted(old, new)
    known = np.zeros(len(new), bool)
    inside = place < len(old)
    known[inside] = old[place[inside]] == new[inside]
    return np.concatenate([old, unknown]), np.where(known, place, len(old) + np.searchsorted(unknown, new))


def _moved(places: NDArray[np.int32], where: Ints) -> NDArray[np.int32]:
    if np.array_equal(where, np.arange(len(where))):
        return places
    return where[places].astype(np.int32)
