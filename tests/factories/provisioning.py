"""ProvisionDevice over a state store, called without a socket: requests are signed at the world's own time.

The world: ``ada`` administers an account, ``ron`` reads it, ``nora`` writes at the domain ``sub`` of it; ``stranger``
administers another one. Each has an access key.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx2
import structlog
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from prometheus_client import CollectorRegistry

from cloudstead.core.access.callers import Callers
from cloudstead.core.access.signers import Signers
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.access_keys import AccessKeys
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.temporary import TemporaryCredentials
from cloudstead.core.credentials.tokens import Tokens
from cloudstead.core.ids import DomainId
from cloudstead.core.people.model import Membership, Person
from cloudstead.core.provisioning.archive import Surroundings
from cloudstead.core.provisioning.devices import Devices
from cloudstead.core.provisioning.registration import Registrations
from cloudstead.core.things.registry import Things
from cloudstead.dialects.provision_device.ports import Backend
from cloudstead.dialects.provision_device.table import REGISTER_PATH, provision_device_faces
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.signed import SignatureReader
from factories import schema
from factories.cloud_connect import signing_key
from factories.openapi import Operations, contract_of, operations_of, whole_of
from factories.panorama import Carried

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from factories.tenants import Tenant

REGION = "eu-west-1"
HOST = "cloud.example"
URL = f"https://{HOST}"


def contract() -> dict[str, Any]:
    return contract_of("provision-device")


def operations() -> Operations:
    """Return method, path and description of every operation, by its id."""
    return operations_of("provision-device")


def whole(described: Any) -> Any:
    """Return a part of the contract without references."""
    return whole_of("provision-device", described)


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def kind(self) -> str:
        """The name of the error."""
        return str(self.headers["x-amzn-errortype"])


class Presence:
    """Says who is connected."""

    def __init__(self) -> None:
        self.uids: set[str] = set()

    def online(self, thing_uids: Any) -> frozenset[Any]:
        return frozenset(uid for uid in thing_uids if uid in self.uids)


@dataclass
class ProvisioningWorld:
    tenant: Tenant
    backend: Backend
    client: httpx2.AsyncClient
    presence: Presence
    other: Account
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def add_person(self, name: str, *grants: Grant, account: Account, domain: str | None = None) -> None:
        """Add somebody with an access key."""
        tenant = self.tenant
        person = Person(tenant.ids.new(), account.id, f"{name}-of-keys", "", f"{name}@cloud.example")
        keys = self.backend.signers._keys

        def write(unit: Any) -> Any:
            unit.people.add(person)
            unit.people.put_membership(Membership(account.id, person.id, grants))
            caller = Caller(account.id, f"person:{person.id}", person.user_name, person.id, grants)
            return keys.create(unit, caller, domain_id=None if domain is None else DomainId(domain))

        made = await tenant.database.write(write)
        self.keys[name] = (made.key.id, made.secret)

    async def call(
        self, name: str, by: str = "ada", /, *, query: Any = None, body: Any = None, region: str = REGION, **path: str
    ) -> Answer:
        """Call an operation by its id in the contract, signed by somebody, and hold the answer against it."""
        method, template, _ = operations()[name]
        place = template.format(**{key: quote(value, safe="") for key, value in path.items()})
        answer = await self.send(method, place, by, query=query, body=body, region=region)
        responses = operations()[name][2]["responses"]
        assert str(answer.status) in responses, f"{name} answers {answer.status}: {answer.body}"
        content = whole(responses[str(answer.status)])["content"]["application/json"]["schema"]
        schema.require(content, answer.body, name) if "anyOf" not in content else None
        return answer

    async def send(
        self, method: str, place: str, by: str, *, query: Any = None, body: Any = None, region: str = REGION
    ) -> Answer:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        url = URL + place + (f"?{urlencode(query, doseq=True)}" if query else "")
        request = AWSRequest(method, url, data=content, headers={"content-type": "application/json", "host": HOST})
        key_id, secret = self.keys[by]
        self._signer(Credentials(key_id, secret), region).add_auth(request)
        response = await self.client.request(method, url, headers=dict(request.headers.items()), content=content)
        return Answer(response.status_code, response.json(), response.headers)

    def _signer(self, keys: Credentials, region: str) -> SigV4Auth:
        stamp = self.tenant.clock.now().strftime("%Y%m%dT%H%M%SZ")

        class AtOurTime(SigV4Auth):
            def add_auth(self, request: Any) -> None:
                request.context["timestamp"] = stamp
                self._modify_request_before_signing(request)
                canonical = self.canonical_request(request)
                signature = self.signature(self.string_to_sign(request, canonical), request)
                self._inject_signature_to_request(request, signature)

        return AtOurTime(keys, "panorama", region)

    async def provision(self, name: str = "camera", by: str = "ada", **more: Any) -> tuple[dict[str, Any], Carried]:
        answer = await self.call("ProvisionDevice", by, body={"Name": name, **more})
        assert answer.status == 200, answer.body
        return answer.body, Carried(base64.b64decode(answer.body["Certificates"]))

    async def register(self, carried: Carried, **more: Any) -> Answer:
        """Register as devices behind a proxy do: with a signature by the claim's key."""
        request = carried.request()
        key = load_pem_private_key(carried.files["claim.key.pem"], password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        body = {
            "csr": request.public_bytes(Encoding.PEM).decode(),
            "claimCertificate": carried.files["claim.crt.pem"].decode(),
            "signature": base64.b64encode(key.sign(request.public_bytes(Encoding.DER), ec.ECDSA(SHA256()))).decode(),
            **more,
        }
        response = await self.client.post(URL + REGISTER_PATH, json=body)
        return Answer(response.status_code, response.json(), response.headers)

    async def status(self, device_id: str) -> tuple[str, str, str]:
        told = (await self.call("DescribeDevice", DeviceId=device_id)).body
        return told["ProvisioningStatus"], told["DeviceConnectionStatus"], told["DeviceAggregatedStatus"]

    async def connect(self, device_id: str) -> None:
        """Let the device come, and stay."""
        uid = (await self._device(device_id)).thing_uid
        now_ms = self.tenant.clock.millis()
        await self.tenant.database.write(lambda unit: unit.provisioned_devices.touch([uid], now_ms))
        self.presence.uids.add(uid)

    async def leave(self, device_id: str) -> None:
        self.presence.uids.discard((await self._device(device_id)).thing_uid)

    async def _device(self, device_id: str) -> Any:
        account_id = self.tenant.account.id
        return await self.tenant.database.read(lambda unit: unit.provisioned_devices.get(account_id, device_id))


def schema_json(body: Any) -> bytes:
    import json

    return json.dumps(body).encode()


async def build_world(tenant: Tenant) -> ProvisioningWorld:
    tokens = Tokens(signing_key(), tenant.clock, region=REGION)
    callers = Callers(tenant.database, tokens, tenant.clock)
    access_keys = AccessKeys(tenant.clock, tenant.ids, tenant.sealer)
    sessions = TemporaryCredentials(tenant.sealer, tenant.clock)
    signers = Signers(tenant.database, sessions, access_keys, callers=callers, clock=tenant.clock)
    for each in (callers, signers):
        each.listen(tenant.bus)
    files = create_authority(tenant.clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=tenant.clock
    )
    certificates = Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    things = Things(tenant.clock, tenant.ids, certificates)
    presence = Presence()
    backend = Backend(
        clock=tenant.clock,
        database=tenant.database,
        signers=signers,
        signatures=SignatureReader(signers, tenant.clock, region=REGION),
        devices=Devices(tenant.clock, tenant.ids, authority=authority, things=things),
        registrations=Registrations(tenant.clock, tenant.ids, things=things, certificates=certificates),
        presence=presence,
        around=lambda account: Surroundings(
            number=account.number,
            register_url=URL + REGISTER_PATH,
            mqtt_host=HOST,
            mqtt_port=8883,
            root_pem=authority.root_pem,
        ),
    )
    app = WebApp(
        provision_device_faces(backend),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
    world = ProvisioningWorld(tenant, backend, client, presence, await tenant.open_another_account())
    await tenant.add_domain("sub")
    await tenant.add_domain("beside")
    root = DomainId("root")
    await world.add_person("ada", Grant(root, "Administrator"), account=tenant.account)
    await world.add_person("ron", Grant(root, "Read"), account=tenant.account)
    await world.add_person("nora", Grant(DomainId("sub"), "ReadWrite"), account=tenant.account)
    await world.add_person("stranger", Grant(root, "Administrator"), account=world.other)
    return world


def fingerprint_of(pem: str) -> str:
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
