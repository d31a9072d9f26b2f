"""Lists of files on the wire: the words of Amazon S3, as the SDK for JavaScript of 2017 prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.files.model import File, Listing


def file_list(
    listing: Listing,
    account: Account,
    *,
    name: str,
    max_keys: int,
    marker: str | None,
    prefix: str | None,
    url_of: Callable[[File], str],
) -> dict[str, Any]:
    """Return a page; ``name`` is the full name of the bucket."""
    shown: dict[str, Any] = {"isTruncated": listing.position is not None}
    if marker:
        shown["marker"] = marker
    if listing.position is not None:
        shown["nextMarker"] = listing.position
    shown["name"] = name
    if prefix:
        shown["prefix"] = prefix
    shown["maxKeys"] = max_keys
    shown["files"] = [{**one_file(file, account), "url": url_of(file)} for file in listing.files]
    return shown


def one_file(file: File, account: Account) -> dict[str, Any]:
    """Return a file without its address."""
    return {
        "Key": file.key,
        "LastModified": instant(file.modified_at),
        "ETag": f'"{file.etag}"',
        "Size": file.size,
        "StorageClass": "STANDARD",
        "Owner": {"DisplayName": account.name, "ID": account.id},
    }


def instant(time: datetime) -> str:
    """Return a time with milliseconds, as JavaScript writes it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
