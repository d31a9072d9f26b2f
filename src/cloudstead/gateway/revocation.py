"""Who is connected as whom, so that what is withdrawn ends connections at once and what changes is checked anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cloudstead.core.accounts.events import AccountChanged, AccountStatusChanged
from cloudstead.core.credentials.events import ApiKeyChanged, ApiKeyWithdrawn
from cloudstead.core.domains.events import DomainMoved
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.policygroups.events import PolicyGroupChanged
from cloudstead.core.roles.events import RoleChanged
from cloudstead.core.things.events import CertificatesRevoked, ThingRemoved
from cloudstead.core.trustedcertificates.events import TrustClosed
from cloudstead.gateway.people import PersonRole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, CertificateId, TrustedCertificateId
    from cloudstead.gateway.counters import GatewayCounters
    from cloudstead.gateway.devices import DeviceRole
    from cloudstead.gateway.link import Link

T = TypeVar("T")


class Revocations:
    """Links under everything that their right to be here rests on."""

    def __init__(self, counters: GatewayCounters) -> None:
        self._counters = counters
        self._links: dict[str, set[Link]] = {}
        self._changes = 0
        self.devices = 0
        self.people = 0

    def listen(self, bus: EventBus) -> None:
        """Hear what is withdrawn and what changes."""
        bus.subscribe(CertificatesRevoked, self._certificates_revoked)
        bus.subscribe(ThingRemoved, lambda event: self._cut(f"thing:{event.thing.uid}", "the thing was removed"))
        bus.subscribe(TrustClosed, self._trust_closed)
        bus.subscribe(PersonChanged, lambda event: self._doubt(f"person:{event.person_id}"))
        bus.subscribe(ApiKeyWithdrawn, lambda event: self._doubt(f"key:{event.key_id}"))
        bus.subscribe(ApiKeyChanged, lambda event: self._doubt(f"key:{event.key_id}"))
        bus.subscribe(PolicyGroupChanged, lambda event: self._doubt(f"people:{event.account_id}"))
        bus.subscribe(RoleChanged, lambda event: self._doubt(f"people:{event.account_id}"))
        bus.subscribe(AccountChanged, self._account_changed)
        bus.subscribe(AccountStatusChanged, self._account_status_changed)
        bus.subscribe(DomainMoved, lambda event: self._doubt(f"people:{event.account_id}"))

    async def settled(self, admit: Callable[[], Awaitable[T]]) -> T:
        """Return what ``admit`` found; it is asked again when something was withdrawn while it looked.

        Whoever holds the link before the next await then hears of every later withdrawal, and none is missed between.
        """
        while True:
            changes = self._changes
            found = await admit()
            if changes == self._changes:
                return found

    def hold_device(
        self,
        link: Link,
        role: DeviceRole,
        certificate_id: CertificateId,
        *,
        trusted_id: TrustedCertificateId | None = None,
    ) -> None:
        """Keep a device's link until ``let_go``; ``trusted_id`` names what vouches for a certificate not our own."""
        self.devices += 1
        account = f"account:{role.thing.account_id}"
        keys = (f"certificate:{certificate_id}", f"thing:{role.thing.uid}", account)
        self._hold(link, keys if trusted_id is None else (*keys, f"trusted:{trusted_id}"))

    def hold_person(self, link: Link, role: PersonRole, *, parent_id: AccountId | None) -> None:
        """Keep a person's link until ``let_go``; ``parent_id`` is that of the account."""
        caller = role.caller
        keys = {caller.principal, f"people:{caller.account_id}", f"account:{caller.account_id}"}
        if parent_id is not None:
            keys.add(f"below:{parent_id}")
        if caller.person_id is not None:
            keys.add(f"person:{caller.person_id}")
        self.people += 1
        self._hold(link, tuple(keys))

    def let_go(self, link: Link) -> None:
        """Forget a link, if it is held."""
        if not link.keys:
            return
        if isinstance(link.role, PersonRole):
            self.people -= 1
        else:
            self.devices -= 1
        for key in link.keys:
            links = self._links[key]
            links.discard(link)
            if not links:
                del self._links[key]
        link.keys = ()

    def _hold(self, link: Link, keys: tuple[str, ...]) -> None:
        link.keys = keys
        for key in keys:
            self._links.setdefault(key, set()).add(link)

    def _certificates_revoked(self, event: CertificatesRevoked) -> None:
        for certificate_id in event.certificate_ids:
            self._cut(f"certificate:{certificate_id}", "the certificate was revoked")

    def _trust_closed(self, event: TrustClosed) -> None:
        self._cut(f"trusted:{event.certificate_id}", "the trusted certificate was withdrawn")

    def _account_changed(self, event: AccountChanged) -> None:
        # What a parent has not, its tenants have not either.
        self._doubt(f"people:{event.account_id}")
        self._doubt(f"below:{event.account_id}")

    def _account_status_changed(self, event: AccountStatusChanged) -> None:
        # Whoever is still let in comes again and finds what may be done from now on.
        self._cut(f"account:{event.account_id}", f"the account is {event.status.lower()}")

    def _cut(self, key: str, detail: str) -> None:
        self._changes += 1
        for link in self._links.get(key, ()):
            self._counters.cut += 1
            link.cut(detail)

    def _doubt(self, key: str) -> None:
        self._changes += 1
        for link in self._links.get(key, ()):
            if isinstance(link.role, PersonRole):
                link.role.doubt()
