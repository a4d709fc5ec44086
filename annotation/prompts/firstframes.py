"""First frames of image-to-video prompts: pixels only, kept once under their own hash."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from annotation import media

MAX_BYTES = 32 * 2**20
_FORMATS = ["PNG", "JPEG", "WEBP"]


class NotAPictureError(ValueError):
    """The file is not a picture that is taken; the text says why, in the reader's language."""


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """A picture in storage: a PNG without metadata, named by the SHA-256 of its bytes."""

    name: str
    sha256: str


def check(source: Path | IO[bytes]) -> None:
    """Raise NotAPictureError unless this is a PNG, JPEG or WebP of a size that is taken."""
    _pixels(source)


def keep(source: Path | IO[bytes]) -> FirstFrame:
    """Bring a picture into storage, or find it there. Raises NotAPictureError."""
    png = io.BytesIO()
    _pixels(source).save(png, "PNG")
    digest = hashlib.sha256(png.getvalue()).hexdigest()
    name = f"first_frames/{digest}.png"
    if not default_storage.exists(name) or default_storage.size(name) != png.getbuffer().nbytes:
        default_storage.delete(name)  # one cut off while it was written
        png.seek(0)
        name = default_storage.save(name, File(png))
    return FirstFrame(name, digest)


def _pixels(source: Path | IO[bytes]) -> Image.Image:
    """The decoded picture, RGB. Its size is looked at before its pixels are."""
    if _size(source) > MAX_BYTES:
        raise NotAPictureError(_("it is larger than 32 MB"))
    try:
        with Image.open(source, formats=_FORMATS) as picture:
            if max(picture.size) > media.Limits().max_side:
                raise NotAPictureError(_("it has too many pixels"))
            return picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAPictureError(_("it is not a readable PNG, JPEG or WebP picture")) from error


def _size(source: Path | IO[bytes]) -> int:
    if isinstance(source, Path):
        return source.stat().st_size
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    return size
