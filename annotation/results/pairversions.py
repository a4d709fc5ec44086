"""Versions of pair sets: exactly these pairs, under a name and a hash, whatever is corrected later.

A version is of the judgements that decided at a moment (`counting.deciding`), in some campaigns. It is asked
for by a row and made once: its pairs as lines, as an export tells them, and the ids of all its judgements,
those that give no pair too, since a reward model learns from ties as well. Both files lie in storage and are
never written again. Image-to-video items without a first frame are left out: nobody saw what to keep.

The hash is over the pairs' identities, one a line: judgement, dimension, best and worst clip, weight; sorted.
"""

import gzip
import hashlib
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.exchange import export
from annotation.labelling import bestworst
from annotation.models import Campaign, Clip, Dimension, ItemClip, Judgement, PairVersion, PreferencePair
from annotation.results.counting import best_worst, deciding
from annotation.results.pairs import ItemRules, pairs_of
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing
from workbench.storage import reading

MADE_AT_ONCE = 2000
"""Judgements up to which a version is made while one waits."""
_BATCH = 500
_NAMESPACE = uuid.UUID("0f4b7a3e-5a0c-4a52-8a3d-2c6b9f6e7d10")
Identity = tuple[str, str, str, str, float]
"""Judgement, dimension's key, best clip, worst clip, weight."""


def ask(
    name: str,
    campaigns: Sequence[uuid.UUID],
    by: User | None,
    *,
    until: datetime | None = None,
    dimensions: Sequence[str] = (),
    include_broken: bool = False,
) -> PairVersion:
    """Ask for a version of some campaigns' pairs, as of now unless a moment is given. `make` makes it.

    Raises Invalid `no_such_dimension`.
    """
    known = set(Dimension.objects.filter(campaign__in=campaigns).values_list("key", flat=True))
    if strange := set(dimensions) - known:
        message = _("There is no dimension “%(key)s” in these campaigns.")
        raise Invalid(
            "no_such_dimension", message % {"key": ", ".join(sorted(strange))}, where="body.dimensions"
        )
    with transaction.atomic():
        version = PairVersion.objects.create(
            name=name.strip()[:120],
            until=until or timezone.now(),
            dimensions=list(dimensions),
            include_broken=include_broken,
            created_by=by,
        )
        version.campaigns.set(Campaign.objects.filter(pk__in=campaigns))
    return version


def keep(
    campaign: Campaign, by: User, name: str, dimensions: Sequence[str], include_broken: bool
) -> PairVersion:
    """Ask for a version of a campaign's pairs now, and make it where that is quick; a task makes others."""
    version = ask(name, [campaign.pk], by, dimensions=dimensions, include_broken=include_broken)
    done = campaign.progress.judged + campaign.progress.surplus
    return make(version) if done <= MADE_AT_ONCE else version


def pinned_id(campaigns: Sequence[uuid.UUID], until: datetime, dimensions: Sequence[str]) -> uuid.UUID:
    """The id that a run's version of these pairs has: the same pairs asked for twice are one version."""
    said = json.dumps([sorted(map(str, campaigns)), until.isoformat(), list(dimensions)])
    return uuid.uuid5(_NAMESPACE, said)


def pinned(
    version_id: uuid.UUID,
    name: str,
    campaigns: Sequence[uuid.UUID],
    until: datetime,
    dimensions: Sequence[str],
) -> PairVersion:
    """The version of this id, made: the one that is there, or else a new one of these pairs."""
    with transaction.atomic():
        version, new = PairVersion.objects.get_or_create(
            pk=version_id,
            defaults={"name": name[:120], "until": until, "dimensions": list(dimensions)},
        )
        if new:
            version.campaigns.set(Campaign.objects.filter(pk__in=campaigns))
    return make(version)


def make(version: PairVersion) -> PairVersion:
    """Write the version's files, once; a version that is made stays as it is. Costs by its judgements."""
    if version.made_at is not None:
        return version
    campaigns = list(version.campaigns.values_list("pk", flat=True))
    ids = list(learnable(campaigns, version.until).values_list("pk", flat=True))
    imported = export.imported_from(campaigns)
    digest, count = hashlib.sha256(), 0
    with tempfile.TemporaryDirectory(prefix="pairs-") as folder:
        lines_path, names_path = Path(folder) / "lines", Path(folder) / "names"
        with _gzipped(lines_path) as lines:
            for pairs in _pairs(sorted(ids, key=str), version):
                for pair in pairs:
                    row = _row(pair, imported)
                    lines.write(export.lines([row]).encode())
                    digest.update(_line(_identity(row)))
                    count += 1
        with _gzipped(names_path) as names:
            names.write("".join(f"{pk}\n" for pk in ids).encode())
        sha256 = digest.hexdigest()
        with transaction.atomic():
            now = PairVersion.objects.select_for_update().get(pk=version.pk)
            if now.made_at is not None:  # another worker was faster
                return now
            now.file.name = _store(lines_path, f"{now.pk}-{sha256[:16]}.jsonl.gz")
            now.judgement_ids.name = _store(names_path, f"{now.pk}-{sha256[:16]}.judgements.gz")
            now.made_at, now.sha256, now.count = timezone.now(), sha256, count
            now.judgements, now.size = len(ids), lines_path.stat().st_size
            now.save()
    return now


def make_asked_for() -> int:
    """Make the versions that people asked for and that are not made yet; returns how many."""
    waiting = PairVersion.objects.filter(made_at=None).exclude(created_by=None).order_by("created_at")[:10]
    return sum(make(version).made_at is not None for version in waiting)


