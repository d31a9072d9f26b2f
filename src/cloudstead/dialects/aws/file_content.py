"""A file as content of HTTP: what type it is told to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.files.model import Bucket
from cloudstead.core.files.pictures import SIGNATURE_BYTES, media_type_of
from cloudstead.web.content import Content

if TYPE_CHECKING:
    from cloudstead.core.files.files import Files
    from cloudstead.core.files.model import File

_UNKNOWN: Final = "application/octet-stream"
_BY_SUFFIX: Final = {"zip": "application/zip", "json": "application/json", "txt": "text/plain; charset=utf-8"}


async def content_of(files: Files, bucket: Bucket, file: File) -> Content:
    """Return a file to fetch. A picture is known by how it begins, anything else by its name: no client says it."""
    media_type = None
    if bucket in {Bucket.THING_FILES, Bucket.PUBLIC}:
        beginning = b"".join([piece async for piece in files.read(file, start=0, end=SIGNATURE_BYTES)])
        media_type = media_type_of(beginning)
    return Content(
        name=file.key.rpartition("/")[2],
        size=file.size,
        etag=file.etag,
        modified_at=file.modified_at,
        media_type=media_type or _BY_SUFFIX.get(file.key.rpartition(".")[2].lower(), _UNKNOWN),
        read=lambda start, end: files.read(file, start=start, end=end),
    )
