"""The buckets of an account, and which object a file is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId


class Bucket(StrEnum):
    """The buckets that every account has, by their logical names (Cloud Connect 2.11, manifest)."""

    OBSERVATIONS = "ObservationsBucket"
    PUBLIC = "PublicBucket"
    CERTIFICATES = "ThingCertsBucket"
    THING_FILES = "ThingFilesBucket"


SEALED: Final = frozenset({Bucket.CERTIFICATES})
"""Buckets whose objects hold secrets and are kept sealed: archives with the private keys of things."""


def object_path(account_id: AccountId, bucket: Bucket, key: str) -> str:
    """Return the path of the object that holds the file."""
    return f"{account_id}/{bucket}/{key}"


def is_sealed(path: str) -> bool:
    """Tell whether the object at the path is kept sealed: its second part is the bucket."""
    parts = path.split("/", 2)
    return len(parts) == 3 and parts[1] in SEALED
