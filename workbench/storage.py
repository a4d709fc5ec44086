"""Where files are kept, from `STORAGE_URL`: a folder that all hosts share, or a bucket in S3.

Names in storage are random or hashes of the content, so a name that is written twice holds the same bytes.
"""

import io
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO, Any, cast
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage

ADDRESSING = ("auto", "path", "virtual")


def configured(url: str) -> dict[str, Any]:
    """What Django's STORAGES holds for `file:///folder` or `s3://bucket/prefix`.

    Keys and region come from the S3 client's own variables and files, or from the host's role. A server
    of one's own (`AWS_ENDPOINT_URL`) is asked for `/bucket/name`, which needs no host name for each bucket;
    `?addressing=virtual` is for those that want `bucket.host`. Raises ImproperlyConfigured.
    """
    try:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise _not_understood(url) from error
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/") and not asked:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": parts.path},
        }
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or None
    addressing = asked.pop("addressing", "path" if endpoint else "auto")
    if parts.scheme != "s3" or not parts.netloc or asked or addressing not in ADDRESSING:
        raise _not_understood(url)
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": parts.path.strip("/"),
            "endpoint_url": endpoint,
            "addressing_style": addressing,
            "signature_version": "s3v4",
            "default_acl": None,
            # An object is replaced as a whole; another name beside a damaged one would never mend it.
            "file_overwrite": True,
            # Past this, what is opened other than by `reading` goes to a file; 0 would be: all into memory.
            "max_memory_size": 8 * 1024 * 1024,
            "transfer_config": _transfer_config(),
        },
    }


@contextmanager
def reading(storage: Storage, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open a stored file to be read once, from its start: the stream, and its size in bytes.

    An object in S3 comes as it is read, through neither memory nor disk. Raises FileNotFoundError.
    """
    with storage.open(name, "rb") as opened, closing(stream(opened)) as source:
        yield source, int(opened.size)


def stream(opened: Any, start: int = 0, stop: int | None = None) -> IO[bytes]:
    """The bytes `start` to `stop` of what a storage opened; to its end if `stop` is None.

    An object in S3 is asked for just these. A folder's file can be read beyond `stop`.
    """
    if hasattr(opened, "obj"):
        if start == stop:  # there is no range of nothing
            return io.BytesIO()
        ranged = {} if (start, stop) == (0, None) else {"Range": f"bytes={start}-{stop - 1 if stop else ''}"}
        return cast("IO[bytes]", opened.obj.get(**ranged)["Body"])
    opened.seek(start)
    return cast("IO[bytes]", opened)


def _transfer_config() -> Any:
    """Parts of 32 MiB let one file have 312 GiB (10,000 parts); four at a time bound the memory they take."""
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(multipart_chunksize=32 * 1024 * 1024, max_concurrency=4)
    config.max_in_memory_upload_chunks = 4
    return config


def _not_understood(url: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"STORAGE_URL is {url!r}; expected file:///folder, or s3://bucket/prefix, where "
        f"?addressing= with one of {', '.join(ADDRESSING)} may follow."
    )
