"""What a network hands in with a group's token: an uplink becomes a message of the device like any other.

A token opens the devices of its group and of all groups below it, for a network has one callback for many sub-groups.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.errors import InvalidField
from cloudstead.core.groups.devices import is_original_id, original_id
from cloudstead.core.groups.errors import DeviceNotFound
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin
from cloudstead.core.things.identities import IdentityKind

if TYPE_CHECKING:
    from cloudstead.core.ids import ThingUid
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory, ThingEntry
    from cloudstead.core.unit import Database, Unit

DOWNLINK: Final = "downlink"
"""Where the desired state of a device holds what it is to be sent, in hexadecimal digits."""

NUMBER: Final = "seqNumber"
"""Where a device reports the number that its network has counted its message by."""

_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")
_MOST_PAYLOAD_CHARS: Final = 1024


class Uplinks:
    """Takes what networks hand in, on the event loop."""

    def __init__(self, database: Database, directory: ThingDirectory, spine: Spine) -> None:
        self._database = database
        self._directory = directory
        self._spine = spine

    async def report(self, token: str, *, network: str, device: str, reported: dict[str, Any]) -> ThingEntry:
        """Let a device report; return once it is on disk and in the shadow, so that a network does not run ahead of us.

        A numbered message that is the device's last one is the same one: networks send again what was not answered in
        time, and it is taken once.

        Raise ``CredentialRefused`` for a token of no group, ``DeviceNotFound``, ``AccountNotUsable``,
        ``ShadowRejected`` and ``ShadowUnavailable``.
        """
        token_hash = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        uid = await self._database.read(lambda unit: _device(unit, token_hash, network, device))
        entry = (await self._directory.load((uid,))).get(uid)
        if entry is None:
            raise DeviceNotFound("device", (device,))
        if await self._is_last(entry, reported):
            return entry
        payload = msgspec.json.encode({"state": {"reported": reported}})
        principal = f"thing:{entry.name}"
        await self._spine.ask(entry, Verb.UPDATE, payload, principal=principal, origin=Origin.DEVICE)
        return entry

    async def _is_last(self, entry: ThingEntry, reported: dict[str, Any]) -> bool:
        if NUMBER not in reported:
            return False
        known = (await self._spine.current(entry.account_id, entry.uid)).reported
        return all(known.get(name) == value for name, value in reported.items())

    async def downlink(self, entry: ThingEntry) -> str | None:
        """Return what the device's configuration holds for it, as it was written; ``None`` for nothing."""
        shadow = await self._spine.current(entry.account_id, entry.uid)
        held = shadow.desired.get(DOWNLINK)
        return held if isinstance(held, str) else None


def payload_hex(text: str, *, field: str = "data") -> str:
    """Return a payload as it is kept: whole bytes in small hexadecimal digits; raise ``InvalidField``."""
    if len(text) > _MOST_PAYLOAD_CHARS or _HEX.fullmatch(text) is None:
        raise InvalidField(field, f"must be whole bytes in hexadecimal digits, {_MOST_PAYLOAD_CHARS} at most")
    return text.lower()


def _device(unit: Unit, token_hash: bytes, network: str, device: str) -> ThingUid:
    facts = unit.groups.by_token(token_hash)
    if facts is None:
        raise CredentialRefused("The token is not that of a group.")
    account = unit.accounts.get(facts.account_id)
    if account is None or not account.is_usable:
        raise CredentialRefused("The token is not that of a group.")
    if account.status is AccountStatus.RESTRICTED:
        raise AccountNotUsable(account.status)
    if not is_original_id(device):
        raise DeviceNotFound("device", (device,))
    value = f"{network}:{original_id(network, device)}"
    tree = unit.domains.tree(facts.account_id)
    for identity in unit.outside_identities.of_values(facts.account_id, IdentityKind.NETWORK, (value,)):
        for thing in unit.things.by_uids((identity.thing_uid,)):
            if tree.is_within(thing.domain_id, facts.domain_id):
                return thing.uid
    raise DeviceNotFound("device", (device,))
