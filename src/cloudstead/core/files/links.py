"""Links to files: whoever has one may fetch the file for a while, as with a presigned URL of S3."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from cloudstead.core.files.errors import LinkRefused

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.files.model import Bucket
    from cloudstead.core.ids import AccountId

PATH: Final = "/files/"
LIFETIME_S: Final = 900  # as long as a login token lives (Cloud Connect 2.11, section 2.1.1)
_STEP_S: Final = 300
_PURPOSE: Final = "file link"


class FileLinks:
    """Signs links, and checks them. ``public_url`` has no slash at its end."""

    def __init__(self, sealer: Sealer, clock: Clock, *, public_url: str) -> None:
        self._sealer = sealer
        self._clock = clock
        self._public_url = public_url

    def url(self, account_id: AccountId, bucket: Bucket, key: str) -> str:
        """Return the address of a file, good for 15 to 20 minutes.

        It stays the same for five minutes, so that browsers need not fetch again what they have just shown.
        """
        now_s = self._clock.millis() // 1000
        expires_s = (now_s // _STEP_S + 1) * _STEP_S + LIFETIME_S
        path = f"{PATH}{account_id}/{bucket}/{quote(key, safe='/')}"
        signature = self._signature(account_id, bucket, key, expires_s)
        return f"{self._public_url}{path}?expires={expires_s}&signature={signature}"

    def require(self, account_id: AccountId, bucket: Bucket, key: str, *, expires_s: int, signature: str) -> None:
        """Raise ``LinkRefused`` unless this very link was signed here and is still good."""
        expected = self._signature(account_id, bucket, key, expires_s)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise LinkRefused("The link is not valid.")
        if self._clock.millis() // 1000 >= expires_s:
            raise LinkRefused("The link has expired. Ask for a new one.")

    def _signature(self, account_id: AccountId, bucket: Bucket, key: str, expires_s: int) -> str:
        signed = msgspec.json.encode(["GET", account_id, bucket, key, expires_s])
        return self._sealer.derive(_PURPOSE, signed).hex()
