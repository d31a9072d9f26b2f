"""Outside identities: the names under which the outside world knows a thing, beside the one that the account gave it.

A network operator knows a radio by its serial, an appliance was provisioned under an identifier of its own, an agent
presents what is printed on its label. Each such name leads to one thing of the account, and goes with the thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, ThingUid


class IdentityKind(StrEnum):
    """Who knows the thing by that name."""

    NETWORK = "network"  # a network operator; the value is the network's kind, a colon and its identifier
    PROVISION_DEVICE = "provision-device"  # ProvisionDevice's DeviceId
    DEVICE_CLOUD = "device-cloud"  # the claim id of a device of a device cloud


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """One such name; ``value`` is unique in the account among those of its kind."""

    account_id: AccountId
    kind: IdentityKind
    value: str
    thing_uid: ThingUid


class OutsideIdentityStore(Protocol):
    """Outside identities of one account at a time."""

    def add(self, identities: Sequence[OutsideIdentity]) -> Sequence[OutsideIdentity]:
        """Insert those whose value is free; return the others, in the order given."""
        ...

    def of_values(
        self, account_id: AccountId, kind: IdentityKind, values: Collection[str]
    ) -> Sequence[OutsideIdentity]:
        """Return those that exist, in any order."""
        ...

    def of_things(
        self, account_id: AccountId, kind: IdentityKind, thing_uids: Collection[ThingUid]
    ) -> Sequence[OutsideIdentity]:
        """Return those of the things, in any order."""
        ...

    def remove(self, account_id: AccountId, kind: IdentityKind, values: Collection[str]) -> None:
        """Delete them; those of a removed thing are gone already."""
        ...
