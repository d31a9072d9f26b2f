"""A small installation around the AWS faces: real credentials and a real server on loopback, fakes behind the ports."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import httpx2
import structlog
import uvicorn
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.credentials import Credentials
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from cloudstead.core.access.signers import Signers
from cloudstead.core.accounts.model import Account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.access_keys import AccessKeys
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.credentials.temporary import Session, TemporaryCredentials
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.errors import InvalidField, OutOfReach
from cloudstead.core.ids import AccountId, DomainId, PersonId, ThingName, ThingUid, Uuid7Source
from cloudstead.core.observations.model import ShadowChange
from cloudstead.core.people.model import Person
from cloudstead.core.shadows.errors import bad_request, no_shadow, too_large, version_conflict
from cloudstead.core.spine.authors import AuthoredChange
from cloudstead.core.spine.errors import ShadowUnavailable, TopicForbidden
from cloudstead.core.spine.requests import Answer
from cloudstead.dialects.aws.manifest import Endpoints
from cloudstead.dialects.aws.table import AwsParts, aws_faces
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.signed import SignatureReader

REGION = "eu-west-1"


class ShiftedClock:
    """The machine's clock, moved by ``shift``: SDKs sign with the real time, so the server cannot stand still."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.shift

    def millis(self) -> int:
        return int(self.now().timestamp() * 1000)


def account(number: int, *, stack: str) -> Account:
    return Account(
        id=AccountId(f"{number:032x}"),
        name=f"account {number}",
        number=f"{number:012d}",
        stack=stack,
        function_suffix=f"14W20MERP6ET{number}",
        identity_pool=f"00000000-0000-4000-8000-{number:012d}",
        user_pool=f"abcdefgh{number}",
        user_pool_client=f"client{number}",
        created_at_ms=0,
    )


def person(home: Account, number: int) -> Person:
    return Person(
        id=PersonId(f"{number:032x}"),
        home_account_id=home.id,
        user_name=f"person{number}",
        password_hash="",
        email=f"person{number}@example.com",
    )


class Accounts:
    def __init__(self, accounts: dict[str, Account]) -> None:
        self.by_host_name = accounts

    def all(self) -> list[Account]:
        return list(self.by_host_name.values())

    def _one(self, **wanted: str) -> Account | None:
        [(name, value)] = wanted.items()
        return next((each for each in self.all() if getattr(each, name) == value), None)

    def get(self, account_id: str) -> Account | None:
        return self._one(id=account_id)

    def by_host(self, host: str) -> Account | None:
        return self.by_host_name.get(host)

    def by_identity_pool(self, pool: str) -> Account | None:
        return self._one(identity_pool=pool)

    def by_number(self, number: str) -> Account | None:
        return self._one(number=number)


class Database:
    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.access_keys = SimpleNamespace(get=lambda _: None)  # tried over a real store, in test_access_keys

    async def read(self, work: Any) -> Any:
        return work(SimpleNamespace(accounts=self.accounts, access_keys=self.access_keys))


class Callers:
    def __init__(self, tokens: Tokens, people: list[Person], accounts: Accounts) -> None:
        self._tokens = tokens
        self._people = {each.id: each for each in people}
        self._accounts = accounts
        self.disabled: set[str] = set()
        self.api_keys: dict[str, PersonId] = {}

    async def of_session(self, account_id: AccountId, person_id: PersonId, *, credential_epoch: int) -> Caller:
        del credential_epoch
        return await self.of_person(account_id, person_id)

    async def of_person(self, account_id: AccountId, person_id: PersonId) -> Caller:
        found = self._people.get(person_id)
        if found is None or found.home_account_id != account_id or person_id in self.disabled:
            raise CredentialRefused
        grants = (Grant(DomainId("root"), "ReadWrite"),)
        return Caller(account_id, f"person:{person_id}", found.user_name, person_id, grants)

    async def of_api_key(self, text: str) -> Caller:
        if text not in self.api_keys:
            raise CredentialRefused
        found = self._people[self.api_keys[text]]
        return await self.of_person(found.home_account_id, found.id)

    async def of_id_token(self, token: str) -> Caller:
        said = self._tokens.verify(token)
        home = self._accounts.get(said.account_id)
        assert home is not None
        self._tokens.require_account(home, said)
        return await self.of_person(said.account_id, said.person_id)


@dataclass(frozen=True)
class Result:
    body: bytes
    failed: bool


