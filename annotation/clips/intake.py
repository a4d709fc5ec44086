"""Clips in: take a file in, keep its bytes once, and make what people are shown.

1. The bytes are copied to a folder of this process and hashed; known bytes are a known clip.
2. A confined child process decodes them (`media.probe`): what isn't a sound video is `Refused`.
3. Original and poster go to storage under names that say nothing; the row is written, `PENDING`.
4. The judged rendition is made by a task on the queue `default` (or at once); the clip is `READY`.

Storage is used only through its API, never by path: a folder and S3 are the same to this module.
"""

import hashlib
import logging
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext

from annotation import media
from annotation.media import Limits, Probe, Refused
from annotation.models import Clip, Prompt, Rendition, VideoModel
from workbench.models import User
from workbench.storage import reading

log = logging.getLogger(__name__)

BOX = (1280, 720)
"""Pixels: every judged rendition fills this box in one direction, so size tells nothing about the model."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a clip besides its pixels. None and empty mean: not known."""

    prompt: Prompt | None = None
    video_model: VideoModel | None = None
    seed: int | None = None
    source: str = ""
    """Licence and origin, at most 200 characters."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """How a generated clip was made."""


@dataclass(frozen=True)
class Ingested:
    """A clip that was taken in or was there already."""

    clip: Clip
    created: bool
    differs: list[str]
    """Fields of `Facts` in which a clip that was there says something else; it is left as it was."""


@dataclass(frozen=True)
class Spooled:
    """A copy of incoming bytes in a folder of this process."""

    path: Path
    sha256: str
    size: int


def ingest(
    file: "BinaryIO | File[bytes]",
    name: str,
    facts: "Facts | Callable[[], Facts] | None" = None,
    *,
    uploaded_by: User | None = None,
    render_now: bool = False,
) -> Ingested:
    """Take the video in ``file`` in. Raises `Refused` if it isn't a video that is taken (see `media`).

    ``name`` is remembered as the original's name and used for nothing else. ``facts`` may be a function: it
    is called only once the file is known to be good, and so may write what belongs to it. The same bytes are
    one clip: if it is there already, fields it lacks are filled in from ``facts`` and nothing else happens.
    The rendition is left to the workers unless ``render_now``.
    """
    with spooled(file) as copy:
        known = Clip.objects.filter(sha256=copy.sha256).first()
        if known is not None:
            return _complete(known, _told(facts))
        found = media.probe(copy.path, limits())
        picture = copy.path.with_suffix(".jpg")
        media.poster(copy.path, picture, limits=limits())
        told = _told(facts)
        try:
            clip = _store(copy, picture, found, name, told, uploaded_by)
        except IntegrityError:  # the same bytes came in twice at once; the other one was faster
            return _complete(Clip.objects.get(sha256=copy.sha256), told)
    if render_now:
        make_rendition(clip.pk)
        clip.refresh_from_db()
    else:
        _send([clip.pk], None, None)
    return Ingested(clip, created=True, differs=[])


def ingest_upload(
    upload: "UploadedFile[bytes]",
    facts: "Facts | Callable[[], Facts] | None" = None,
    *,
    uploaded_by: User | None = None,
) -> Ingested:
    """Take a file from a form in: `ingest`, refused early where it is larger than ``UPLOAD_MAX_BYTES``."""
    if upload.size is not None and upload.size > settings.UPLOAD_MAX_BYTES:
        raise _too_large(upload.size)
    return ingest(upload, upload.name or "upload", facts, uploaded_by=uploaded_by)


def make_rendition(
    clip_id: uuid.UUID, fps: float | None = None, seconds: float | None = None
) -> Rendition | None:
    """Make a clip's judged rendition, or give the one that is there. Safe to call twice and at once.

    ``fps`` and ``seconds`` are a campaign's normalisation; both None is the plain rendition, which makes the
    clip `READY`. If the video can't be rendered the clip is `BROKEN` with the reason, and None is given.
    """
    clip = Clip.objects.get(pk=clip_id)
    known = clip.renditions.filter(fps=fps, seconds=seconds).first()
    if known is None:
        try:
            known = _render(clip, fps, seconds)
        except Refused as refused:
            log.warning("clip %s can't be rendered: %s", clip.pk, refused)
            Clip.objects.filter(pk=clip.pk).update(state=Clip.State.BROKEN, problem=str(refused))
            return None
    if fps is None and seconds is None and clip.state != Clip.State.READY:
        Clip.objects.filter(pk=clip.pk).update(state=Clip.State.READY, problem="")
    return known


def measure_looks(rendition: Rendition) -> None:
    """Note how a rendition looks that was made before that was measured. Raises `Refused`."""
    with reading(rendition.file.storage, rendition.file.name or "") as (stored, _), spooled(stored) as copy:
        found = media.looks(copy.path, limits())
    Rendition.objects.filter(pk=rendition.pk).update(**asdict(found))


def want_renditions(
    clip_ids: Iterable[uuid.UUID], fps: float | None = None, seconds: float | None = None
) -> int:
    """Send tasks for the renditions of these clips that are missing; give how many were."""
    wanted = list(clip_ids)
    there = set(
        Rendition.objects.filter(clip__in=wanted, fps=fps, seconds=seconds).values_list("clip_id", flat=True)
    )
    missing = [clip_id for clip_id in wanted if clip_id not in there]
    if missing:
        _send(missing, fps, seconds)
    return len(missing)


def want_lost_renditions(older_than: timedelta = timedelta(minutes=15)) -> int:
    """Send tasks again for clips still waiting for their rendition: a broker may lose a message."""
    waiting = Clip.objects.filter(state=Clip.State.PENDING, created_at__lt=timezone.now() - older_than)
    lost = list(waiting.order_by("created_at").values_list("pk", flat=True)[:100])
    if lost:
        _send(lost, None, None)
    return len(lost)


def explain(refused: Refused) -> str:
    """Say why a file is not taken, in the reader's language."""
    values = dict(refused.values)
    for name in ("found", "what"):  # our own words; the other values are names and figures
        if word := values.get(name):
            values[name] = gettext(str(word))
    return gettext(refused.template) % values


