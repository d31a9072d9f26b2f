"""Which bucket and key a request names: in its path, or the bucket in its host name (Amazon S3, virtual hosting)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from cloudstead.dialects.aws.s3.refusals import NotOffered, UriInvalid
from cloudstead.web.errors import MethodNotAllowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

    from cloudstead.web.call import Call
    from cloudstead.web.table import Operation

_SCOPE: Final = b"/s3/aws4_request"
_ENCODED_SCOPE: Final = b"%2Fs3%2Faws4_request"
_OLD_SIGNATURE: Final = b"AWS "  # Signature Version 2, which nothing but S3 ever had in this header
_NAME: Final = r"[a-z0-9-]+-(?:observations|public|thingcerts|thingfiles)bucket-[a-z0-9]+"
_BUCKET_PATH: Final = re.compile(rf"/{_NAME}(?:/|$)".encode())
_BUCKET_HOST: Final = re.compile(rf"{_NAME}\.".encode(), re.IGNORECASE)
_READS: Final = ("GET", "HEAD")
# Amazon S3, API reference: sub-resources that stand in the query.
_SUBRESOURCES: Final = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "session",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


class Place(NamedTuple):
    """What a request is about; ``bucket`` is ``None`` for the list of buckets, ``key`` is empty for a bucket."""

    bucket: str | None
    key: str


def is_s3(scope: Scope) -> bool:
    """Tell whether a request is meant for S3: signed for it, or unsigned and naming a bucket."""
    host = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return _SCOPE in value or value.startswith(_OLD_SIGNATURE)
        if name == b"host":
            host = value
    query = scope["query_string"]
    if b"X-Amz-Credential=" in query:
        return _ENCODED_SCOPE in query or _SCOPE in query
    if b"bucket-" not in scope["raw_path"] and b"bucket-" not in host.lower():
        return False
    return _BUCKET_PATH.match(scope["raw_path"]) is not None or _BUCKET_HOST.match(host) is not None


def place_of(raw_path: str, host: str) -> Place:
    """Return what is named; raise ``UriInvalid``."""
    path = raw_path.removeprefix("/")
    match = _BUCKET_HOST.match(host.encode())
    if match is not None:
        return Place(match[0].decode().removesuffix(".").lower(), _decoded(path))
    bucket, _, key = path.partition("/")
    return Place(_decoded(bucket) or None, _decoded(key))


def account_host(host: str) -> str:
    """Return the host name without the bucket before it."""
    match = _BUCKET_HOST.match(host.encode())
    return host if match is None else host[match.end() :]


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UriInvalid from None


class S3Routes:
    """Finds the row by what the request names: nothing, a bucket or an object, and which part of it."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = tuple(operations)
        self._by_name = {operation.name: operation for operation in operations}

    async def find(self, call: Call[Any]) -> Operation:
        """Return the row; raise ``MethodNotAllowed`` for all that is no reading, ``NotOffered`` or ``UriInvalid``."""
        if call.method not in _READS:
            raise MethodNotAllowed(call.method, _READS)
        place = place_of(call.raw_path, call.host)
        for name in call.query:
            if name in _SUBRESOURCES:
                raise NotOffered(name)
        return self._by_name[self._name(call, place)]

    def _name(self, call: Call[Any], place: Place) -> str:
        if place.key:
            return "GetObject" if call.method == "GET" else "HeadObject"
        if place.bucket is None:
            if call.method == "HEAD":
                raise MethodNotAllowed(call.method, ("GET",))
            return "ListBuckets"
        if call.method == "HEAD":
            return "HeadBucket"
        if "location" in call.query:
            return "GetBucketLocation"
        return "ListObjectsV2" if call.query.get("list-type") == "2" else "ListObjects"

    def methods(self, call: Call[Any]) -> Sequence[str]:  # noqa: ARG002 - the port names it; every place serves the same
        """Return the methods that are served."""
        return _READS
