"""The S3 face and the links to files over a real store, called without a network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx2
import structlog
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from prometheus_client import CollectorRegistry

from cloudstead.core.access.callers import Callers
from cloudstead.core.access.signers import Signers
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.access_keys import AccessKeys
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.temporary import TemporaryCredentials
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.files.model import Bucket, bucket_name, object_path
from cloudstead.core.ids import DomainId
from cloudstead.dialects.aws.manifest import Endpoints
from cloudstead.dialects.aws.table import AwsParts, aws_faces
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.signed import SignatureReader
from factories.cloud_connect import signing_key
from factories.files import file_rooms

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.credentials.temporary import Session
    from factories.files import FileRooms
    from factories.tenants import Tenant

HOST = "cloud.example"
REGION = "eu-west-1"
URL = f"https://{HOST}"
_SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass
class Reply:
    """An answer, read."""

    response: httpx2.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> Any:
        return self.response.headers

    @property
    def content(self) -> bytes:
        return self.response.content

    @property
    def root(self) -> ET.Element:
        return ET.fromstring(self.content)

    def texts(self, path: str) -> list[str]:
        steps = "/".join(f"{_SPACE}{step}" for step in path.split("/"))
        return [each.text or "" for each in self.root.findall(steps)]

    def text(self, path: str) -> str | None:
        return next(iter(self.texts(path)), None)

    @property
    def keys(self) -> list[str]:
        return self.texts("Contents/Key")

    @property
    def code(self) -> str | None:
        """The code of an error."""
        return self.root.findtext("Code") if self.root.tag == "Error" else None


@dataclass
class S3World:
    """A tenant whose buckets can be read."""

    tenant: Tenant
    rooms: FileRooms
    sessions: TemporaryCredentials
    identities: Identities
    app: WebApp

    async def keep(self, bucket: Bucket, *keys: str, account: Account | None = None) -> None:
        """Put objects that hold their own keys."""
        owner = account or self.tenant.account
        for key in keys:
            await self.rooms.objects.put(object_path(owner.id, bucket, key), key.encode())

    def name(self, bucket: Bucket, account: Account | None = None) -> str:
        return bucket_name(account or self.tenant.account, bucket)

    async def session(self, *grants: tuple[str, str], lifetime_s: int = 3600) -> Session:
        """Return credentials of somebody new with these grants."""
        user_name = f"user{len(grants)}-{self.tenant.ids.new()}"
        held = tuple(Grant(DomainId(domain_id), role) for domain_id, role in grants)
        person = await self.tenant.add_person(user_name, *held)
        return self.session_of(person.id, lifetime_s=lifetime_s)

    def session_of(self, person_id: Any, *, lifetime_s: int = 3600) -> Session:
        account = self.tenant.account
        if person_id is None:
            identity = self.identities.new_guest(account)
        else:
            identity = self.identities.of_person(account, person_id)
        return self.sessions.issue(account.id, person_id, identity_id=identity, lifetime_s=lifetime_s)

    async def reader(self) -> Session:
        return await self.session(("root", "Read"))

    async def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, url: str = URL) -> Reply:
        """Send a request as it stands."""
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport) as client:
            return Reply(await client.request(method, url + path, headers=headers))

    async def ask(
        self,
        session: Session,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        url: str = URL,
        region: str = REGION,
        service: str = "s3",
    ) -> Reply:
        """Send a request that botocore has signed in its headers."""
        request = AWSRequest(method=method, url=url + path, headers=headers or {})
        S3SigV4Auth(_credentials(session), service, region).add_auth(request)
        return await self.send(method, path, headers=dict(request.headers.items()), url=url)

    async def ask_by_url(
        self, session: Session, path: str, *, expires_s: int = 60, method: str = "GET", url: str = URL
    ) -> Reply:
        """Send a request whose address botocore has signed."""
        return await self.send(method, presigned(session, path, expires_s=expires_s, method=method, url=url), url="")


def presigned(session: Session, path: str, *, expires_s: int = 60, method: str = "GET", url: str = URL) -> str:
    request = AWSRequest(method=method, url=url + path)
    S3SigV4QueryAuth(_credentials(session), "s3", REGION, expires=expires_s).add_auth(request)
    return request.url


def _credentials(session: Session) -> Credentials:
    return Credentials(session.access_key_id, session.secret_access_key, session.session_token)


def s3_world(tenant: Tenant, executor: Executor) -> S3World:
    tenant.clock.advance(datetime.now(UTC) - tenant.clock.now())  # botocore signs with the machine's time
    rooms = file_rooms(tenant, executor)
    identities = Identities(tenant.sealer, region=REGION)
    sessions = TemporaryCredentials(tenant.sealer, tenant.clock)
    tokens = Tokens(signing_key(), tenant.clock, region=REGION)
    callers = Callers(tenant.database, tokens, tenant.clock)
    access_keys = AccessKeys(tenant.clock, tenant.ids, tenant.sealer)
    signers = Signers(tenant.database, sessions, access_keys, callers=callers, clock=tenant.clock)
    signers.listen(tenant.bus)
    parts = AwsParts(
        database=tenant.database,
        identities=identities,
        sessions=sessions,
        access_keys=access_keys,
        signers=signers,
        signatures=SignatureReader(signers, tenant.clock, region=REGION),
        tokens=tokens,
        callers=callers,
        runtime=SimpleNamespace(names=()),
        shadows=None,
        topics=None,
        devices=None,
        files=rooms.files,
        file_links=rooms.links,
        endpoints=Endpoints(region=REGION, public_url=URL, iot_host="iot.example", thing_event_url="", revision="r1"),
        clock=tenant.clock,
        ids=tenant.ids,
        log=structlog.get_logger(),
    )
    app = WebApp(aws_faces(parts), ids=tenant.ids, log=parts.log, metrics=WebMetrics.registered(CollectorRegistry()))
    return S3World(tenant, rooms, sessions, identities, app)
