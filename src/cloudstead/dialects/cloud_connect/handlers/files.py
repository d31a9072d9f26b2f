"""FileLambda (Cloud Connect 2.11, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.files.files import MAX_KEYS
from cloudstead.core.files.model import Bucket, bucket_called, bucket_name
from cloudstead.core.ids import ThingName, ThingTypeId
from cloudstead.dialects.cloud_connect.shapes.files import file_list

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.files.model import File
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import ListedFiles, ThingImage, ThingOfType

_MAX_KEY_CHARS: Final = 1024  # Amazon S3 keys, in bytes; nothing longer is the beginning of any


async def show_all(backend: Backend, call: Call[ListedFiles]) -> object:
    """List the files of a bucket that the caller may see."""
    asked = call.input
    bucket = bucket_named(call.account, asked.bucket_name)
    limit = MAX_KEYS if asked.max_keys is None else min(asked.max_keys, MAX_KEYS)
    if limit < 0:
        raise InvalidField("max_keys", "less than 0")
    for field, text in (("prefix", asked.prefix), ("marker", asked.marker)):
        if text is not None and len(text) > _MAX_KEY_CHARS:
            raise InvalidField(field, f"longer than {_MAX_KEY_CHARS} characters")
    listing = await backend.files.page(
        call.caller, bucket, prefix=asked.prefix or "", after=asked.marker or "", limit=limit
    )

    def url_of(file: File) -> str:
        return backend.file_links.url(call.account.id, bucket, file.key)

    return file_list(
        listing,
        call.account,
        name=bucket_name(call.account, bucket),
        max_keys=limit,
        marker=asked.marker,
        prefix=asked.prefix,
        url_of=url_of,
    )


async def put_image(backend: Backend, call: Call[ThingImage]) -> object:
    """Keep an image for a thing; an earlier one is replaced."""
    asked = call.input
    await backend.images.put(
        call.caller, name=ThingName(asked.thing_id), thing_type=ThingTypeId(asked.thing_type), text=asked.encoded_file
    )
    return {"attributes": {"successMessage": f"The image of {asked.thing_id} is stored."}}


async def delete_image(backend: Backend, call: Call[ThingOfType]) -> object:
    """Delete the image of a thing; one without an image is left as it is."""
    asked = call.input
    await backend.images.delete(call.caller, name=ThingName(asked.thing_id), thing_type=ThingTypeId(asked.thing_type))
    return {"attributes": {"successMessage": f"{asked.thing_id} has no image."}}


def bucket_named(account: Account, name: str) -> Bucket:
    """Return the bucket of that logical name, or of that full one; raise ``InvalidField``."""
    try:
        return Bucket(name)
    except ValueError:
        bucket = bucket_called(account, name)
    if bucket is None:
        raise InvalidField("bucket_name", f"must be one of {', '.join(Bucket)}")
    return bucket
