"""Clouds on this installation: an account each, tried by connecting a thing the way every device does."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudstead.core.clouds.errors import CloudStateForbids, ConnectRefused, EngineFailed
from cloudstead.core.clouds.model import TEMPLATE_VERSION, CloudState, CloudType
from cloudstead.core.clouds.ports import BrowserKeys, EnrolledDevice, Measured, Provisioned, Removed, StackLook
from cloudstead.core.clouds.tenancy import DEVICE_TYPE, administrator_of
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.credentials.errors import CertificateNotFound
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.files.model import Bucket, bucket_name
from cloudstead.core.ids import DomainId, ThingName
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.events import CertificatesRevoked
from cloudstead.core.things.identities import IdentityKind, OutsideIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.closing import Closing
    from cloudstead.core.clouds.model import Access, Cloud
    from cloudstead.core.clouds.ports import DeviceToEnrol, Launch, Tell
    from cloudstead.core.clouds.tenancy import Tenancies
    from cloudstead.core.credentials.bundle import BundledThing
    from cloudstead.core.credentials.certificates import Certificates
    from cloudstead.core.credentials.identities import Identities
    from cloudstead.core.credentials.temporary import TemporaryCredentials
    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Database, Unit

SELF_TEST: Final = ThingName("cloud-self-test")

_TYPES: Final = frozenset({CloudType.LOCAL, CloudType.HOSTED, CloudType.HOST})
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlaces:
    """Where this installation is reached. ``url`` has no slash at its end; ``mqtt_port`` is 0 where that is off."""

    url: str
    mqtt_host: str
    mqtt_port: int


class SelfTest(Protocol):
    """Connects as a thing and makes its shadow answer."""

    async def __call__(self, account_id: AccountId, thing: BundledThing, /) -> None:
        """Return when the thing has heard that its update was accepted; raise ``EngineFailed``."""
        ...


class Activity(Protocol):
    """Tells how much was going on in an account."""

    async def updates(self, account_id: AccountId, *, since_ms: int, until_ms: int) -> int:
        """Return how many updates its things sent in that time."""
        ...


class LocalEngine:
    """Makes clouds out of this very installation (``core.clouds.ports.Engine``)."""

    has_stacks = False

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        tenancies: Tenancies,
        things: Things,
        certificates: Certificates,
        closing: Closing,
        sessions: TemporaryCredentials,
        identities: Identities,
        fan_out: FanOut,
        activity: Activity,
        self_test: SelfTest,
        places: Callable[[], LocalPlaces | None],
        region: str,
        administer: Permission,
    ) -> None:
        """``places`` is ``None`` until the listeners are there; ``administer`` is held by who administers clouds."""
        self._database = database
        self._clock = clock
        self._tenancies = tenancies
        self._things = things
        self._certificates = certificates
        self._closing = closing
        self._sessions = sessions
        self._identities = identities
        self._fan_out = fan_out
        self._activity = activity
        self._self_test = self_test
        self._places = places
        self._region = region
        self._administer = administer

    @property
    def types(self) -> Collection[CloudType]:
        """The types of clouds that it makes."""
        return _TYPES

    def admit(self, cloud: Cloud) -> None:
        """Raise ``InvalidField`` for a region in which we are not."""
        if cloud.region != self._region:
            raise InvalidField("region", f"this installation is in {self._region}")

    def launch(self, cloud: Cloud, *, external: str, token: str) -> Launch | None:
        """Return nothing: there is nothing to start."""
        del cloud, external, token
        return None

    async def verify(self, cloud: Cloud, access: Access) -> None:
        """Raise ``ConnectRefused``: no stack calls back for such a cloud."""
        del cloud, access
        raise ConnectRefused("Only clouds in AWS accounts connect")

    async def provision(self, cloud: Cloud, access: Access | None, tell: Tell) -> Provisioned:
        """Open the account with everything in it, then connect a thing to it."""
        del access
        places = self._here()
        await tell("1 of 2: account, authority and names")
        place = await self._database.write(lambda unit: self._tenancies.open(unit, cloud))
        account = place.account
        await tell("2 of 2: self-test")
        await self._try(account.id)
        return Provisioned(
            user_pool=f"{self._region}_{account.user_pool}",
            user_pool_client=account.user_pool_client,
            api=f"{places.url}/api",
            api_gateway=place.host,
            trail_bucket=bucket_name(account, Bucket.OBSERVATIONS),
            stack=ulid_of(account.id),
            template_version=TEMPLATE_VERSION,
            tenant_id=account.id,
        )

    async def update(self, cloud: Cloud, access: Access | None) -> StackLook:
        """Return that nothing is to be done: our release is the template."""
        del access
        return StackLook(status=cloud.status or "CREATE_COMPLETE", template_version=TEMPLATE_VERSION)

    async def look(self, cloud: Cloud, access: Access | None) -> StackLook:
        """Return how it stands."""
        return await self.update(cloud, access)

    async def remove(self, cloud: Cloud, access: Access | None, tell: Tell) -> Removed:
        """Close the account, export what it holds, then delete it."""
        del access
        own = self._tenancies.own_host(cloud)
        account = await self._database.read(lambda unit: unit.accounts.by_host(own))
        if account is None:
            return Removed()
        return await self._closing.close(cloud, account, tell)

    async def browser_keys(self, cloud: Cloud, access: Access | None, caller: Caller) -> BrowserKeys:
        """Return keys of the person in the cloud's account, where whoever is new may watch; valid for our own faces."""
        del access
        tenant_id, person_id = cloud.tenant_id, caller.person_id
        if person_id is None:
            raise NotPermitted("get browser keys without being a person")
        if tenant_id is None:
            raise CloudStateForbids(cloud.state, "getBrowserKeys")

        def write(unit: Unit) -> str:
            account = unit.accounts.get(tenant_id)
            if account is None:
                raise EngineFailed("The account of the cloud is gone", is_final=True)
            self._tenancies.let_in(unit, tenant_id, person_id, is_administrator=caller.may(self._administer))
            return self._identities.of_person(account, person_id)

        identity_id = await self._database.write(write)
        session = self._sessions.issue(
            tenant_id, person_id, identity_id=identity_id, credential_epoch=caller.credential_epoch
        )
        return BrowserKeys(
            access_key_id=session.access_key_id,
            secret_access_key=session.secret_access_key,
            session_token=session.session_token,
            expires_at_ms=session.expires_at_s * 1000,
            region=self._region,
        )

    async def enrol(self, cloud: Cloud, access: Access | None, device: DeviceToEnrol) -> EnrolledDevice:
        """Return the device's thing, called by its claim id, with the newest certificate that it was given."""
        del access
        places, tenant_id = self._here(), cloud.tenant_id
        if tenant_id is None:
            raise EngineFailed("The cloud is not provisioned yet")
        name = ThingName(device.thing or device.id)

        def write(unit: Unit) -> tuple[BundledThing, str]:
            account = unit.accounts.get(tenant_id)
            if account is None:
                raise EngineFailed("The account of the cloud is gone", is_final=True)
            bundle = self._bundle(unit, tenant_id, name, label=device.name, claim_id=device.id)
            return bundle, account.number

        bundle, number = await self._database.write(write)
        return EnrolledDevice(
            certificate=bundle.certificate,
            private_key=bundle.private_key,
            endpoint=places.mqtt_host,
            port=places.mqtt_port,
            account=number,
            thing=name,
        )

    async def release(self, cloud: Cloud, access: Access | None, device: DeviceToEnrol) -> None:
        """Say so on the device's own topic, with the time, then withdraw its certificates and its thing.

        Of a cloud that is being removed, the thing stays until it is exported.
        """
        del access
        tenant_id = cloud.tenant_id
        if tenant_id is None or device.thing is None:
            return
        payload = str(self._clock.millis()).encode()
        self._fan_out.publish(tenant_id, f"ioto/device/{device.id}/provision/release", payload, qos=1)
        name = ThingName(device.thing)

        def write(unit: Unit) -> None:
            thing = unit.things.get(tenant_id, name)
            if thing is None:
                return
            if cloud.state is not CloudState.REMOVING:
                self._things.remove(unit, administrator_of(tenant_id), name=name)
                return
            revoked = unit.certificates.revoke_all(tenant_id, thing.uid, self._clock.millis())
            if revoked:
                unit.emit(CertificatesRevoked(tuple(revoked)))

        await self._database.write(write)

    async def measure(self, cloud: Cloud, *, since_ms: int, until_ms: int) -> Measured | None:
        """Count the things that reported something, the clouds on a host, and updates a minute."""
        tenant_id = cloud.tenant_id
        if tenant_id is None:
            return None

        def read(unit: Unit) -> tuple[int, int]:
            devices = unit.clouds.shadows_changed(tenant_id, since_s=since_ms // 1000)
            return devices, unit.clouds.carried_by(cloud.name) if cloud.type is CloudType.HOST else 1

        devices, tenants = await self._database.scan(read)
        updates = await self._activity.updates(tenant_id, since_ms=since_ms, until_ms=until_ms)
        minutes = max(1, (until_ms - since_ms) // _MINUTE_MS)
        hubs = tenants if cloud.type is CloudType.HOST else 0
        return Measured(devices=devices, hubs=hubs, tenants=tenants, load=round(updates / minutes, 3))

    async def _try(self, tenant_id: AccountId) -> None:
        caller = administrator_of(tenant_id)

        def make(unit: Unit) -> BundledThing:
            return self._bundle(unit, tenant_id, SELF_TEST)

        def remove(unit: Unit) -> None:
            with contextlib.suppress(ThingNotFound):
                self._things.remove(unit, caller, name=SELF_TEST)

        bundle = await self._database.write(make)
        try:
            await self._self_test(tenant_id, bundle)
        finally:
            await self._database.write(remove)

    def _bundle(
        self,
        unit: Unit,
        tenant_id: AccountId,
        name: ThingName,
        *,
        label: str | None = None,
        claim_id: str | None = None,
    ) -> BundledThing:
        """Return what a thing needs, making the thing and its certificate when they are missing."""
        caller = administrator_of(tenant_id)
        thing = unit.things.get(tenant_id, name)
        if thing is None:
            root = DomainId(ROOT_ID)
            thing = self._things.create(unit, caller, thing_type=DEVICE_TYPE, domain_id=root, name=name)
            changes: dict[str, Any] = {} if not label else {"label": label}
            if changes:
                thing = self._things.update(unit, caller, name=name, **changes)
            if claim_id is not None:
                unit.outside_identities.add(
                    [OutsideIdentity(tenant_id, IdentityKind.DEVICE_CLOUD, claim_id, thing.uid)]
                )
        try:
            return self._certificates.bundle_of(unit, thing)
        except CertificateNotFound:
            self._certificates.create(unit, thing)
            return self._certificates.bundle_of(unit, thing)

    def _here(self) -> LocalPlaces:
        places = self._places()
        if places is None:
            raise EngineFailed("The listeners are not there yet")
        return places