def video_model_named(name: str) -> VideoModel:
    """Give the video model of this name, made if it is new. Names with the same slug are one."""
    slug = slugify(name)[:60] or f"model-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return VideoModel.objects.get_or_create(slug=slug, defaults={"name": name[:120]})[0]


def limits() -> Limits:
    """The limits of this installation: the default ones with the size cap from the settings."""
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES)


@contextmanager
def spooled(file: "IO[bytes] | File[bytes]") -> Iterator[Spooled]:
    """Copy ``file`` to a temporary folder, hashing on the way; stop at the size cap. Raises `Refused`."""
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryDirectory(prefix="clip-") as folder:
        path = Path(folder) / "video"
        with path.open("wb") as copy:
            while block := file.read(1 << 20):
                size += len(block)
                if size > settings.UPLOAD_MAX_BYTES:
                    raise _too_large(size)
                digest.update(block)
                copy.write(block)
        yield Spooled(path, digest.hexdigest(), size)


def _told(facts: "Facts | Callable[[], Facts] | None") -> Facts:
    return facts() if callable(facts) else facts or Facts()


def _complete(clip: Clip, facts: Facts) -> Ingested:
    """Fill in what a known clip lacks, and name what it says otherwise."""
    filled, differs = [], []
    for name in ("prompt", "video_model", "seed", "source", "recipe"):
        told, known = getattr(facts, name), getattr(clip, name)
        if told in (None, "", {}) or told == known:
            continue
        if known in (None, "", {}):
            setattr(clip, name, told)
            filled.append(name)
        else:
            differs.append(name)
    if filled:
        clip.save(update_fields=filled)
    return Ingested(clip, created=False, differs=differs)


def _store(
    copy: Spooled, picture: Path, found: Probe, name: str, facts: Facts, uploaded_by: User | None
) -> Clip:
    """Put original and poster into storage and write the row; leave no file behind if the row fails."""
    clip = Clip(
        sha256=copy.sha256,
        size=copy.size,
        original_name=Path(name).name[-255:],
        codec=found.codec,
        width=found.display_width,
        height=found.display_height,
        frames=found.frames,
        fps=float(found.fps),
        duration=found.duration,
        has_audio=found.has_audio,
        prompt=facts.prompt,
        video_model=facts.video_model,
        seed=facts.seed,
        source=facts.source,
        recipe=facts.recipe,
        uploaded_by=uploaded_by,
    )
    try:
        with copy.path.open("rb") as original, picture.open("rb") as poster:
            clip.original.save(f"{uuid.uuid4().hex}.{found.container}", File(original), save=False)
            clip.poster.save(f"{uuid.uuid4().hex}.jpg", File(poster), save=False)
        with transaction.atomic():
            clip.save(force_insert=True)
    except BaseException:
        for stored in (clip.original, clip.poster):
            if stored:
                stored.delete(save=False)
        raise
    return clip


def _render(clip: Clip, fps: float | None, seconds: float | None) -> Rendition:
    with reading(clip.original.storage, clip.original.name or "") as (original, _), spooled(original) as copy:
        out = copy.path.with_suffix(".mp4")
        made = media.render(
            copy.path,
            out,
            box=BOX,
            fps=Fraction(fps).limit_denominator(1001) if fps else None,
            max_seconds=seconds,
            limits=limits(),
        )
        rendition = Rendition(
            clip=clip,
            fps=fps,
            seconds=seconds,
            width=made.width,
            height=made.height,
            frames=made.frames,
            frame_times=made.frame_times,
            duration=made.duration,
            **asdict(made.looks),
        )
        try:
            with out.open("rb") as file:
                rendition.file.save(f"{uuid.uuid4().hex}.mp4", File(file), save=False)
            with transaction.atomic():
                rendition.save(force_insert=True)
        except IntegrityError:  # another worker was faster
            rendition.file.delete(save=False)
            return Rendition.objects.get(clip=clip, fps=fps, seconds=seconds)
        except BaseException:
            if rendition.file:
                rendition.file.delete(save=False)
            raise
    return rendition


def _send(clip_ids: list[uuid.UUID], fps: float | None, seconds: float | None) -> None:
    transaction.on_commit(partial(_send_now, clip_ids, fps, seconds))


def _send_now(clip_ids: list[uuid.UUID], fps: float | None, seconds: float | None) -> None:
    """Send the tasks. If the broker is away, `want_lost_renditions` sends them later: a clip is not lost."""
    from annotation import tasks

    for clip_id in clip_ids:
        try:
            tasks.make_rendition.apply_async(args=[str(clip_id), fps, seconds], retry=False)
        except Exception as error:  # noqa: BLE001 - whichever way a broker fails: the clip's row is the truth
            log.warning("the rendition of clip %s could not be asked for: %s", clip_id, error)
            return


def _too_large(size: int) -> Refused:
    megabyte = 2**20
    return Refused(
        "too_large", given=f"{size / megabyte:.1f} MB", limit=f"{settings.UPLOAD_MAX_BYTES / megabyte:.1f} MB"
    )
