"""Device clouds as their account sees and changes them: make, read, change, list the hosts."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.accounts.limits import CLOUDS, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.clouds.errors import CloudChangeForbidden, CloudNotFound, HostInUse, HostNotOpen
from cloudstead.core.clouds.events import CloudChanged
from cloudstead.core.clouds.model import Access, Cloud, CloudId, CloudSecret, CloudState, CloudType
from cloudstead.core.clouds.quotas import plan_of, quota_of
from cloudstead.core.clouds.states import BORN
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.free_json import require_bounded
from cloudstead.core.patch import ABSENT, Patched
from cloudstead.core.texts import require_line, require_prose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.ports import Launch
    from cloudstead.core.clouds.tokens import CloudTokens
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Unit

MAX_NAME_CHARS: Final = 128
HOSTS_AT_ONCE: Final = 1000

_SEALED_FOR: Final = "cloud-external"
_EXTERNAL: Final = re.compile(r"[\w+=,.@:/-]{16,128}", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_WORD: Final = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)  # names of IAM roles and of IoT policies
_EXTERNAL_BYTES: Final = 32
ERASABLE: Final = frozenset({"error", "schema", "iot_policy", "device_role"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudChange:
    """What to make of a cloud, or to change; ``None`` unsets a field where that is possible."""

    name: Patched[str] = ABSENT
    type: Patched[CloudType] = ABSENT
    region: Patched[str] = ABSENT
    enabled: Patched[bool] = ABSENT
    error: Patched[str | None] = ABSENT
    external: Patched[str] = field(default=ABSENT, repr=False)
    iot_policy: Patched[str | None] = ABSENT
    device_role: Patched[str | None] = ABSENT
    is_open: Patched[bool] = ABSENT
    schema: Patched[Mapping[str, Any] | None] = ABSENT
    shadows: Patched[bool] = ABSENT
    sync: Patched[bool] = ABSENT

    def given(self) -> dict[str, Any]:
        """Return the fields that are given."""
        return {name: value for name, value in asdict(self).items() if value is not ABSENT}


@dataclass(frozen=True, slots=True)
class NewCloud:
    """A cloud just made; ``launch`` shows the connect token, here and never again."""

    cloud: Cloud
    launch: Launch | None = field(default=None, repr=False)


_REMAKES: Final = frozenset({"schema", "shadows", "sync"})
_SETTLED: Final = ("region", "type", "external")


class Clouds:
    """The clouds of all accounts. One of another account is one that is not there."""

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        sealer: Sealer,
        *,
        engines: Engines,
        tokens: CloudTokens,
        region: str,
        operator: Callable[[Unit], Account | None],
    ) -> None:
        """``region`` is that of this installation; ``operator`` finds the account of whoever runs it."""
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._engines = engines
        self._tokens = tokens
        self._region = region
        self.operator = operator
        self.trail = Trail[Cloud](clock, ids, object_type="cloud", name_of=lambda each: each.id, fields_of=audited)

    def get(self, unit: Unit, actor: Actor, cloud_id: CloudId) -> Cloud:
        """Return a cloud; raise ``CloudNotFound``."""
        actor.require_sees(cloud_id)
        cloud = unit.clouds.get(actor.account_id, cloud_id)
        if cloud is None:
            raise CloudNotFound
        return cloud

    def template(self, account_id: AccountId, change: CloudChange) -> Cloud:
        """Return a cloud as it would be made, with its defaults; nothing is stored and nothing called."""
        wanted = change.given()
        wanted.pop("external", None)
        cloud_type = wanted.get("type", self._engines.default_type)
        born = BORN[cloud_type]
        now_ms = self._clock.millis()
        blank = Cloud(
            id=CloudId(""),
            account_id=account_id,
            name="",
            type=cloud_type,
            state=born.to,
            status=None if born.status is None else born.status.value,
            connected=bool(born.connected),
            region=None if cloud_type is CloudType.DEDICATED else self._region,
            is_open=False if cloud_type is CloudType.HOST else None,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        return replace(blank, **wanted)

    def create(self, unit: Unit, actor: Actor, change: CloudChange) -> NewCloud:
        """Make a cloud; raise ``InvalidField``, ``CloudNameTaken``, ``HostNotOpen`` and ``AccountLimitExceeded``."""
        if actor.only_cloud is not None:
            raise NotPermitted("create a cloud with the token of another one")
        account_id = actor.account_id
        if unit.clouds.of_tenant(account_id) is not None:
            raise NotPermitted("create a cloud inside of a cloud")
        external = None if change.external is ABSENT else change.external
        self._check(change)
        cloud = self._born(unit, actor, change)
        if external is not None and cloud.type is not CloudType.DEDICATED:
            raise InvalidField("external", "is for clouds in AWS accounts alone")
        engine = self._engines.of(cloud.type)
        engine.admit(cloud)
        require_room(unit, account_id, CLOUDS, used=unit.clouds.count(account_id))
        secret = external or secrets.token_hex(_EXTERNAL_BYTES)
        unit.clouds.add(cloud, CloudSecret(cloud.id, self._sealer.seal(secret.encode(), _SEALED_FOR)))
        self.trail.made(unit, actor.caller, "cloud.create", cloud)
        if cloud.type is not CloudType.DEDICATED:
            return NewCloud(cloud)
        token = self._tokens.launch(unit, actor.caller, cloud)
        return NewCloud(cloud, engine.launch(cloud, external=secret, token=token.text))

    def update(self, unit: Unit, actor: Actor, cloud_id: CloudId, change: CloudChange) -> tuple[Cloud, bool]:
        """Merge a change; return the cloud, and whether it has to be provisioned anew.

        Raise ``CloudNotFound``, ``InvalidField``, ``CloudNameTaken``, and ``CloudChangeForbidden`` for what is settled.
        """
        before = self.get(unit, actor, cloud_id)
        self._check(change)
        wanted = change.given()
        for name in _SETTLED:
            if name not in wanted:
                continue
            is_same = name != "external" and wanted[name] == getattr(before, name)
            if not is_same and (before.connected or before.state is not CloudState.DRAFT):
                raise CloudChangeForbidden(name)
        if change.type is not ABSENT and change.type is not before.type:
            raise InvalidField("type", "cannot change: make another cloud")
        external = wanted.pop("external", None)
        if external is not None:
            if before.type is not CloudType.DEDICATED:
                raise InvalidField("external", "is for clouds in AWS accounts alone")
            unit.clouds.put_secret(CloudSecret(before.id, self._sealer.seal(external.encode(), _SEALED_FOR)))
        after = replace(before, **wanted)
        if "region" in wanted:
            self._engines.of(after.type).admit(after)
        if after.name != before.name and before.type is CloudType.HOST and unit.clouds.carried_by(before.name):
            raise HostInUse  # they know it by its name
        if after.is_open is not None and after.type is not CloudType.HOST:
            raise InvalidField("open", "is for host clouds alone")
        after = self.put(unit, before, after)
        self.trail.changed(unit, actor.caller, "cloud.update", before, after)
        is_other = any(name in wanted and getattr(before, name) != getattr(after, name) for name in _REMAKES)
        return after, is_other and after.state is CloudState.READY

    def put(self, unit: Unit, before: Cloud, after: Cloud) -> Cloud:
        """Store a cloud that has changed, and tell of it."""
        if after == before:
            return before
        after = replace(after, updated_at_ms=self._clock.millis())
        unit.clouds.replace(after)
        unit.emit(CloudChanged(after))
        return after

    def hosts(self, unit: Unit, *, is_open: bool | None, region: str | None) -> Sequence[Cloud]:
        """Return the operator's host clouds, at most ``HOSTS_AT_ONCE``; without ``is_open`` those that are open."""
        operator = self.operator(unit)
        wanted = True if is_open is None else is_open
        return [
            each
            for each in unit.clouds.hosts_after("", limit=HOSTS_AT_ONCE)
            if operator is not None
            and each.account_id == operator.id
            and bool(each.is_open) is wanted
            and each.enabled
            and not each.suspended
            and each.state is not CloudState.REMOVING
            and region in {None, each.region}
        ]

    def external(self, unit: Unit, cloud: Cloud) -> str | None:
        """Return the external id, for whoever administers the cloud; ``None`` for a cloud without."""
        secret = unit.clouds.secret(cloud.id) if cloud.type is CloudType.DEDICATED else None
        return None if secret is None else self._sealer.open(secret.sealed_external, _SEALED_FOR).decode()

    def access(self, unit: Unit, cloud: Cloud) -> Access | None:
        """Return the way into the cloud's AWS account; ``None`` where there is none, or none yet."""
        secret = unit.clouds.secret(cloud.id) if cloud.type is CloudType.DEDICATED else None
        if secret is None or secret.role_arn is None:
            return None
        return Access(secret.role_arn, self._sealer.open(secret.sealed_external, _SEALED_FOR).decode())

    def _born(self, unit: Unit, actor: Actor, change: CloudChange) -> Cloud:
        if change.name is ABSENT:
            raise InvalidField("name", "is needed")
        cloud = self.template(actor.account_id, change)
        if cloud.type is CloudType.DEDICATED and not cloud.region:
            raise InvalidField("region", "is needed for a dedicated cloud")
        if change.is_open is not ABSENT and cloud.type is not CloudType.HOST:
            raise InvalidField("open", "is for host clouds alone")
        if cloud.type is CloudType.HOST:
            operator = self.operator(unit)
            if operator is None or operator.id != actor.account_id:
                raise NotPermitted("make a host cloud")
        plan = plan_of(cloud.type, unit.accounts.profile(actor.account_id).tier)
        return replace(
            cloud,
            id=CloudId(self._ids.new()),
            host=self._host(unit, change, cloud) if cloud.type is CloudType.HOSTED else None,
            plan_id=plan,
            quota=quota_of(plan),
            created_by=actor.caller.person_id,
        )

    def _host(self, unit: Unit, change: CloudChange, cloud: Cloud) -> str:
        region = None if change.region is ABSENT else cloud.region
        hosts = self.hosts(unit, is_open=True, region=region)
        ready = [each for each in hosts if each.connected]
        if not ready:
            raise HostNotOpen
        return min(ready, key=lambda each: (unit.clouds.carried_by(each.name), each.id)).name

    def _check(self, change: CloudChange) -> None:
        wanted = change.given()
        for name in ("name", "type", "region", "enabled", "external", "is_open", "shadows", "sync"):
            if name in wanted and wanted[name] is None:
                raise InvalidField(_WIRE.get(name, name), "cannot be unset")
        if "name" in wanted:
            require_line(wanted["name"], field="name", max_chars=MAX_NAME_CHARS)
        _require_form(wanted, "region", _REGION, "is no region: a name such as us-east-1 is")
        _require_form(wanted, "external", _EXTERNAL, "needs 16 to 128 letters, digits and _+=,.@:/-")
        _require_form(wanted, "iot_policy", _WORD, "needs 1 to 128 letters, digits and _+=,.@-")
        _require_form(wanted, "device_role", _WORD, "needs 1 to 128 letters, digits and _+=,.@-")
        require_prose(wanted.get("error"), field="error")
        if wanted.get("schema") is not None:
            require_bounded(wanted["schema"], field="schema")


_WIRE: Final = {"enabled": "enable", "is_open": "open", "iot_policy": "iotPolicy", "device_role": "deviceRole"}


def erasing(names: Collection[str]) -> dict[str, Any]:
    """Return the change that unsets fields; raise ``InvalidField`` for one that cannot be."""
    for name in names:
        if name not in ERASABLE:
            raise InvalidField("erase", f"{_WIRE.get(name, name)} cannot be unset")
    return dict.fromkeys(names)


def audited(cloud: Cloud) -> dict[str, Any]:
    """Return what the trail shows of a cloud."""
    shown = asdict(cloud)
    del shown["id"], shown["account_id"], shown["updated_at_ms"], shown["progress"]
    return {name: value for name, value in shown.items() if value is not None}


def _require_form(wanted: Mapping[str, Any], name: str, form: re.Pattern[str], reason: str) -> None:
    value = wanted.get(name)
    if value is not None and not form.fullmatch(value):
        raise InvalidField(_WIRE.get(name, name), reason)