class Runtime:
    """Answers what it was asked; the action says how."""

    names = ("AuthLambda", "DomainLambda", "ThingLambda")

    def __init__(self) -> None:
        self.runs: list[tuple[str, str, str | None, bytes]] = []

    async def invoke(
        self, logical_name: str, account: Account, caller: Caller | None, payload: bytes, *, source_address: str | None
    ) -> Result:
        self.runs.append((logical_name, account.number, caller and caller.user_name, payload))
        asked = json.loads(payload)
        action = asked.get("action") if isinstance(asked, dict) else None
        if action == "BREAK":
            raise RuntimeError("secret of the house")
        if action == "FAIL":
            return Result(json.dumps({"errorMessage": json.dumps({"message": "no"})}).encode(), failed=True)
        assert source_address == "127.0.0.1"
        answer = {"function": logical_name, "account": account.number, "user": caller and caller.user_name}
        return Result(json.dumps({**answer, "payload": asked}).encode(), failed=False)


class Shadows:
    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], bytes] = {}

    async def get(self, caller: Caller, name: str, payload: bytes) -> Answer:
        try:
            return Answer(self.documents[caller.account_id, name], len(self.documents))
        except KeyError:
            raise no_shadow(name) from None

    async def update(self, caller: Caller, name: str, payload: bytes) -> Answer:
        if name.startswith("elsewhere"):
            raise OutOfReach
        if name == "unlucky":
            raise ShadowUnavailable
        try:
            update = json.loads(payload)
        except ValueError:
            raise bad_request("Invalid JSON") from None
        if update.get("version", 1) != 1:
            conflict = version_conflict()
            conflict.offset = 7
            raise conflict
        if len(payload) > 8192:
            raise too_large()
        self.documents[caller.account_id, name] = payload
        return Answer(payload, len(self.documents))

    async def delete(self, caller: Caller, name: str, payload: bytes) -> Answer:
        await self.get(caller, name, payload)
        del self.documents[caller.account_id, name]
        return Answer(b'{"version":1}', 9)

    async def history(
        self, caller: Caller, name: str, *, before_offset: int | None, limit: int
    ) -> list[AuthoredChange]:
        await self.get(caller, name, b"")
        offsets = [offset for offset in range(5, 0, -1) if before_offset is None or offset < before_offset]
        return [AuthoredChange(change(offset), "anna") for offset in offsets[:limit]]


REQUESTS = {5: b'{"state":7}', 4: b"not json", 3: b"", 2: b"\xff", 1: b'{"state":{"reported":{"n":1}}}'}


def change(offset: int) -> ShadowChange:
    return ShadowChange(
        offset=offset,
        account_id=AccountId("a" * 32),
        thing_uid=ThingUid("b" * 32),
        thing_name=ThingName("lamp"),
        verb="update",
        version=1,
        author="person:11",
        timestamp_ms=1_500_000_000_000 + offset,
        request_json=REQUESTS[offset],
        outcome=0 if offset == 1 else 400,
    )


class Topics:
    def __init__(self) -> None:
        self.published: list[tuple[str, str, bytes, int]] = []

    async def publish(self, caller: Caller, topic: str, payload: bytes, *, qos: int) -> None:
        if topic.count("/") > 7:
            raise InvalidField("topic", "more than 7 slashes")
        if topic.startswith("$aws/"):
            raise TopicForbidden(topic)
        self.published.append((caller.user_name, topic, payload, qos))


class Device:
    """The thing ``lamp``, at the other end of a connection with a certificate."""

    name = "lamp"
    principal = "thing:lamp"

    def __init__(self, shadows: Shadows, home: Account, published: list[tuple[str, str, bytes, int]]) -> None:
        self._shadows = shadows
        self.account_id = home.id
        self._owner = Caller(home.id, "thing:lamp", "lamp", None, ())
        self._published = published

    async def get(self, payload: bytes) -> Answer:
        return await self._shadows.get(self._owner, self.name, payload)

    async def update(self, payload: bytes) -> Answer:
        return await self._shadows.update(self._owner, self.name, payload)

    async def delete(self, payload: bytes) -> Answer:
        return await self._shadows.delete(self._owner, self.name, payload)

    async def publish(self, topic: str, payload: bytes, *, qos: int) -> None:
        if topic != "$aws/things/lamp/shadow/update":
            raise TopicForbidden(topic)
        self._published.append((self.name, topic, payload, qos))


class Devices:
    """Knows one certificate."""

    CERTIFICATE = b"the lamp's"

    def __init__(self, device: Device) -> None:
        self._device = device

    async def of_certificate(self, der: bytes, sent) -> Device:
        if der != self.CERTIFICATE:
            raise CredentialRefused
        return self._device