def learnable(campaigns: Sequence[uuid.UUID], until: datetime) -> QuerySet[Judgement]:
    """The judgements of campaigns that decided at a time, in the order they were made."""
    later = Judgement.objects.filter(supersedes=OuterRef("pk"), created_at__lte=until)
    rows = Judgement.objects.filter(~Exists(later), item__campaign__in=campaigns, created_at__lte=until)
    rows = rows.exclude(Q(item__prompt__task="i2v"), Q(item__prompt__first_frame=""))
    return deciding(best_worst(rows), until).order_by("created_at", "pk")


def rows(version: PairVersion, page: int = export.PAGE) -> Iterator[list[dict[str, Any]]]:
    """The pairs as they were stored, a page at a time. Raises Conflict `not_made`, Missing `lost`."""
    for lines in _pages(version, version.file.name, page):
        yield [json.loads(line) for line in lines]


def refuse_unmade(version: PairVersion) -> None:
    """Raise Conflict `not_made` for a version whose files are not there yet."""
    if version.made_at is None:
        raise Conflict("not_made", _("This version is still being made. Try again soon."))


def judgement_ids(version: PairVersion) -> Iterator[uuid.UUID]:
    """The judgements that the version was made from, in the order they were made. Raises as `rows`."""
    for lines in _pages(version, version.judgement_ids.name, 10_000):
        yield from (uuid.UUID(line.decode().strip()) for line in lines)


def of_campaign(campaign: Campaign) -> QuerySet[PairVersion]:
    """A campaign's versions, the newest first."""
    return campaign.pair_versions.select_related("created_by").order_by("-created_at", "-pk")


def digest_of(identities: Iterable[Identity]) -> str:
    """The hash of a set of pairs, in whatever order they come."""
    digest = hashlib.sha256()
    for identity in sorted(identities):
        digest.update(_line(identity))
    return digest.hexdigest()


def _line(identity: Identity) -> bytes:
    *names, weight = identity
    return f"{' '.join(map(str, names))} {weight!r}\n".encode()


def _identity(row: dict[str, Any]) -> Identity:
    return row["judgement"], row["dimension"], row["best"]["clip"], row["worst"]["clip"], row["weight"]


def _pairs(ids: Sequence[uuid.UUID], version: PairVersion) -> Iterator[list[PreferencePair]]:
    """The version's pairs in the order of their identities, with all that a line tells of them."""
    wanted = set(version.dimensions)
    dimensions: dict[uuid.UUID, list[Dimension]] = {}
    for dimension in Dimension.objects.filter(campaign__pair_versions=version).order_by("position"):
        dimensions.setdefault(dimension.campaign_id, []).append(dimension)
    by_id = {row.pk: row for rows_ in dimensions.values() for row in rows_}
    for start in range(0, len(ids), _BATCH):
        found = Judgement.objects.select_related("item__campaign", "item__prompt", "annotator").in_bulk(
            ids[start : start + _BATCH]
        )
        shown: dict[uuid.UUID, list[ItemClip]] = {}
        clips: dict[uuid.UUID, Clip] = {}
        items = {judgement.item_id for judgement in found.values()}
        rows_ = ItemClip.objects.filter(item__in=items).select_related("clip__video_model")
        for item_clip in rows_.order_by("item", "position"):
            shown.setdefault(item_clip.item_id, []).append(item_clip)
            clips[item_clip.clip_id] = item_clip.clip
        batch: list[PreferencePair] = []
        for pk in ids[start : start + _BATCH]:
            judgement = found[pk]
            item = judgement.item
            rules = ItemRules(item, tuple(shown[item.pk]), tuple(dimensions[item.campaign_id]))
            of_one = []
            for pair in pairs_of(judgement, rules, bestworst.from_json(judgement.answers)):
                if pair.broken_by and not version.include_broken:
                    continue
                pair.judgement, pair.dimension = judgement, by_id[pair.dimension_id]
                pair.best, pair.worst = clips[pair.best_id], clips[pair.worst_id]
                if not wanted or pair.dimension.key in wanted:
                    of_one.append(pair)
            of_one.sort(key=lambda pair: (pair.dimension.key, str(pair.best_id), str(pair.worst_id)))
            batch += of_one
        yield batch


def _row(pair: PreferencePair, imported: dict[uuid.UUID, str]) -> dict[str, Any]:
    item = pair.judgement.item
    prompt = export.prompt_row(item.prompt)
    return export.pair_row(pair, item.campaign_id, prompt, imported.get(item.campaign_id))


@contextmanager
def _gzipped(path: Path) -> Iterator[gzip.GzipFile]:
    """Equal contents give equal bytes: neither a name nor a time is in the file."""
    with path.open("wb") as plain, gzip.GzipFile(fileobj=plain, mode="wb", filename="", mtime=0) as packed:
        yield packed


def _store(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return default_storage.save(f"pair_versions/{name}", File(file))


def _pages(version: PairVersion, name: str | None, page: int) -> Iterator[list[bytes]]:
    refuse_unmade(version)
    try:
        with reading(default_storage, name or "") as (source, _size), gzip.open(source, "rb") as lines:
            while batch := list(islice(lines, page)):
                yield batch
    except FileNotFoundError as error:
        raise Missing("lost", _("Storage has lost the file %(name)s.") % {"name": name}) from error
