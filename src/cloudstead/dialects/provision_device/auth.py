"""A signature becomes a caller, with the region it was signed for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.web.sigv4 import Rules, ScopeRefused, SignedRequest, read_signature

if TYPE_CHECKING:
    from cloudstead.core.access.signers import Signers
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId, DomainId
    from cloudstead.core.unit import Database
    from cloudstead.web.call import Call
    from cloudstead.web.signed import SignatureReader

# The region is the client's to choose: it becomes part of the device's name.
PANORAMA: Final = Rules(frozenset({"panorama"}), takes_any_region=True)
_REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # of any name, as long as an ARN can hold it
_LONGEST_REGION: Final = 64


@dataclass(frozen=True, slots=True)
class PanoramaCaller:
    """Who signed, for which region; what is made belongs to ``domain_id``, if the key names one."""

    account: Account
    caller: Caller
    region: str
    domain_id: DomainId | None

    @property
    def account_id(self) -> AccountId:
        """The account, as logs name it."""
        return self.account.id

    @property
    def principal(self) -> str:
        """Who acts, as logs say it."""
        return self.caller.principal


class PanoramaCallers:
    """Recognises callers."""

    def __init__(self, signatures: SignatureReader, signers: Signers, database: Database) -> None:
        self._signatures = signatures
        self._signers = signers
        self._database = database

    async def of_call(self, call: Call[Any]) -> PanoramaCaller:
        """Return who signed; raise ``SignatureRefused``, ``CredentialRefused`` or ``CredentialExpired``."""
        signer = await self._signatures.of_call(call, PANORAMA)
        caller = await self._signers.caller(signer)
        account = await self._database.read(lambda unit: unit.accounts.get(signer.account_id))
        if caller is None or account is None:
            raise CredentialRefused("A guest provisions nothing.")
        # Proven a moment ago, so that what it says of the region is true.
        region = read_signature(SignedRequest(call.method, "", call.raw_query, _texts(call))).region
        if len(region) > _LONGEST_REGION or not _REGION.fullmatch(region):
            raise ScopeRefused("Credential should be scoped to a region: lower-case letters and digits, with hyphens.")
        return PanoramaCaller(account, caller.seen_from(call.peer_address), region, signer.domain_id)


def _texts(call: Call[Any]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in call.headers.raw]
