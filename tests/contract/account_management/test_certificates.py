"""Trusted and developer certificates and server credentials: every operation and its twin, through the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import structlog
from cryptography import x509
from prometheus_client import CollectorRegistry

from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.profile import Tier
from cloudstead.core.credentials.authority import create_authority
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.paging import PageRequest
from cloudstead.core.trustedcertificates.model import Service
from cloudstead.core.trustedcertificates.servers import Servers
from cloudstead.dialects.account_management.auth import BearerCallers
from cloudstead.dialects.account_management.errors import ERRORS
from cloudstead.dialects.account_management.rows_certificates import rows
from cloudstead.web.app import WebApp
from cloudstead.web.face import Face
from cloudstead.web.face import below as below_path
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.routes import PathRoutes
from factories.account_keys import account_keys
from factories.authorities import authority, device
from factories.coverage import covers_each
from factories.schema import operations, require_answer
from factories.tenants import tenant
from factories.trusting import trusting

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from factories.tenants import Tenant

__all__ = ["tenant"]

NAMES = sorted(
    name
    for name, (_, path, _) in operations().items()
    if any(word in path for word in ("/trusted-certificates", "/developer-certificates", "/server-credentials"))
)
TWINS = [name for name in NAMES if "_account_" in name]
OWN = [name for name in NAMES if name not in TWINS]
CHANGES = [name for name in NAMES if not name.startswith(("get_", "list_"))]
UPLOADS = [name for name in NAMES if name.startswith("create_") and "trusted" in name]
OF_ONE = [name for name in NAMES if "cert_id}" in operations()[name][1] or "CertificateId}" in operations()[name][1]]
# The only thing that can be wrong about these is the credential.
WITHOUT_INPUT = [name for name in NAMES if "server_credentials" in name]
WITH_BODY = [name for name in NAMES if name.startswith(("create_", "update_"))]
ROOT_PEM = authority("our root").pem
NOBODY = "0" * 32
ONE = authority("Acme devices")


def developers_may(name: str) -> bool:
    return name in OWN and name not in UPLOADS


@dataclass
class Site:
    """The dialect over an upper account with one tenant, and another upper account that has nothing to do with them."""

    client: httpx2.AsyncClient
    tenant: Tenant
    top: Account
    below: Account
    other: Account
    keys: dict[str, str]
    ids: dict[str, str]

    async def call(self, name: str, key: str | None = "top", *, account: Any = None, one: Any = None, **sent: Any):
        """Perform an operation; a twin is about the tenant unless ``account`` names another one."""
        method, path, _ = operations()[name]
        account = account or self.below.id
        of_account = self.ids["below"] if name in TWINS else self.ids["developer" if "developer" in name else "top"]
        address = path.format(account_id=account, cert_id=one or of_account, developerCertificateId=one or of_account)
        headers = {**sent.pop("headers", {})}
        if key is not None:
            headers["authorization"] = f"Bearer {self.keys.get(key, key)}"
        if name in WITH_BODY and not sent:
            sent = {"json": good_body(name)}
        return await self.client.request(method, address, headers=headers, **sent)

    async def prove(self, name: str, key: str = "top", **options: Any) -> Any:
        """Perform an operation that has to succeed, hold its answer against the contract, and return its body."""
        answer = await self.call(name, key, **options)
        assert answer.status_code < 300, answer.text
        body = answer.json() if answer.content else None
        require_answer(name, answer.status_code, body)
        return body

    async def kept(self) -> Any:
        def read(unit):
            return [list(unit.trusted_certificates.of_account(each.id)) for each in (self.top, self.below, self.other)]

        return await self.tenant.database.read(read)


def good_body(name: str) -> dict[str, Any]:
    if name in UPLOADS:
        return {"name": "new", "certificate": authority("New devices").pem, "service": "lwm2m", "unknown": 1}
    if name.startswith("update_"):
        return {"description": "very important cert"}
    return {"name": "bench", "description": "on the bench"}


@pytest.fixture(scope="module")
def signing_key():
    return SigningKey.generate()


@pytest.fixture
async def site(tenant, signing_key):
    tenant.clock.advance(datetime.now(UTC) - tenant.clock.now())
    trust = trusting(tenant)
    servers = Servers(
        {Service.BOOTSTRAP: "coaps://boot.example:5684", Service.LWM2M: "coaps://lwm2m.example:5684"},
        authority_pem=create_authority(tenant.clock).root_certificate.decode(),
    )
    callers = Callers(tenant.database, Tokens(signing_key, tenant.clock, region="eu-central-1"), tenant.clock)
    callers.listen(tenant.bus)

    tree = await account_keys(tenant)
    below, other, keys = tree.below, tree.other, tree.keys
    made = await trust.developer("made before")
    ids = {
        "top": (await trust.upload(ONE, name="mine")).id,
        "below": (await trust.upload(authority("below's"), name="theirs", account_id=below.id)).id,
        "developer": made.trusted.id,
    }
    backend = SimpleNamespace(
        clock=tenant.clock,
        database=tenant.database,
        trusted_certificates=trust.registry,
        developer_certificates=trust.developers,
        servers=servers,
    )
    face = Face(
        name="account-management",
        matches=below_path("/v3/"),
        routes=PathRoutes(rows(backend), ignore_last_slash=True),
        errors=ERRORS,
        authenticate=BearerCallers(callers).of_call,
        body_limit=4 << 20,
    )
    app = WebApp(
        (face,), ids=tenant.ids, log=structlog.get_logger(), metrics=WebMetrics.registered(CollectorRegistry())
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="https://cloud.example") as client:
        yield Site(client, tenant, tenant.account, below, other, keys, ids)


def require_refusal(name: str, answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text
    body = answer.json()
    assert (body["object"], body["code"]) == ("error", answer.status_code)
    assert isinstance(body.get("fields", []), list)
    if "content" in operations()[name][2]["responses"].get(str(answer.status_code), {}):
        require_answer(name, answer.status_code, body)
    return body


def test_every_operation_of_the_contract_is_served():
    assert len(NAMES) == 15
    backend = SimpleNamespace(clock=0, database=0, trusted_certificates=0, developer_certificates=0, servers=0)
    served = {row.name: (row.method, row.path) for row in rows(backend)}
    assert served == {name: operations()[name][:2] for name in NAMES}


# Where they succeed


@covers_each(NAMES, "success")
@pytest.mark.parametrize("name", NAMES)
async def test_an_administrator_succeeds_as_the_contract_says(site, name):
    await site.prove(name)


@pytest.mark.parametrize("name", [name for name in OWN if developers_may(name)])
async def test_a_developer_does_everything_but_upload(site, name):
    await site.prove(name, "developer")


async def test_an_upload_is_shown_whole(site):
    party = authority("Shown")
    body = {"name": "n", "certificate": party.pem, "service": "bootstrap", "description": "d", "enrollment_mode": True}
    made = await site.prove("create_trusted_certificate", json=body)
    end = party.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    expected = {
        "object": "trusted-cert",
        "account_id": site.top.id,
        "name": "n",
        "description": "d",
        "certificate": party.pem,
        "certificate_fingerprint": party.id,
        "subject": "CN=Shown",
        "issuer": "CN=Shown",
        "validity": end,
        "valid": True,
        "service": "bootstrap",
        "status": "ACTIVE",
        "enrollment_mode": True,
        "device_execution_mode": 0,
        "etag": "1",
    }
    assert made == {**made, **expected}
    assert len(made["owner_id"]) == 32
    assert await site.prove("get_trusted_certificate", one=made["id"]) == made


async def test_null_is_as_good_as_absent_in_an_upload_and_clears_in_a_change(site):
    body = {"name": "n", "certificate": authority("x").pem, "service": "lwm2m", "description": None}
    nulls = {"signature": None, "enrollment_mode": None, "status": None}
    made = await site.prove("create_trusted_certificate", json={**body, **nulls})
    assert (made["enrollment_mode"], made["status"], made["description"]) == (False, "ACTIVE", None)
    changed = await site.prove("update_trusted_certificate", one=made["id"], json={"description": "d", "name": None})
    assert (changed["name"], changed["description"], changed["etag"]) == ("n", "d", "2")
    cleared = await site.prove("update_trusted_certificate", one=made["id"], json={"description": None})
    assert cleared["description"] is None
    assert await site.prove("update_trusted_certificate", one=made["id"], json={}) == cleared


async def test_an_inactive_one_is_not_valid(site):
    changed = await site.prove("update_trusted_certificate", json={"status": "INACTIVE"})
    assert (changed["status"], changed["valid"]) == ("INACTIVE", False)


async def test_a_removed_one_is_gone(site):
    await site.prove("delete_trusted_certificate")
    require_refusal("get_trusted_certificate", await site.call("get_trusted_certificate"), 404)
    await site.prove("delete_account_trusted_certificate")
    name = "get_account_trusted_certificate"
    require_refusal(name, await site.call(name), 404)


async def test_a_developer_certificate_is_a_trusted_certificate_at_once_and_goes_as_one(site):
    made = await site.prove("create_developer_certificate", "developer")
    trusted = await site.prove("get_trusted_certificate", "developer", one=made["id"])
    assert (trusted["device_execution_mode"], trusted["service"]) == (1, "bootstrap")
    assert trusted["certificate"] == made["developer_certificate"]
    assert await site.prove("get_developer_certificate", "developer", one=made["id"]) == made
    certificate = x509.load_pem_x509_certificate(made["developer_certificate"].encode())
    assert f"OU={site.top.id}" in certificate.subject.rfc4514_string()
    assert made["developer_private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert "\\n" not in made["security_file_content"]
    await site.prove("delete_trusted_certificate", "developer", one=made["id"])
    name = "get_developer_certificate"
    require_refusal(name, await site.call(name, one=made["id"]), 404)
    require_refusal(name, await site.call(name, one=site.ids["top"]), 404)


async def test_server_credentials_say_the_same_in_both_forms(site):
    both = await site.prove("get_all_server_credentials")
    for name, service in (
        ("get_bootstrap_server_credentials", "bootstrap"),
        ("get_lwm2m_server_credentials", "lwm2m"),
    ):
        one = await site.prove(name)
        assert both[service] == {"certificate": one["server_certificate"], "url": one["server_uri"]}
        assert one["server_uri"].endswith(f".example:5684?aid={site.top.id}")
        assert one["created_at"].endswith(".000Z")


LIST = "list_trusted_certificates"


async def listed(site, query, name=LIST):
    method, path, _ = operations()[name]
    answer = await site.client.request(
        method,
        path.format(account_id=site.below.id),
        params=query,
        headers={"authorization": f"Bearer {site.keys['top']}"},
    )
    if answer.status_code == 200:
        require_answer(name, 200, answer.json())
    return answer


async def test_a_list_is_paged_by_cursors(site):
    for number in range(4):
        await site.prove("create_developer_certificate", json={"name": f"n{number}"})
    first = (await listed(site, {"limit": 2})).json()
    assert (len(first["data"]), first["has_more"], first["total_count"], first["limit"]) == (2, True, 6, 2)
    rest = (await listed(site, {"after": first["data"][-1]["id"], "include": "total_count"})).json()
    assert [each["name"] for each in rest["data"]] == ["n0", "n1", "n2", "n3"]
    assert (rest["has_more"], rest["after"]) == (False, first["data"][-1]["id"])
    backwards = (await listed(site, {"order": "DESC", "limit": 2})).json()
    assert [each["name"] for each in backwards["data"]] == ["n3", "n2"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"name__eq": "mine"}, ["mine"]),
        ({"name__eq": "theirs"}, []),
        ({"service__eq": "bootstrap"}, ["made before"]),
        ({"device_execution_mode__eq": 1}, ["made before"]),
        ({"device_execution_mode__eq": 0}, ["mine"]),
        ({"device_execution_mode__neq": 1}, ["mine"]),
        ({"device_execution_mode__eq": 1, "device_execution_mode__neq": 1}, []),
        ({"expire__eq": 364}, []),
        ({"expire__eq": 365}, ["mine"]),
        ({"owner__eq": NOBODY}, []),
        ({"enrollment_mode__eq": "true"}, []),
        ({"enrollment_mode__eq": "false", "status__eq": "ACTIVE"}, ["made before", "mine"]),
        ({"status__eq": "INACTIVE"}, []),
        ({"issuer__like": "ACME"}, ["mine"]),
        ({"subject__like": "acme dev"}, ["mine"]),
        ({"valid__eq": "true"}, ["made before", "mine"]),
        ({"valid__eq": "false"}, []),
    ],
)
async def test_each_filter_finds_its_own(site, query, names):
    found = (await listed(site, query)).json()
    assert sorted(each["name"] for each in found["data"]) == names
    assert found["total_count"] == len(names)


async def test_the_list_of_a_tenant_is_the_tenants(site):
    found = (await listed(site, {}, "list_account_trusted_certificates")).json()
    assert [each["id"] for each in found["data"]] == [site.ids["below"]]


@covers_each([LIST, "list_account_trusted_certificates"], "malformed")
@pytest.mark.parametrize(
    "query",
    [
        *({"limit": each} for each in (1, 1001, "x")),
        *({"order": "UP"}, {"include": "everything"}, {"after": "x"}, {"nothing__eq": 1}, {"name__eq": "\0"}),
        *({"service__eq": "coap"}, {"status__eq": "x"}, {"enrollment_mode__eq": "maybe"}),
        *({"expire__eq": -1}, {"expire__eq": 10**30}, {"device_execution_mode__eq": 2}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", [LIST, "list_account_trusted_certificates"])
async def test_a_malformed_query_is_refused(site, query, name):
    body = require_refusal(name, await listed(site, query, name), 400)
    assert body["type"] == "validation_error"
    assert body["fields"][0]["name"] == next(iter(query))


# Where they are refused


@covers_each(NAMES, "refusal")
@covers_each(WITHOUT_INPUT, "malformed")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", [None, "nonsense", "inactive", "deleted", ""])
async def test_nobody_gets_in_without_a_credential_that_is_good(site, name, key):
    before = await site.kept()
    require_refusal(name, await site.call(name, key), 401)
    assert await site.kept() == before


@pytest.mark.parametrize("name", [*UPLOADS, *TWINS])
async def test_a_developer_neither_uploads_nor_acts_in_tenants(site, name):
    before = await site.kept()
    require_refusal(name, await site.call(name, "developer"), 403)
    assert await site.kept() == before


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize(("key", "account"), [("stranger", "below"), ("below", "top"), ("below", "other")])
async def test_an_account_outside_of_the_tree_does_not_exist(site, name, key, account):
    before = await site.kept()
    answer = await site.call(name, key, account=getattr(site, account).id)
    require_refusal(name, answer, 404)
    assert await site.kept() == before


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("account", [NOBODY, "x", "%00"])
async def test_an_account_that_is_none_does_not_exist(site, name, account):
    require_refusal(name, await site.call(name, account=account), 404)


@covers_each(OF_ONE, "malformed")
@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.parametrize("one", [NOBODY, "x", "%00", "A" * 5000, "..%2f"])
async def test_a_certificate_that_is_none_is_not_found(site, name, one):
    require_refusal(name, await site.call(name, one=one), 404)


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.parametrize("key", ["stranger", "below"])
async def test_a_certificate_of_another_account_is_not_found(site, name, key):
    if name in TWINS:
        answer = await site.call(name, one=site.ids["top"])  # the parent, looking for its own one in the tenant
    else:
        answer = await site.call(name, key)
    before = await site.kept()
    require_refusal(name, answer, 404)
    assert await site.kept() == before


@pytest.mark.parametrize(("name", "field"), [(name, "name") for name in CHANGES if name.startswith("create_")])
async def test_a_name_is_taken_once(site, name, field):
    taken = "theirs" if name in TWINS else "mine"
    body = require_refusal(name, await site.call(name, json={**good_body(name), "name": taken}), 409)
    assert (body["type"], body["fields"][0]["name"]) == ("duplicate", field)


@pytest.mark.parametrize("name", UPLOADS)
async def test_a_subject_is_taken_once(site, name):
    subject = "below's" if name in TWINS else "Acme devices"
    sent = {**good_body(name), "certificate": authority(subject).pem}
    body = require_refusal(name, await site.call(name, json=sent), 409)
    assert (body["type"], body["fields"][0]["name"]) == ("duplicate", "certificate")


async def test_an_authority_of_another_account_asks_for_proof(site):
    name = "create_trusted_certificate"
    sent = {"name": "n", "certificate": ONE.pem, "service": "lwm2m"}
    body = require_refusal(name, await site.call(name, "stranger", json=sent), 400)
    assert body["fields"][0]["name"] == "signature"
    proven = {**sent, "signature": ONE.sign(site.other.id)}
    await site.prove(name, "stranger", json=proven)
    require_refusal("get_trusted_certificate", await site.call("get_trusted_certificate"), 404)


async def test_a_tenant_is_given_a_chain_without_its_root(site):
    middle = authority("middle", authority("root"))
    sent = {"name": "n", "certificate": middle.pem, "service": "lwm2m"}
    name = "create_trusted_certificate"
    body = require_refusal(name, await site.call(name, "below", json=sent), 400)
    assert body["fields"][0]["name"] == "signature"
    await site.prove("create_account_trusted_certificate", json=sent)
    # An account at the top names itself as it names a tenant.
    own = await site.call("create_account_trusted_certificate", account=site.top.id, json={**sent, "name": "own"})
    require_refusal(name, own, 400)  # the tenant has it by now


async def test_a_free_account_uploads_none_and_makes_ten_developer_certificates(site):
    def make_free(unit):
        unit.accounts.put_profile(replace(unit.accounts.profile(site.top.id), tier=Tier.FREE))

    await site.tenant.database.write(make_free)
    name = "create_trusted_certificate"
    assert require_refusal(name, await site.call(name), 403)["type"] == "access_denied"
    name = "create_developer_certificate"
    for number in range(8):  # there are two already
        await site.prove(name, json={"name": f"n{number}"})
    body = require_refusal(name, await site.call(name), 403)
    assert body["type"] == "account_limit_exceeded"
    assert body["fields"] == [{"name": "cert-count", "message": "10"}]


# What is malformed

OLD = {"begin": datetime.now(UTC) - timedelta(days=9), "end": datetime.now(UTC) - timedelta(days=1)}
BAD = {
    "certificate": [
        "",
        "certificate_data",
        "x" * (1 << 20),
        ONE.pem * 2,
        authority("old", **OLD).pem,
        device("pump", None).pem,
        ONE.pem + authority("alone").pem,
        authority("lower", ONE).pem + ONE.pem,
        ONE.key_pem,
        None,
        5,
    ],
    "name": ["", " ", "x" * 101, "a\nb", 5],
    "service": ["coap", "", 5],
    "status": ["active", 5],
    "description": ["x" * 501, "\0", 5],
    "enrollment_mode": ["true", 1],
    "signature": ["!", ONE.sign(NOBODY), 5],
}
CASES = [(name, field, value) for name in UPLOADS for field, values in BAD.items() for value in values]
CASES += [
    (name, field, value)
    for name in NAMES
    if name.startswith("update_")
    for field, values in BAD.items()
    for value in values
    if value is not None
]
CASES += [("create_developer_certificate", field, value) for field in ("name", "description") for value in BAD[field]]


@pytest.mark.parametrize(("name", "field", "value"), CASES, ids=[f"{n}-{f}-{i}" for i, (n, f, _) in enumerate(CASES)])
async def test_a_bad_value_is_refused_by_its_name(site, name, field, value):
    before = await site.kept()
    body = require_refusal(name, await site.call(name, json={**good_body(name), field: value}), 400)
    assert body["type"] == "validation_error"
    assert body["fields"][0]["name"] == field
    assert await site.kept() == before


@covers_each(WITH_BODY, "malformed")
@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b'{"name":', b"1e999"])
async def test_a_body_that_is_no_object_is_refused(site, name, content):
    answer = await site.call(name, content=content, headers={"content-type": "application/json"})
    require_refusal(name, answer, 400)


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name.startswith("create_")])
async def test_what_is_required_is_asked_for(site, name):
    for field in ("name", "certificate", "service") if name in UPLOADS else ("name",):
        sent = {key: value for key, value in good_body(name).items() if key != field}
        body = require_refusal(name, await site.call(name, json=sent), 400)
        assert body["fields"][0]["name"] == field


async def test_no_private_key_is_in_the_trail(site):
    made = await site.prove("create_developer_certificate")
    page = await site.tenant.database.read(lambda unit: unit.audit.page(site.top.id, PageRequest(1000)))
    written = json.dumps([str(each) for each in page.items])
    assert made["developer_private_key"].splitlines()[1] not in written
    assert {"developer-certificate.create", "trusted-certificate.create"} <= {each.operation for each in page.items}
    (entry,) = [each for each in page.items if each.object_id == made["id"]]
    assert entry.source_address == "192.0.2.7"
