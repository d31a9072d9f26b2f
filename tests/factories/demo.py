"""One cloud for all journeys: a demo with people who see parts of it, and a second account that sees nothing of it.

::

    root              the administrator; Ada's
    ├── north         Nora may write here, Ron may read
    │   └── harbour
    └── south

What no client can make yet (people who see only a part) or wait for (credentials of the day before yesterday) is
written into the data folder before the cloud starts.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from cloudstead.app.data_folder import DataFolder
from cloudstead.app.keys import open_keys
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clock import ManualClock, SystemClock
from cloudstead.core.credentials.api_keys import make_api_key
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.passwords import Passwords
from cloudstead.core.credentials.temporary import TemporaryCredentials
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.domains.registry import Domains
from cloudstead.core.ids import DomainId, PersonId, Uuid7Source
from cloudstead.core.people.model import Membership, Person
from cloudstead.storage.sql import Database
from factories.running import running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.unit import Unit

REGION = "eu-west-1"
FOREIGN_HOST = "other.example"
_PLACES = {"north": "root", "harbour": "north", "south": "root"}
_PEOPLE = {"nora": ("north", "ReadWrite"), "ron": ("north", "Read")}
_ROW = re.compile(r"^\s*(User|Password|API key)\s+(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Resident:
    """Somebody with an account, a password and a key."""

    hostname: str
    user_name: str
    password: str
    api_key: str


@dataclass(frozen=True)
class Outdated:
    """Credentials that were good two days ago: the administrator's token and AWS keys."""

    token: str
    keys: dict[str, str]


class Doors:
    """Where a running cloud is entered; ``ready`` is what its ready file says."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.ca_file: str = ready["ca_file"]
        self.administrator = Resident(ready["hostname"], ready["user_name"], ready["password"], ready["api_key"])

    def url(self, scheme: str = "http") -> str:
        return self.ready[scheme]

    @property
    def devices(self) -> tuple[str, int]:
        """Where devices connect."""
        host, port = self.ready["mqtts"].rsplit(":", 1)
        return host, int(port)

    def web(self, scheme: str = "http") -> tuple[str, int]:
        """Where browsers connect."""
        host, port = self.url(scheme).partition("://")[2].rsplit(":", 1)
        return host, int(port)

    def manifest(self, who: Resident) -> dict[str, str]:
        with urllib.request.urlopen(f"{self.url()}/prod/manifest/?hostname={who.hostname}", timeout=30) as answer:
            return json.load(answer)


class Demo(Doors):
    """The cloud of all journeys, and who else lives in it."""

    def __init__(
        self, ready: dict[str, Any], people: dict[str, Resident], *, stranger: Resident, outdated: Outdated
    ) -> None:
        super().__init__(ready)
        self.nora = people["nora"]
        self.ron = people["ron"]
        self.stranger = stranger
        self.outdated = outdated
        self._numbers = count()

    def new_name(self, kind: str) -> str:
        """Return a name that no other journey uses."""
        return f"{kind}-{next(self._numbers)}"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The cloud of all journeys; it has to stop as it should, and must not have complained."""
    folder = tmp_path_factory.mktemp("demo")
    with running_cloud(folder) as cloud:
        administrator = Doors(cloud.ready).administrator
    stranger = open_account(folder / "data")
    people, outdated = asyncio.run(_settle(folder / "data", administrator))
    with running_cloud(folder) as cloud:
        yield Demo(cloud.ready, people, stranger=stranger, outdated=outdated)
        assert cloud.stop() == 0
    require_silence(folder)


def require_silence(folder: Path, *, but: str = "") -> None:
    """Fail when the clouds of ``folder`` told what nobody wants to read: warnings, errors, traces.

    The logger ``but`` may complain.
    """
    lines = (folder / "log.txt").read_text(encoding="utf-8").splitlines()
    complaints = [line for line in lines if not _is_harmless(line, but)]
    assert not complaints, "\n".join(complaints)


def open_account(data: Path) -> Resident:
    """Open a second account the way an operator does, while no cloud runs."""
    names = ("--name", "Other", "--user", "eve", "--host", FOREIGN_HOST)
    command = [sys.executable, "-m", "cloudstead.app", "account", "create", "--data", str(data), *names]
    told = dict(_ROW.findall(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return Resident(FOREIGN_HOST, told["User"], told["Password"], told["API key"])


def _is_harmless(line: str, excused: str) -> bool:
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return event["level"] in {"debug", "info"} or event["logger"] == excused


async def _settle(data: Path, administrator: Resident) -> tuple[dict[str, Resident], Outdated]:
    """Add the domains and the people, and issue what has run out."""
    folder = DataFolder.hold(data)
    database = await Database.open(f"sqlite:///{folder.state_file}", on_events=lambda _events: None)
    try:
        people = await database.write(lambda unit: _add_people(unit, administrator))
        owner = await database.read(lambda unit: _owner(unit, administrator))
        return people, _outdated(folder, *owner)
    finally:
        await database.close()
        folder.release()


def _owner(unit: Unit, administrator: Resident) -> tuple[Account, Person]:
    account = unit.accounts.by_host(administrator.hostname)
    assert account is not None
    person = unit.people.by_user_name(account.id, administrator.user_name)
    assert person is not None
    return account, person


def _add_people(unit: Unit, administrator: Resident) -> dict[str, Resident]:
    clock = SystemClock()
    ids = Uuid7Source(clock)
    account, owner = _owner(unit, administrator)
    caller = Caller(account.id, "operator", "operator", owner.id, (Grant(DomainId("root"), "Administrator"),))
    for name, parent in _PLACES.items():
        Domains(clock, ids).create(
            unit, caller, domain_id=DomainId(name), parent_id=DomainId(parent), name=name.title()
        )
    people = {}
    for user_name, (domain, role) in _PEOPLE.items():
        grants = (Grant(DomainId(domain), role),)
        password = f"{user_name} by the sea"
        person = Person(
            id=PersonId(ids.new()),
            home_account_id=account.id,
            user_name=user_name,
            password_hash=Passwords().hash(password),
            email=f"{user_name}@localhost",
        )
        unit.people.add(person)
        unit.people.put_membership(Membership(account.id, person.id, grants))
        key = make_api_key(unit, caller, clock=clock, ids=ids, name=user_name, grants=grants, owner_id=person.id)
        people[user_name] = Resident(administrator.hostname, user_name, password, key.text)
    return people


def _outdated(folder: DataFolder, account: Account, person: Person) -> Outdated:
    clock = ManualClock(datetime.now(UTC) - timedelta(days=2))
    keys = open_keys(folder, clock)
    identity_id = Identities(keys.sealer, region=REGION).of_person(account, person.id)
    session = TemporaryCredentials(keys.sealer, clock).issue(account.id, person.id, identity_id=identity_id)
    return Outdated(
        Tokens(keys.signing_key, clock, region=REGION).issue_id_token(account, person),
        {
            "AccessKeyId": session.access_key_id,
            "SecretKey": session.secret_access_key,
            "SessionToken": session.session_token,
        },
    )
