"""What device clouds need from what they run on, and from storage.

**Writing an engine.** An engine makes, changes and removes clouds of the types that it names. It is asked outside of
any transaction, decides nothing about states, writes no record and knows no caller: the life cycle (``lifecycle``)
does, from what the engine returns or raises. It has to keep these promises:

- *Idempotent and resumable.* ``provision`` and ``remove`` are jobs. Each may be cut off at any step and come again,
  also after ``remove`` was half done: look first, keep what exists, make what is missing, tolerate what is gone.
- *Bounded.* Every call to the outside has a time limit and few tries; the job is tried again with pauses anyway.
- *Told.* Call ``tell`` with a few words before each step that may take time: they stand in the record while it runs.
- *Refusals in words.* Raise ``EngineFailed`` with a sentence for the owner: what was refused and what to do about it,
  never a key, a token or the external id. ``is_final`` when only somebody's help would change the outcome. Anything
  else that is raised counts as a defect, is reported and tried again.
- *Silent about secrets.* ``Access`` is for the call alone.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - part of what engines return
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clouds.authorities import KeptAuthority
    from cloudstead.core.clouds.device_model import CloudDevice
    from cloudstead.core.clouds.model import Access, Cloud, CloudId, CloudSecret, CloudType, MonthlyUsage
    from cloudstead.core.clouds.tokens import CloudToken, CloudTokenId
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.core.things.model import Thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How the owner starts the stack of a cloud. All of it shows the connect token, so it is shown once.

    ``url`` is the console's page for a quick start, ``None`` where the template lies at no address that it takes;
    then ``command`` is the ready command line, to be used with ``template``.
    """

    url: str | None = field(repr=False)
    command: str = field(repr=False)
    template: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What provisioning made; it goes into the record. What is ``None`` stays as it was."""

    user_pool: str | None = None
    user_pool_client: str | None = None
    api: str | None = None
    api_gateway: str | None = None
    trail_bucket: str | None = None
    device_role: str | None = None
    iot_policy: str | None = None
    stack: str | None = None
    template_version: int | None = None
    tenant_id: AccountId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackLook:
    """How a stack stands. ``status`` is CloudFormation's word, ``reason`` its sentence where there is one."""

    status: str
    reason: str | None = None
    template_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What became of a removal: ``retained`` names what is left on purpose, for the owner and the audit trail.

    ``notes`` are further facts, such as where the export lies, or that the role did not let us in any more.
    """

    retained: Sequence[str] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserKeys:
    """Temporary keys for a browser."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at_ms: int
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledDevice:
    """What a device needs to talk to its cloud; ``account`` is what its topics and answers call the account."""

    certificate: str
    private_key: str = field(repr=False)
    endpoint: str
    port: int
    account: str
    thing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceToEnrol:
    """A claimed device: ``id`` is its claim id, and its client id in MQTT. ``thing`` is its name where it has one."""

    id: str
    product: str | None = None
    name: str | None = None
    model: str | None = None
    thing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of a cloud between two times; ``load`` is messages in a minute on average."""

    devices: int
    hubs: int
    tenants: int
    load: float


class Tell(Protocol):
    """Writes into the record what is being done."""

    async def __call__(self, step: str, /) -> None:
        """Note a step, in a few words; cheap, and never fails the work."""
        ...


class Engine(Protocol):
    """Makes, changes and removes clouds of some types; see above for what it promises.

    ``access`` is ``None`` for clouds that need none. Every coroutine may raise ``EngineFailed``.
    """

    @property
    def types(self) -> Collection[CloudType]:
        """The types of clouds that it makes."""
        ...

    @property
    def has_stacks(self) -> bool:
        """Whether a stack stands behind each cloud, so that ``updateStack`` has something to do."""
        ...

    def admit(self, cloud: Cloud) -> None:
        """Raise ``InvalidField`` for a cloud that it cannot make: an unknown region, say. Calls nothing."""
        ...

    def launch(self, cloud: Cloud, *, external: str, token: str) -> Launch | None:
        """Return how the owner starts the stack; ``None`` where there is nothing to start. Calls nothing."""
        ...

    async def verify(self, cloud: Cloud, access: Access) -> None:
        """Return when the role lets us in with the external id, and lets nobody in without it.

        Raise ``ConnectRefused`` otherwise. It has to be through within some seconds: the stack waits for the answer.
        """
        ...

    async def provision(self, cloud: Cloud, access: Access | None, tell: Tell) -> Provisioned:
        """Make all that the cloud needs, and try it."""
        ...

    async def update(self, cloud: Cloud, access: Access | None) -> StackLook:
        """Begin to bring the stack to the current template; ``UPDATE_COMPLETE`` where there is nothing to do."""
        ...

    async def look(self, cloud: Cloud, access: Access | None) -> StackLook:
        """Return how the stack stands; asked again and again while it is updated."""
        ...

    async def remove(self, cloud: Cloud, access: Access | None, tell: Tell) -> Removed:
        """Take down everything but what holds data; nothing that is gone hinders it. The devices are released before.

        Where the role lets us in no more, return with a note that says so: the record has to go all the same.
        """
        ...

    async def browser_keys(self, cloud: Cloud, access: Access | None, caller: Caller) -> BrowserKeys:
        """Return temporary keys of an hour at most that may read, and nothing outside of the cloud."""
        ...

    async def enrol(self, cloud: Cloud, access: Access | None, device: DeviceToEnrol) -> EnrolledDevice:
        """Return the thing and the certificate of a device, making what is missing; asked again after a crash."""
        ...

    async def release(self, cloud: Cloud, access: Access | None, device: DeviceToEnrol) -> None:
        """Tell the device that it is released, and withdraw its certificates and its thing."""
        ...

    async def measure(self, cloud: Cloud, *, since_ms: int, until_ms: int) -> Measured | None:
        """Return what was going on; ``None`` for clouds that report by themselves."""
        ...


class CloudStore(Protocol):
    """Clouds, what is kept apart from them, and their usage. Look-ups name the account unless they are the worker's."""

    def add(self, cloud: Cloud, secret: CloudSecret) -> None:
        """Insert a cloud; raise ``CloudNameTaken``."""
        ...

    def get(self, account_id: AccountId, cloud_id: CloudId) -> Cloud | None:
        """Return a cloud of the account."""
        ...

    def replace(self, cloud: Cloud) -> None:
        """Write all columns of a cloud; raise ``CloudNameTaken``."""
        ...

    def remove(self, account_id: AccountId, cloud_id: CloudId) -> bool:
        """Delete a cloud with its secret, its tokens and its usage; return whether there was one."""
        ...

    def count(self, account_id: AccountId) -> int:
        """Return how many clouds the account has."""
        ...

    def secret(self, cloud_id: CloudId) -> CloudSecret | None:
        """Return what is kept apart."""
        ...

    def put_secret(self, secret: CloudSecret) -> None:
        """Store it in place of what was there."""
        ...

    def after(self, account_id: AccountId, after: str, *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account whose ids sort behind ``after``, in the order of their ids."""
        ...

    def before(self, account_id: AccountId, before: str, *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account whose ids sort before ``before``, the nearest first."""
        ...

    def by_name_after(self, account_id: AccountId, after: tuple[str, str], *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account in the order of name and id, behind that pair."""
        ...

    def by_name_before(self, account_id: AccountId, before: tuple[str, str], *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account before that pair of name and id, the nearest first."""
        ...

    def hosts_after(self, after: str, *, limit: int) -> Sequence[Cloud]:
        """Return host clouds of every account whose ids sort behind ``after``: who may be shown them is decided above.

        In the order of their ids.
        """
        ...

    def of_tenant(self, tenant_id: AccountId) -> Cloud | None:
        """Return the cloud that lives in an account."""
        ...

    def carried_by(self, host: str) -> int:
        """Return how many hosted clouds stand on the host cloud of that name."""
        ...

    def unmeasured(self, month: str, after: str, *, limit: int) -> Sequence[Cloud]:
        """Return clouds of all accounts that live in accounts of ours and have no row for the month: for the worker.

        In the order of their ids.
        """
        ...

    def authority(self, account_id: AccountId) -> KeptAuthority | None:
        """Return the issuing authority of an account that has its own."""
        ...

    def put_authority(self, authority: KeptAuthority) -> None:
        """Store it in place of what was there."""
        ...

    def drop_authority(self, account_id: AccountId) -> bool:
        """Delete it; return whether there was one."""
        ...

    def authorities(self) -> Sequence[str]:
        """Return the certificates (PEM) of all of them, for handshakes."""
        ...

    def shadows_changed(self, tenant_id: AccountId, *, since_s: int) -> int:
        """Return how many things of an account have a shadow that was changed since then."""
        ...

    def things_after(self, tenant_id: AccountId, after: str, *, limit: int) -> Sequence[Thing]:
        """Return things of an account in the order of their names."""
        ...

    def wipe(self, tenant_id: AccountId) -> None:
        """Delete everything of an account but itself, its audit trail and what of it was revoked."""
        ...

    def put_usage(self, usage: MonthlyUsage) -> None:
        """Store what a cloud reported for a month in place of what was there."""
        ...

    def usage(self, cloud_id: CloudId, *, limit: int) -> Sequence[MonthlyUsage]:
        """Return what a cloud reported, the newest month first."""
        ...


class CloudTokenStore(Protocol):
    """Tokens of device clouds; the look-up by id is on the path of every call made with one."""

    def add(self, token: CloudToken) -> None:
        """Insert a token."""
        ...

    def get(self, token_id: CloudTokenId) -> CloudToken | None:
        """Return the token with that id, whatever its state."""
        ...

    def replace(self, token: CloudToken) -> None:
        """Write all columns of a token."""
        ...

    def remove(self, account_id: AccountId, token_id: CloudTokenId) -> bool:
        """Delete a token of the account; return whether there was one."""
        ...

    def count(self, account_id: AccountId) -> int:
        """Return how many tokens the account has, those of its devices aside."""
        ...

    def page(self, account_id: AccountId, request: PageRequest) -> Page[CloudToken]:
        """Return tokens of the account in the order of their ids, those of its devices aside."""
        ...

    def end_cloud(self, account_id: AccountId, cloud_id: CloudId, *, late_until_ms: int) -> None:
        """Delete the tokens of a cloud that is gone, but let those with which it calls back live until then."""
        ...

    def drop_device(self, account_id: AccountId, device_id: str) -> None:
        """Delete the tokens of a device."""
        ...

    def drop_expired(self, before_ms: int) -> int:
        """Delete what expired before then; return how many."""
        ...


class CloudDeviceStore(Protocol):
    """Devices of one account at a time, by their claim ids."""

    def add(self, device: CloudDevice) -> bool:
        """Insert a device; return whether its claim id was free in the account."""
        ...

    def get(self, account_id: AccountId, device_id: str) -> CloudDevice | None:
        """Return a device."""
        ...

    def replace(self, device: CloudDevice) -> None:
        """Write all columns of a device."""
        ...

    def remove(self, account_id: AccountId, device_id: str) -> bool:
        """Delete a device; return whether there was one."""
        ...

    def page(
        self, account_id: AccountId, request: PageRequest, *, cloud_id: CloudId | None = None
    ) -> Page[CloudDevice]:
        """Return devices in the order of their claim ids: all, or those of a cloud."""
        ...

    def count(self, account_id: AccountId, cloud_id: CloudId) -> int:
        """Return how many devices a cloud has."""
        ...

    def count_all(self, account_id: AccountId) -> int:
        """Return how many devices of the account are registered, claimed or not."""
        ...
