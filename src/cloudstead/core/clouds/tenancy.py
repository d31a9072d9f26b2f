"""The account that a cloud on this installation lives in: its own domain tree, people, authority and names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import DomainId, ThingTypeId
from cloudstead.core.people.model import Membership

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.authorities import CloudAuthorities
    from cloudstead.core.clouds.model import Cloud
    from cloudstead.core.ids import AccountId, IdSource, PersonId
    from cloudstead.core.thingtypes.registry import ThingTypes
    from cloudstead.core.unit import Unit

DEVICE_TYPE: Final = ThingTypeId("device")
"""The type of every thing that a cloud's devices become."""

_ADMINISTRATOR: Final = Grant(DomainId(ROOT_ID), "Administrator")
_WATCHER: Final = Grant(DomainId(ROOT_ID), "Watch")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_LABEL: Final = 40
_NUMERIC: Final = re.compile(r"[0-9.]+|.*:.*")
_SUFFIX: Final = 8


@dataclass(frozen=True, slots=True)
class TenantPlace:
    """An account of a cloud, and the host name by which its clients ask for their manifest."""

    account: Account
    host: str


class Tenancies:
    """Opens such accounts, or finds what was opened before."""

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        *,
        authorities: CloudAuthorities,
        thing_types: ThingTypes,
        hostname: str,
    ) -> None:
        """``hostname`` is the installation's own; each account gets a name below it."""
        self._clock = clock
        self._ids = ids
        self._authorities = authorities
        self._thing_types = thing_types
        self._base = "localhost" if _NUMERIC.fullmatch(hostname) else hostname

    def open(self, unit: Unit, cloud: Cloud) -> TenantPlace:
        """Return the cloud's account, made when it is not there yet; everything in one transaction.

        Raise ``EngineFailed`` where the cloud's owner cannot have one.
        """
        own = self.own_host(cloud)
        account = unit.accounts.by_host(own)
        if account is None:
            account = self._make(unit, cloud, own)
        elif account.status is AccountStatus.SUSPENDED and not cloud.suspended:
            raise EngineFailed("The account of the cloud is closed", is_final=True)
        self._authorities.make(unit, account.id, name=cloud.name)
        caller = administrator_of(account.id)
        data: dict[str, Any] | None = None if cloud.schema is None else {"schema": dict(cloud.schema)}
        if unit.thing_types.get(account.id, DEVICE_TYPE) is None:
            self._thing_types.create(
                unit,
                caller,
                thing_type_id=DEVICE_TYPE,
                domain_id=DomainId(ROOT_ID),
                label="Device",
                description=f"Devices of the cloud {cloud.name}.",
                data=data,
            )
        else:
            self._thing_types.update(unit, caller, thing_type_id=DEVICE_TYPE, label="Device", data=data)
        if cloud.created_by is not None:
            self.let_in(unit, account.id, cloud.created_by, is_administrator=True)
        shown = next((host for host in unit.accounts.hosts(account.id) if host != own), own)
        return TenantPlace(account, shown)

    def let_in(self, unit: Unit, account_id: AccountId, person_id: PersonId, *, is_administrator: bool) -> None:
        """Let somebody of the cloud's owner into the cloud's account; whoever is in stays as before."""
        if unit.people.get(person_id) is None or unit.people.membership(account_id, person_id) is not None:
            return
        grant = _ADMINISTRATOR if is_administrator else _WATCHER
        unit.people.put_membership(Membership(account_id, person_id, (grant,)))

    def own_host(self, cloud: Cloud) -> str:
        """Return the host name that is the cloud's for ever, whatever it is called."""
        return f"{ulid_of(cloud.id).lower()}.{self._base}"

    def _make(self, unit: Unit, cloud: Cloud, own: str) -> Account:
        owner = unit.accounts.get(cloud.account_id)
        if owner is None:
            raise EngineFailed("The account of the cloud's owner is gone", is_final=True)
        hosts = [own]
        wanted = f"{_label(cloud.name)}.{self._base}"
        if wanted != own and unit.accounts.by_host(wanted) is None:
            hosts.append(wanted)
        else:
            hosts.append(f"{_label(cloud.name)}-{own[:26][-_SUFFIX:]}.{self._base}")
        try:
            account = open_account(
                unit,
                self._ids,
                self._clock,
                name=cloud.name,
                stack=owner.stack,
                hosts=hosts,
                # Accounts form a tree of depth two: the cloud of a tenant stands beside the tenant.
                parent_id=owner.id if owner.parent_id is None else owner.parent_id,
                mqtt_profile=owner.mqtt_profile,
            )
        except InvalidField as invalid:
            raise EngineFailed(f"The account of the cloud cannot be opened: {invalid}", is_final=True) from None
        profile = unit.accounts.profile(account.id)
        tier = unit.accounts.profile(owner.id).tier
        unit.accounts.put_profile(replace(profile, display_name=cloud.name[:100], tier=tier))
        return account


def administrator_of(account_id: AccountId) -> Caller:
    """Return us, as administrator of a cloud's account."""
    return Caller(account_id, "service:worker", "service", None, (_ADMINISTRATOR,))


def _label(name: str) -> str:
    """Return a cloud's name as a part of a host name."""
    text = _NOT_IN_NAMES.sub("-", name.lower()).strip("-")[:_LONGEST_LABEL].strip("-")
    return text or "cloud"
