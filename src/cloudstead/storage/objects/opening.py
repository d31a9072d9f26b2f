"""The store of objects that a setting names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from obstore.store import S3Store

from cloudstead.storage.objects.bucket import BucketObjects
from cloudstead.storage.objects.folder import FolderObjects

if TYPE_CHECKING:
    from pathlib import Path

    from obstore.store import S3Config

_TIMEOUT: Final = timedelta(seconds=30)
_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """Where a bucket is. Without keys the library asks the environment, and then the machine's own role.

    ``url`` is ``s3://bucket/prefix``; ``endpoint`` is empty for Amazon's own.
    """

    url: str
    region: str
    endpoint: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


def open_objects(folder: Path, address: BucketAddress | None) -> FolderObjects | BucketObjects:
    """Return the store: a local folder, or the bucket; raise ``OSError`` when the folder cannot be used."""
    return FolderObjects.open(folder) if address is None else BucketObjects(_bucket(address))


def _bucket(address: BucketAddress) -> S3Store:
    parts = urlsplit(address.url)
    config: S3Config = {}
    if address.access_key_id:
        config = {"access_key_id": address.access_key_id, "secret_access_key": address.secret_access_key}
    if address.endpoint:
        config["endpoint"] = address.endpoint
    return S3Store(
        parts.netloc,
        config=config,
        prefix=parts.path.strip("/") or None,
        region=address.region,
        client_options={"allow_http": address.endpoint.startswith("http:"), "timeout": _TIMEOUT},
        retry_config={"max_retries": _TRIES, "retry_timeout": 2 * _TIMEOUT},
    )