@dataclass
class Installation:
    """Two accounts: ``home`` answers to 127.0.0.1, ``other`` to other.example; a person in each."""

    clock: ShiftedClock = field(default_factory=ShiftedClock)
    home: Account = field(default_factory=lambda: account(1, stack="dev"))
    other: Account = field(default_factory=lambda: account(2, stack="prod"))
    url: str = ""

    def __post_init__(self) -> None:
        self.anna = person(self.home, 11)
        self.olaf = person(self.other, 22)
        sealer = Sealer(InstallationKey(bytes(range(32))))
        self.identities = Identities(sealer, region=REGION)
        self.sessions = TemporaryCredentials(sealer, self.clock)
        self.tokens = Tokens(SigningKey.generate(), self.clock, region=REGION)
        accounts = Accounts({"127.0.0.1": self.home, "other.example": self.other})
        self.callers = Callers(self.tokens, [self.anna, self.olaf], accounts)
        self.callers.api_keys["csk_anna_secret"] = self.anna.id
        self.runtime, self.shadows, self.topics = Runtime(), Shadows(), Topics()
        self.registry = CollectorRegistry()
        self.lines = LogCapture()
        database = Database(accounts)
        access_keys = AccessKeys(self.clock, Uuid7Source(self.clock), sealer)
        signers = Signers(database, self.sessions, access_keys, callers=self.callers, clock=self.clock)
        self.parts = AwsParts(
            database=database,
            identities=self.identities,
            sessions=self.sessions,
            access_keys=access_keys,
            signers=signers,
            signatures=SignatureReader(signers, self.clock, region=REGION),
            tokens=self.tokens,
            callers=self.callers,
            runtime=self.runtime,
            shadows=self.shadows,
            topics=self.topics,
            files=None,  # S3 and links to files are tried over a real store, in test_s3 and test_file_links
            file_links=None,
            devices=Devices(Device(self.shadows, self.home, self.topics.published)),
            endpoints=Endpoints(
                REGION, "https://cloud.example:8443", "iot.example", "https://cloud.example:8444", "r1"
            ),
            clock=self.clock,
            ids=Uuid7Source(self.clock),
            log=structlog.wrap_logger(
                None, processors=[self.lines], wrapper_class=structlog.make_filtering_bound_logger(0)
            ),
        )
        self.faces = aws_faces(self.parts)
        self.app = WebApp(
            self.faces,
            ids=self.parts.ids,
            log=self.parts.log,
            metrics=WebMetrics.registered(self.registry),
        )

    # What a client of the installation holds.

    def session(self, who: Person | None = None, *, lifetime_s: int = 3600) -> Session:
        """Return credentials of a person, or of a guest of ``home``."""
        if who is None:
            guest = self.identities.new_guest(self.home)
            return self.sessions.issue(self.home.id, None, identity_id=guest, lifetime_s=lifetime_s)
        home = self.home if who.home_account_id == self.home.id else self.other
        identity = self.identities.of_person(home, who.id)
        return self.sessions.issue(home.id, who.id, identity_id=identity, lifetime_s=lifetime_s)

    def id_token(self, who: Person) -> str:
        return self.tokens.issue_id_token(self.home if who.home_account_id == self.home.id else self.other, who)

    def logins(self, who: Person) -> dict[str, str]:
        home = self.home if who.home_account_id == self.home.id else self.other
        return {self.tokens.login_provider(home): self.id_token(who)}

    def client(self, service: str, session: Session | None = None) -> Any:
        """Return a boto3 client; unsigned without a session."""
        config = Config(retries={"total_max_attempts": 1}, signature_version=None if session else UNSIGNED)
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            config=config,
            aws_access_key_id=session and session.access_key_id,
            aws_secret_access_key=session and session.secret_access_key,
            aws_session_token=session and session.session_token,
        )

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request as it stands."""
        with httpx2.Client(base_url=self.url) as client:
            return client.request(method, path, **options)

    def signed(
        self,
        method: str,
        path: str,
        *,
        service: str,
        session: Session,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        region: str = REGION,
    ) -> httpx2.Request:
        """Return a request that botocore signed, to be spoilt by the test."""
        request = AWSRequest(method=method, url=self.url + path, data=body, headers=headers or {})
        keys = Credentials(session.access_key_id, session.secret_access_key, session.session_token)
        SigV4Auth(keys, service, region).add_auth(request)
        return httpx2.Request(method, self.url + path, content=body, headers=dict(request.headers.items()))


def send(request: httpx2.Request) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.send(request)


class Server(threading.Thread):
    """uvicorn on a free port of the loopback interface, with an event loop of its own."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        installation.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(installation.app, log_config=None, lifespan="on", ws="none"))
        self.ready = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        # The socket listens already: a client that comes early waits in its queue.
        self.ready.set()
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        self._server.should_exit = True
        self.join()
