"""The buckets of an account, and which object a file is."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import AccountId, ThingName, ThingTypeId


class Bucket(StrEnum):
    """The buckets that every account has, by their logical names (Cloud Connect 2.11, manifest)."""

    OBSERVATIONS = "ObservationsBucket"
    PUBLIC = "PublicBucket"
    CERTIFICATES = "ThingCertsBucket"
    THING_FILES = "ThingFilesBucket"


class File(NamedTuple):
    """A file as its account sees it. ``path`` is that of its object; ``etag`` carries no quotes; ``size`` is in bytes.

    The etag is a mark of the content and of nothing else: it is no checksum.
    """

    key: str
    path: str
    size: int
    etag: str
    modified_at: datetime


class Listing(NamedTuple):
    """A page of a bucket. ``prefixes`` stand for the keys that have them in common, up to the delimiter.

    ``position`` is where the next page begins (after it), and ``None`` on the last one.
    """

    files: Sequence[File]
    prefixes: Sequence[str]
    position: str | None


SEALED: Final = frozenset({Bucket.CERTIFICATES})
"""Buckets whose objects hold secrets and are kept sealed: archives with the private keys of things."""


def object_path(account_id: AccountId, bucket: Bucket, key: str) -> str:
    """Return the path of the object that holds the file."""
    return f"{account_id}/{bucket}/{key}"


def is_sealed(path: str) -> bool:
    """Tell whether the object at the path is kept sealed: its second part is the bucket."""
    parts = path.split("/", 2)
    return len(parts) == 3 and parts[1] in SEALED


_AWKWARD: Final = re.compile(r"[%/]|^\.{1,2}$")


def key_part(text: str) -> str:
    """Return an id as one part of a key: no slash in it makes two of it, and it is no ``.`` or ``..``."""
    return _AWKWARD.sub(lambda match: "".join(f"%{ord(each):02X}" for each in match[0]), text)


def image_key(thing_type: ThingTypeId, name: ThingName) -> str:
    """Return the key of a thing's image: ``<thing type>/<thing name>``."""
    return f"{key_part(thing_type)}/{name}"


def bucket_name(account: Account, bucket: Bucket) -> str:
    """Return the name under which the outside world knows the bucket, in lower case as S3 wants it."""
    return f"{account.stack}-{bucket}-{account.function_suffix}".lower()


def bucket_called(account: Account, name: str) -> Bucket | None:
    """Return the account's bucket of that name, ``None`` when it has none."""
    return next((bucket for bucket in Bucket if bucket_name(account, bucket) == name), None)
