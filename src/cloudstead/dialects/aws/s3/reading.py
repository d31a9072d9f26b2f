"""The operations of S3 that read."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response

from cloudstead.core.files.files import MAX_KEYS, end_of
from cloudstead.core.files.model import Bucket, bucket_called, bucket_name
from cloudstead.dialects.aws.auth import AwsCaller
from cloudstead.dialects.aws.file_content import content_of
from cloudstead.dialects.aws.s3 import xml
from cloudstead.dialects.aws.s3.place import account_host, place_of
from cloudstead.dialects.aws.s3.refusals import AccessRefused, ArgumentInvalid, BucketUnknown, SignatureTooOld
from cloudstead.web.content import content_response
from cloudstead.web.sigv4 import S3

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.files.files import Files
    from cloudstead.core.files.model import Listing
    from cloudstead.dialects.aws.accounts import Accounts
    from cloudstead.dialects.aws.auth import SignedCallers
    from cloudstead.web.call import Call

_MAX_TEXT: Final = 4096
_NO_LOCATION: Final = "us-east-1"  # Amazon S3, GetBucketLocation: it is written as nothing


class ListQuery(msgspec.Struct, rename="kebab"):
    """The query of both lists."""

    prefix: str = ""
    delimiter: str = ""
    max_keys: str | None = None
    encoding_type: str | None = None
    marker: str = ""
    start_after: str = ""
    continuation_token: str | None = None
    fetch_owner: str = ""

    @property
    def is_encoded(self) -> bool:
        """Whether keys are to be percent-encoded."""
        return self.encoding_type == "url"

    def limit(self) -> int:
        """Return how many keys the client wants at most; raise ``ArgumentInvalid``."""
        if self.max_keys is None or not self.max_keys:
            return MAX_KEYS
        if not (self.max_keys.isascii() and self.max_keys.isdigit() and len(self.max_keys) <= 10):
            raise ArgumentInvalid("max-keys", "Provided max-keys not an integer or within integer range")
        return min(int(self.max_keys), MAX_KEYS)

    def require(self) -> None:
        """Raise ``ArgumentInvalid`` for what cannot be answered."""
        if self.encoding_type not in {None, "", "url"}:
            raise ArgumentInvalid("encoding-type", "Invalid Encoding Method specified in Request")
        for name in ("prefix", "delimiter", "marker", "start_after"):
            if len(getattr(self, name)) > _MAX_TEXT:
                raise ArgumentInvalid(name.replace("_", "-"), "It is longer than any key.")


class Buckets:
    """The buckets of an account, to read from."""

    def __init__(self, files: Files, accounts: Accounts, signed: SignedCallers, *, region: str) -> None:
        self._files = files
        self._accounts = accounts
        self._signed = signed
        self._region = region

    async def authenticate(self, call: Call[AwsCaller]) -> AwsCaller:
        """Return who has signed the call, or a guest where nobody has."""
        if "AWSAccessKeyId" in call.query or call.headers.get("authorization", "").startswith("AWS "):
            raise SignatureTooOld
        if "authorization" in call.headers or "X-Amz-Credential=" in call.raw_query:
            return await self._signed.of_call(call, S3)
        account = await self._accounts.by_host(account_host(call.host))
        if account is None:
            raise AccessRefused
        return AwsCaller(account, None)

    async def list_buckets(self, call: Call[AwsCaller]) -> Response:
        """List the buckets of the account."""
        _person(call)
        account = call.caller.account
        made_at = xml.instant(datetime.fromtimestamp(account.created_at_ms / 1000, UTC))
        buckets = "".join(
            f"<Bucket>{xml.tags({'Name': bucket_name(account, bucket), 'CreationDate': made_at})}</Bucket>"
            for bucket in sorted(Bucket, key=lambda each: bucket_name(account, each))
        )
        return xml.document("ListAllMyBucketsResult", f"{xml.owner(account)}<Buckets>{buckets}</Buckets>")

    async def head_bucket(self, call: Call[AwsCaller]) -> Response:
        """Tell whether there is such a bucket."""
        _person(call)
        self._bucket(call)
        return Response(status_code=200, headers={"x-amz-bucket-region": self._region})

    async def get_location(self, call: Call[AwsCaller]) -> Response:
        """Tell the region of a bucket."""
        _person(call)
        self._bucket(call)
        return xml.document("LocationConstraint", "" if self._region == _NO_LOCATION else self._region)

    async def list_objects(self, call: Call[AwsCaller]) -> Response:
        """List the files of a bucket, the way before the second one."""
        asked = call.options(ListQuery)
        after = asked.marker
        if asked.delimiter and after.endswith(asked.delimiter) and after.startswith(asked.prefix):
            after = end_of(after)  # a common prefix that was told already
        listing, bucket = await self._page(call, asked, after)
        account, is_encoded = call.caller.account, asked.is_encoded
        position = listing.position
        if position is not None and listing.prefixes and position == end_of(listing.prefixes[-1]):
            position = listing.prefixes[-1]
        head = {
            "Name": bucket_name(account, bucket),
            "Prefix": xml.spelt(asked.prefix, is_encoded=is_encoded),
            "Marker": xml.spelt(asked.marker, is_encoded=is_encoded),
            "NextMarker": None if position is None else xml.spelt(position, is_encoded=is_encoded),
            "MaxKeys": asked.limit(),
            "Delimiter": xml.spelt(asked.delimiter, is_encoded=is_encoded) or None,
            "EncodingType": asked.encoding_type or None,
            "IsTruncated": listing.position is not None,
        }
        return xml.document("ListBucketResult", xml.tags(head) + _listed(listing, asked, xml.owner(account)))

    async def list_objects_v2(self, call: Call[AwsCaller]) -> Response:
        """List the files of a bucket."""
        asked = call.options(ListQuery)
        token = asked.continuation_token
        listing, bucket = await self._page(call, asked, asked.start_after if token is None else _position(token))
        account, is_encoded = call.caller.account, asked.is_encoded
        head = {
            "Name": bucket_name(account, bucket),
            "Prefix": xml.spelt(asked.prefix, is_encoded=is_encoded),
            "StartAfter": xml.spelt(asked.start_after, is_encoded=is_encoded) or None,
            "ContinuationToken": token,
            "NextContinuationToken": None if listing.position is None else _token(listing.position),
            "KeyCount": len(listing.files) + len(listing.prefixes),
            "MaxKeys": asked.limit(),
            "Delimiter": xml.spelt(asked.delimiter, is_encoded=is_encoded) or None,
            "EncodingType": asked.encoding_type or None,
            "IsTruncated": listing.position is not None,
        }
        owner = xml.owner(account) if asked.fetch_owner == "true" else ""
        return xml.document("ListBucketResult", xml.tags(head) + _listed(listing, asked, owner))

    async def get_object(self, call: Call[AwsCaller]) -> Response:
        """Return a file, or the part of it that was asked for."""
        bucket, key = self._bucket(call), place_of(call.raw_path, call.host).key
        caller = call.caller.caller
        if bucket is Bucket.PUBLIC:
            file = await self._files.locate(call.caller.account_id, bucket, key)
        elif caller is None:
            raise AccessRefused
        else:
            file = await self._files.find(caller, bucket, key)
        content = await content_of(self._files, bucket, file)
        return await content_response(
            content, call.headers, method=call.method, extra={"x-amz-storage-class": "STANDARD"}
        )

    async def head_object(self, call: Call[AwsCaller]) -> Response:
        """Return what a file is, without its content."""
        return await self.get_object(call)

    async def _page(self, call: Call[AwsCaller], asked: ListQuery, after: str) -> tuple[Listing, Bucket]:
        caller = _person(call)
        bucket = self._bucket(call)
        asked.require()
        listing = await self._files.page(
            caller, bucket, prefix=asked.prefix, after=after, limit=asked.limit(), delimiter=asked.delimiter
        )
        return listing, bucket

    def _bucket(self, call: Call[AwsCaller]) -> Bucket:
        """Return the bucket that is named; to those outside of the account none of its buckets is there."""
        name = place_of(call.raw_path, call.host).bucket or ""
        bucket = bucket_called(call.caller.account, name)
        if bucket is None:
            raise BucketUnknown(name)
        return bucket


def _person(call: Call[AwsCaller]) -> Caller:
    if call.caller.caller is None:
        raise AccessRefused
    return call.caller.caller


def _listed(listing: Listing, asked: ListQuery, owner: str) -> str:
    is_encoded = asked.is_encoded
    return xml.contents(listing.files, is_encoded=is_encoded, owner=owner) + xml.common_prefixes(
        listing.prefixes, is_encoded=is_encoded
    )


def _token(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


def _position(token: str) -> str:
    """Return where a page begins. Whatever a client makes up here begins somewhere in its own bucket."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ArgumentInvalid("continuation-token", "The continuation token provided is incorrect") from None
