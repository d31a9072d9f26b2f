"""The documents of S3, as Amazon S3 API 2006-03-01 prints them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.files.model import File

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
# XML 1.0, section 2.2: what no document may hold, not even escaped.
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(root: str, inside: str, *, status: int = 200) -> Response:
    """Return an answer."""
    return Response(
        f'{_DECLARATION}<{root} xmlns="{_NAMESPACE}">{inside}</{root}>', status, media_type="application/xml"
    )


def error(code: str, message: str, *, request_id: str, status: int, details: Mapping[str, str]) -> Response:
    """Return an error."""
    inside = tags({"Code": code, "Message": message, **details, "RequestId": request_id})
    return Response(f"{_DECLARATION}<Error>{inside}</Error>", status, media_type="application/xml")


def tags(fields: Mapping[str, str | int | None]) -> str:
    """Return elements in the order of ``fields``; one that is ``None`` is left out."""
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in fields.items() if value is not None)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_IMPOSSIBLE.sub("\ufffd", str(value)))


def instant(time: datetime) -> str:
    """Return a time with milliseconds."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def owner(account: Account) -> str:
    """Return who owns what the account has."""
    return f"<Owner>{tags({'ID': account.id, 'DisplayName': account.name})}</Owner>"


def contents(files: Iterable[File], *, is_encoded: bool, owner: str) -> str:
    """Return the files of a page."""
    return "".join(
        "<Contents>"
        + tags(
            {
                "Key": spelt(file.key, is_encoded=is_encoded),
                "LastModified": instant(file.modified_at),
                "ETag": f'"{file.etag}"',
                "Size": file.size,
            }
        )
        + owner
        + "<StorageClass>STANDARD</StorageClass></Contents>"
        for file in files
    )


def common_prefixes(prefixes: Sequence[str], *, is_encoded: bool) -> str:
    """Return what stands for the keys that begin alike."""
    return "".join(
        f"<CommonPrefixes>{tags({'Prefix': spelt(each, is_encoded=is_encoded)})}</CommonPrefixes>" for each in prefixes
    )


def spelt(text: str, *, is_encoded: bool) -> str:
    """Return a key, percent-encoded where the client has asked for it."""
    return quote(text, safe="/") if is_encoded else text
