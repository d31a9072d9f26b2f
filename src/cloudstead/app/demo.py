"""What ``cloudstead demo`` makes on an empty data folder: an account, an administrator, and this machine as a thing.

What it made is kept, sealed with the installation's key, so that a second start shows the same password and key.
"""

from __future__ import annotations

import re
import secrets
import socket
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.app.accounts import own_hosts, random_password
from cloudstead.app.errors import CannotStart
from cloudstead.app.private_files import write_private
from cloudstead.core.accounts.model import MqttProfile
from cloudstead.core.accounts.opening import ADMINISTRATOR, add_administrator, open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.api_keys import make_api_key
from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.ids import AccountId, DomainId, PersonId, ThingName, ThingTypeId
from cloudstead.core.people.model import Membership, Person

if TYPE_CHECKING:
    from pathlib import Path

    from cloudstead.app.cloud import Cloud
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.unit import Unit

_SEAL: Final = "app/demo"
_THING_TYPE: Final = ThingTypeId("computer")
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9:_-]+")


class DemoRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo made."""

    account_id: AccountId
    user_name: str
    password: str
    api_key: str
    thing_name: ThingName
    viewer_id: PersonId  # may only watch; the page shows itself to this machine in the viewer's name

    def __repr__(self) -> str:
        """Show no secret."""
        return f"{type(self).__name__}(user_name={self.user_name!r}, thing_name={self.thing_name!r})"


async def prepare_demo(cloud: Cloud) -> DemoRecord:
    """Return what the demo made; make it when this is its first start."""
    path = cloud.folder.demo_file
    if path.exists():
        try:
            return msgspec.json.decode(cloud.keys.sealer.open(path.read_bytes(), _SEAL), type=DemoRecord)
        except (SealBroken, msgspec.DecodeError):
            raise CannotStart(f"{path} cannot be read: restore it, or start over with another --data.") from None
    if await cloud.database.read(lambda unit: len(unit.accounts.all())):
        raise CannotStart(
            f"{cloud.folder.path} holds accounts that the demo did not make: use 'cloudstead serve' for them, or name "
            "another folder with --data."
        )
    record = await _make(cloud)
    write_private(path, cloud.keys.sealer.seal(msgspec.json.encode(record), _SEAL))
    return record


def demo_of(folder: Path) -> DemoRecord | None:
    """Return what the demo made in a data folder, whoever holds it; ``None`` where that cannot be read."""
    path = folder / "demo.json"
    try:
        key = InstallationKey(bytes.fromhex((folder / "keys" / "installation.key").read_text(encoding="ascii").strip()))
        return msgspec.json.decode(Sealer(key).open(path.read_bytes(), _SEAL), type=DemoRecord)
    except (OSError, ValueError, SealBroken, msgspec.DecodeError):
        return None


async def write_bundle(cloud: Cloud, record: DemoRecord) -> Path:
    """Write this machine's certificate and key for the agent, and return the file."""
    caller = await cloud.callers.of_api_key(record.api_key)
    archive = await cloud.database.read(lambda unit: cloud.certificates.download(unit, caller, record.thing_name))
    path = cloud.folder.agent / "bundle.zip"
    write_private(path, archive)
    return path


async def _make(cloud: Cloud) -> DemoRecord:
    settings = cloud.settings
    clock, ids = cloud.clock, cloud.ids
    password = random_password()
    password_hash = await cloud.hasher.hash(password)
    user_name = settings.demo.user_name
    thing_name = _machine_name()

    def work(unit: Unit) -> DemoRecord:
        account = open_account(
            unit,
            ids,
            clock,
            name=settings.demo.account,
            stack=settings.public.stack,
            hosts=own_hosts(settings),
            mqtt_profile=MqttProfile(settings.demo.mqtt_profile),
        )
        person = add_administrator(
            unit,
            account,
            ids=ids,
            clock=clock,
            user_name=user_name,
            password_hash=password_hash,
            email=f"{user_name}@{settings.public.hostname}",
        )
        viewer = _viewer(account, PersonId(ids.new()), now_ms=clock.millis())
        unit.people.add(viewer)
        unit.people.put_membership(Membership(account.id, viewer.id, (Grant(DomainId(ROOT_ID), "Watch"),)))
        grants = (Grant(DomainId(ROOT_ID), ADMINISTRATOR),)
        caller = Caller(account.id, f"person:{person.id}", person.user_name, person.id, grants)
        key = make_api_key(unit, caller, clock=clock, ids=ids, name="demo", grants=grants, owner_id=person.id)
        cloud.thing_types.create(
            unit,
            caller,
            thing_type_id=_THING_TYPE,
            domain_id=DomainId(ROOT_ID),
            label="Computer",
            description="Machines that report their load, memory, disk and network.",
        )
        cloud.things.create(unit, caller, thing_type=_THING_TYPE, domain_id=DomainId(ROOT_ID), name=thing_name)
        return DemoRecord(
            account_id=account.id,
            user_name=user_name,
            password=password,
            api_key=key.text,
            thing_name=thing_name,
            viewer_id=viewer.id,
        )

    return await cloud.database.write(work)


def _viewer(account: Account, person_id: PersonId, *, now_ms: int) -> Person:
    """Return a person who cannot log in: no password has an empty hash."""
    return Person(
        id=person_id,
        home_account_id=account.id,
        user_name="viewer",
        password_hash="",
        email="viewer@localhost",
        created_at_ms=now_ms,
    )


def _machine_name() -> ThingName:
    """Return this machine's name as a thing may be called."""
    name = _NOT_IN_NAMES.sub("-", socket.gethostname().partition(".")[0]).strip("-")[:64]
    return ThingName(name or f"machine-{secrets.token_hex(3)}")
