"""Links to files: whoever has one fetches the file, without any other credential."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.files.errors import LinkRefused
from cloudstead.core.files.model import Bucket
from cloudstead.core.ids import AccountId
from cloudstead.dialects.aws.file_content import content_of
from cloudstead.web.content import content_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from cloudstead.core.files.files import Files
    from cloudstead.core.files.links import FileLinks
    from cloudstead.web.call import Call

_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_CACHED: Final = "private, max-age=300"  # as long as the address of a file stays the same


class LinkQuery(msgspec.Struct):
    """The query of a link."""

    expires: str = ""
    signature: str = ""


class LinkedFiles:
    """Serves the files behind links."""

    def __init__(self, files: Files, links: FileLinks) -> None:
        self._files = files
        self._links = links

    async def fetch(self, call: Call[None]) -> Response:
        """Return a file, or the part of it that was asked for; links expire after some minutes."""
        asked = call.options(LinkQuery)
        account_id, key = AccountId(call.path["account"]), call.path["key"]
        try:
            bucket = Bucket(call.path["bucket"])
        except ValueError:
            raise LinkRefused("The link is not valid.") from None
        if not _SECONDS.fullmatch(asked.expires):
            raise LinkRefused("The link is not valid.")
        self._links.require(account_id, bucket, key, expires_s=int(asked.expires), signature=asked.signature)
        file = await self._files.locate(account_id, bucket, key)
        content = await content_of(self._files, bucket, file)
        return await content_response(content, call.headers, method=call.method, extra={"cache-control": _CACHED})
