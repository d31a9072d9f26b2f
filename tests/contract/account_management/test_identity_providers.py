"""Identity providers: all 14 operations, where they succeed, where they are refused, and what is sent malformed."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from cloudstead.app.single_sign_on import single_sign_on
from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.profile import Tier
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.certificates import SEALED_FOR, KeyAlgorithm, own_private_key
from cloudstead.core.identityproviders.model import Saml2Settings
from cloudstead.core.identityproviders.profiles import bind
from cloudstead.core.identityproviders.registry import MOST_PROVIDERS
from cloudstead.core.identityproviders.settings import Saml2Change, applied
from cloudstead.core.paging import PageRequest
from cloudstead.dialects.account_management.auth import BearerCallers
from cloudstead.dialects.account_management.errors import ERRORS
from cloudstead.dialects.account_management.rows_identity_providers import identity_providers
from cloudstead.web.app import WebApp
from cloudstead.web.face import Face, below
from cloudstead.web.metrics import WebMetrics
from cloudstead.web.routes import PathRoutes
from factories.account_keys import account_keys
from factories.coverage import covers_each
from factories.saml2 import ISSUER, metadata, signer
from factories.schema import operations, require_answer
from factories.tenants import tenant

if TYPE_CHECKING:
    from cloudstead.app.single_sign_on import SingleSignOn
    from cloudstead.core.accounts.model import Account
    from factories.tenants import Tenant

__all__ = ["tenant"]

URL = "https://cloud.example"
NAMES = sorted(name for name, (_, path, _) in operations().items() if "/identity-providers" in path)
TWINS = [name for name in NAMES if "_account_" in name]
OWN = [name for name in NAMES if name not in TWINS]
WITH_WHOLE_BODY = [name for name in NAMES if name.startswith(("create_", "update_"))]
OF_ONE = [name for name in NAMES if "{identity_provider_id}" in operations()[name][1]]
CHANGES = [name for name in NAMES if not name.startswith(("get_", "list_"))]
DESCRIPTOR = b64encode(metadata()).decode()
GOOD = {"name": "Example", "type": "SAML2", "saml2_attributes": {"entity_descriptor": DESCRIPTOR}}


def good_body(name: str) -> dict[str, Any]:
    if name.startswith(("create_", "update_")):
        return {"json": GOOD}
    return {"json": {}} if name.startswith("generate_") else {}


@dataclass
class Site:
    """The dialect over an upper account with one tenant, and another upper account that has nothing to do with them."""

    client: httpx2.AsyncClient
    tenant: Tenant
    sso: SingleSignOn
    tenant_account: Account
    other: Account
    keys: dict[str, str]

    async def call(self, name: str, key: str | None = "top", *, account=None, provider: str = "0" * 32, **sent: Any):
        method, path, _ = operations()[name]
        address = path.format(account_id=account or self.tenant_account.id, identity_provider_id=provider)
        headers = {**sent.pop("headers", {})}
        if key is not None:
            headers["authorization"] = f"Bearer {self.keys.get(key, key)}"
        return await self.client.request(method, address, headers=headers, **(sent or good_body(name)))

    async def prove(self, name: str, key: str = "top", **options: Any):
        """Perform an operation that has to succeed, hold its answer against the contract, and return its body."""
        answer = await self.call(name, key, **options)
        assert answer.status_code < 300, answer.text
        body = answer.json() if answer.content else None
        require_answer(name, answer.status_code, body)
        return body

    async def made(self, name: str, key: str = "top", **options: Any) -> str:
        """Return a provider for the operation: of the tenant for a twin, else of the key's account."""
        create = "create_account_identity_provider" if name in TWINS else "create_identity_provider"
        return (await self.prove(create, key, **options))["id"]

    async def stored(self) -> list[Any]:
        accounts = (self.tenant.account.id, self.tenant_account.id, self.other.id)
        return await self.tenant.database.read(
            lambda unit: [list(unit.identity_providers.all_of(each)) for each in accounts]
        )


def rows_over(tenant, sso):
    return identity_providers(
        SimpleNamespace(database=tenant.database, identity_providers=sso.providers, places=sso.places)
    )


def sso_over(tenant):
    keys = SimpleNamespace(sealer=tenant.sealer)
    return single_sign_on(SimpleNamespace(clock=tenant.clock, ids=tenant.ids, database=tenant.database, keys=keys), URL)


@pytest.fixture(scope="module")
def signing_key():
    return SigningKey.generate()


@pytest.fixture
async def site(tenant, signing_key):
    sso = sso_over(tenant)
    callers = Callers(tenant.database, Tokens(signing_key, tenant.clock, region="eu-central-1"), tenant.clock)
    callers.listen(tenant.bus)

    tree = await account_keys(tenant)
    tenant_account, other, keys = tree.below, tree.other, tree.keys
    face = Face(
        name="account-management",
        matches=below("/v3/"),
        routes=PathRoutes(rows_over(tenant, sso), ignore_last_slash=True),
        errors=ERRORS,
        authenticate=BearerCallers(callers).of_call,
    )
    app = WebApp(
        (face,), ids=tenant.ids, log=structlog.get_logger(), metrics=WebMetrics.registered(CollectorRegistry())
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        yield Site(client, tenant, sso, tenant_account, other, keys)


def require_refusal(name: str, answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text
    body = answer.json()
    assert (body["object"], body["code"]) == ("error", answer.status_code)
    assert isinstance(body.get("fields", []), list)
    if "content" in operations()[name][2]["responses"].get(str(answer.status_code), {}):
        require_answer(name, answer.status_code, body)
    return body


def certificate_of(key) -> str:
    subject = x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(signer().certificate.not_valid_before_utc)
        .not_valid_after(signer().certificate.not_valid_after_utc)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_every_operation_of_the_contract_is_served(site):
    assert len(NAMES) == 14
    served = {row.name: (row.method, row.path) for row in rows_over(site.tenant, site.sso)}
    assert served == {name: operations()[name][:2] for name in NAMES}


# Where they succeed


@covers_each(NAMES, "success")
@pytest.mark.parametrize("name", NAMES)
async def test_an_administrator_succeeds_as_the_contract_says(site, name):
    provider = await site.made(name) if name in OF_ONE else "0" * 32
    await site.prove(name, provider=provider)


@pytest.mark.parametrize("name", OWN)
async def test_the_administrator_of_a_tenant_has_the_tenants_own_providers(site, name):
    provider = await site.made(name, "below") if name in OF_ONE else "0" * 32
    await site.prove(name, "below", provider=provider)
    assert (await site.stored())[0] == []


async def test_what_metadata_says_is_what_is_stored(site):
    made = await site.prove("create_identity_provider")
    saml2 = made["saml2_attributes"]

    assert (saml2["idp_entity_id"], saml2["sso_endpoint"]) == (ISSUER, "https://idp.example/sso")
    assert saml2["slo_endpoint"] == "https://idp.example/slo"
    assert saml2["idp_x509_certs"] == [signer().pem]
    assert saml2["sp_entity_id"] == f"{URL}/people/saml2/{made['id']}/metadata"
    assert saml2["assertion_endpoint"] == f"{URL}/people/saml2/{made['id']}/assertion"
    assert "sp_x509_cert" not in saml2
    assert (made["etag"], made["status"], made["account_id"]) == ("1", "ACTIVE", site.tenant.account.id)
    assert await site.prove("get_identity_provider", provider=made["id"]) == made


async def test_what_is_given_one_by_one_wins_over_metadata(site):
    own = {
        "entity_descriptor": DESCRIPTOR,
        "idp_entity_id": "urn:another",
        "sp_entity_id": "urn:we",
        "slo_endpoint": "",
    }
    made = await site.prove("create_identity_provider", json={**GOOD, "saml2_attributes": own})

    saml2 = made["saml2_attributes"]
    assert (saml2["idp_entity_id"], saml2["sp_entity_id"]) == ("urn:another", "urn:we")
    assert saml2["sso_endpoint"] == "https://idp.example/sso"
    assert "slo_endpoint" not in saml2


async def test_attributes_one_by_one_are_enough(site):
    curve = certificate_of(ec.generate_private_key(ec.SECP256R1()))
    own = {
        "idp_entity_id": ISSUER,
        "sso_endpoint": "https://idp.example/other",
        "idp_x509_certs": [signer().pem, curve, signer().pem],
    }
    made = await site.prove("create_identity_provider", json={**GOOD, "saml2_attributes": own, "description": "d"})

    assert made["saml2_attributes"]["idp_x509_certs"] == [signer().pem, curve]
    assert made["description"] == "d"


async def test_a_provider_may_begin_a_sign_in_only_when_that_is_asked_for(site):
    """An addition to the contract: whoever does not choose it sees nothing of it."""
    made = await site.prove("create_identity_provider")
    assert "allow_idp_initiated" not in made["saml2_attributes"]

    shown = []
    for wish in ({"allow_idp_initiated": True}, {}, {"allow_idp_initiated": None}, {"allow_idp_initiated": False}):
        body = {"name": "Example", "type": "SAML2", "saml2_attributes": wish}
        answer = await site.call("update_identity_provider", provider=made["id"], json=body)
        shown.append(answer.json()["saml2_attributes"].get("allow_idp_initiated"))
    assert shown == [True, True, True, None]


async def test_the_built_in_provider_comes_first_and_cannot_be_changed(site):
    listed = await site.prove("list_identity_providers")
    assert [(each["type"], each["name"]) for each in listed["data"]] == [("NATIVE", "Native")]
    native = listed["data"][0]["id"]
    assert await site.prove("get_identity_provider", provider=native) == listed["data"][0]
    for name in OF_ONE:
        if name in CHANGES and name in OWN:
            body = require_refusal(name, await site.call(name, provider=native), 403)
            assert body["type"] == "access_denied"


async def test_pages_follow_their_cursors_in_both_orders(site):
    made = [await site.made("list_identity_providers") for _ in range(4)]
    every = [site.tenant.account.id, *made]
    for order, expected in (("ASC", every), ("DESC", every[::-1])):
        seen, after = [], ""
        while True:
            query = f"?limit=2&order={order}" + (f"&after={after}" if after else "")
            headers = {"authorization": f"Bearer {site.keys['top']}"}
            page = (await site.client.get(f"/v3/identity-providers{query}", headers=headers)).json()
            require_answer("list_identity_providers", 200, page)
            assert page["total_count"] == 5
            seen += [each["id"] for each in page["data"]]
            after = seen[-1]
            if not page["has_more"]:
                break
        assert seen == expected


async def test_a_change_raises_the_version_and_no_change_does_not(site):
    made = await site.prove("create_identity_provider")
    site.tenant.clock.advance(timedelta(seconds=5))
    same = await site.prove("update_identity_provider", provider=made["id"])
    assert same == made
    body = {"name": "Other", "type": "SAML2", "status": "SUSPENDED", "saml2_attributes": {"slo_endpoint": ""}}
    changed = await site.prove("update_identity_provider", provider=made["id"], json=body)
    assert (changed["name"], changed["status"], changed["etag"]) == ("Other", "SUSPENDED", "2")
    assert changed["updated_at"] != made["updated_at"]
    assert "slo_endpoint" not in changed["saml2_attributes"]
    assert changed["saml2_attributes"]["sso_endpoint"] == made["saml2_attributes"]["sso_endpoint"]


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
async def test_every_algorithm_makes_a_key_that_is_kept_sealed(site, algorithm):
    provider = await site.made("create_identity_provider")
    body = {"algorithm": algorithm.value, "validity": 3650}
    shown = await site.prove("generate_sp_certificate", provider=provider, json=body)
    certificate = x509.load_pem_x509_certificate(shown["saml2_attributes"]["sp_x509_cert"].encode())
    [stored] = (await site.stored())[0]
    key = own_private_key(site.tenant.sealer.open(stored.saml2.sp_key, SEALED_FOR))

    assert key.public_key() == certificate.public_key()
    assert str(key.key_size) in algorithm.value
    assert isinstance(key, rsa.RSAPrivateKey) == algorithm.value.startswith("RSA")
    days = certificate.not_valid_after_utc - site.tenant.clock.now()
    assert days == timedelta(days=3650)
    assert "PRIVATE" not in str(shown)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"algorithm":null,"validity":null}'])
async def test_the_own_account_needs_no_wishes_for_a_key(site, content):
    provider = await site.made("create_identity_provider")
    shown = await site.prove("generate_sp_certificate", provider=provider, content=content)
    certificate = x509.load_pem_x509_certificate(shown["saml2_attributes"]["sp_x509_cert"].encode())
    assert certificate.public_key().key_size == 2048
    assert certificate.not_valid_after_utc - site.tenant.clock.now() == timedelta(days=365)


async def test_a_key_is_replaced_and_deleted(site):
    provider = await site.made("create_identity_provider")
    first = await site.prove("generate_sp_certificate", provider=provider, json={"algorithm": "EC256"})
    second = await site.prove("generate_sp_certificate", provider=provider, json={"algorithm": "EC256"})
    assert first["saml2_attributes"]["sp_x509_cert"] != second["saml2_attributes"]["sp_x509_cert"]
    assert second["etag"] == "3"
    bare = await site.prove("delete_sp_certificate", provider=provider)
    assert "sp_x509_cert" not in bare["saml2_attributes"]
    assert (await site.stored())[0][0].saml2.sp_key is None
    assert (await site.prove("delete_sp_certificate", provider=provider))["etag"] == bare["etag"]


async def test_every_change_is_in_the_trail_without_keys(site):
    provider = await site.made("create_account_identity_provider")
    await site.prove("generate_account_sp_certificate", provider=provider, json={"algorithm": "EC256"})
    await site.prove("delete_account_identity_provider", provider=provider)

    def read(unit):
        return unit.audit.page(site.tenant_account.id, PageRequest(50)).items

    found = [each for each in await site.tenant.database.read(read) if each.object_type == "identity-provider"]
    assert [each.operation for each in found] == [
        "identity-provider.create",
        "identity-provider.generate-certificate",
        "identity-provider.remove",
    ]
    assert {each.source_address for each in found} == {"192.0.2.7"}
    assert "PRIVATE" not in str(found)


# Where they are refused


@covers_each(NAMES, "refusal")
@pytest.mark.parametrize("key", [None, "inactive", "deleted", "csk_nonsense", "a.b.c"])
async def test_nobody_is_served_without_a_good_credential(site, key):
    for name in NAMES:
        assert require_refusal(name, await site.call(name, key), 401)["type"] == "invalid_auth"


@pytest.mark.parametrize("key", ["developer", "tenant_developer"])
async def test_only_an_administrator_sees_or_changes_anything(site, key):
    provider = await site.made("create_identity_provider")
    before = await site.stored()
    for name in OWN:
        answer = await site.call(name, key, provider=provider)
        assert require_refusal(name, answer, 403)["type"] == "access_denied"
        if name in CHANGES:
            require_refusal(name, await site.call(name, key, provider=provider, content=b"{"), 403)
    assert await site.stored() == before


@pytest.mark.parametrize("key", ["developer", "below", "tenant_developer", "stranger"])
async def test_nobody_but_the_administrator_above_reaches_a_tenant(site, key):
    provider = await site.made("create_account_identity_provider")
    before = await site.stored()
    for name in TWINS:
        for account in (site.tenant.account, site.tenant_account):
            require_refusal(name, await site.call(name, key, account=account.id, provider=provider), 403, 404)
    assert await site.stored() == before


async def test_a_provider_of_another_account_is_not_there(site):
    theirs = await site.made("create_identity_provider", "stranger")
    before = await site.stored()
    for name in OF_ONE:
        there = require_refusal(name, await site.call(name, provider=theirs), 404)
        missing = require_refusal(name, await site.call(name, provider="0" * 32), 404)
        assert {**there, "request_id": None} == {**missing, "request_id": None}
    assert await site.stored() == before


async def test_an_account_that_is_not_there_is_not_found(site):
    for name in TWINS:
        for account in (site.other.id, "0" * 32, "x", "%00", "0" * 5000):
            require_refusal(name, await site.call(name, account=account), 404)


async def test_a_provider_that_somebody_is_bound_to_stays(site):
    provider = await site.made("delete_identity_provider")
    person_id = site.tenant.administrator.id
    await site.tenant.database.write(lambda unit: bind(unit, site.tenant.account, person_id, [provider]))
    refused = require_refusal(
        "delete_identity_provider", await site.call("delete_identity_provider", provider=provider), 403
    )
    assert refused["type"] == "access_denied"

    native = site.tenant.account.id
    await site.tenant.database.write(lambda unit: bind(unit, site.tenant.account, person_id, [native]))
    await site.prove("delete_identity_provider", provider=provider)
    require_refusal("get_identity_provider", await site.call("get_identity_provider", provider=provider), 404)


async def test_accounts_of_the_free_tier_add_no_providers(site):
    def write(unit):
        profile = unit.accounts.profile(site.tenant_account.id)
        unit.accounts.put_profile(replace(profile, tier=Tier.FREE))

    await site.tenant.database.write(write)
    for name, key in (("create_identity_provider", "below"), ("create_account_identity_provider", "top")):
        assert require_refusal(name, await site.call(name, key), 403)["type"] == "access_denied"


async def test_an_account_has_so_many_providers_and_no_more(site):
    made = await site.made("create_identity_provider")

    def write(unit):
        one = unit.identity_providers.get(site.tenant.account.id, made)
        for _ in range(MOST_PROVIDERS - 1):
            unit.identity_providers.add(replace(one, id=site.tenant.ids.new()))

    await site.tenant.database.write(write)
    refused = require_refusal("create_identity_provider", await site.call("create_identity_provider"), 403)
    assert refused["type"] == "account_limit_exceeded"
    assert refused["fields"] == [{"name": "identity-provider-count", "message": str(MOST_PROVIDERS)}]


# What is malformed


@covers_each(OF_ONE, "malformed")
@pytest.mark.parametrize("provider", ["nonsense", "%00", "%2e%2e", "A" * 32, "s" * 5000, "0" * 31])
async def test_an_id_that_is_none_is_not_found(site, provider):
    for name in OF_ONE:
        assert require_refusal(name, await site.call(name, provider=provider), 404)["type"] == "not_found"


WEAK = certificate_of(rsa.generate_private_key(65537, 1024))
OTHER_KIND = certificate_of(ed25519.Ed25519PrivateKey.generate())
BOMB = b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;</r>'
OUTSIDE = b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "SAML2"}, "name"),
        ({"name": "", "type": "SAML2"}, "name"),
        ({"name": " ", "type": "SAML2"}, "name"),
        ({"name": "n" * 101, "type": "SAML2"}, "name"),
        ({"name": "n\x00", "type": "SAML2"}, "name"),
        ({"name": "n"}, "type"),
        ({"name": "n", "type": "NATIVE"}, "type"),
        ({"name": "n", "type": "OIDC"}, "type"),
        ({**GOOD, "status": "DELETED"}, "status"),
        ({**GOOD, "description": "d" * 501}, "description"),
        ({**GOOD, "description": "\x00"}, "description"),
        ({**GOOD, "saml2_attributes": {"sso_endpoint": "ftp://idp.example"}}, "sso_endpoint"),
        ({**GOOD, "saml2_attributes": {"sso_endpoint": "javascript:alert(1)"}}, "sso_endpoint"),
        ({**GOOD, "saml2_attributes": {"sso_endpoint": "https://u:p@idp.example"}}, "sso_endpoint"),
        ({**GOOD, "saml2_attributes": {"sso_endpoint": "https://idp.example/\r\nx: y"}}, "sso_endpoint"),
        ({**GOOD, "saml2_attributes": {"slo_endpoint": "https://[nonsense"}}, "slo_endpoint"),
        ({**GOOD, "saml2_attributes": {"idp_entity_id": "e" * 1025}}, "idp_entity_id"),
        ({**GOOD, "saml2_attributes": {"sp_entity_id": "a\nb"}}, "sp_entity_id"),
        ({**GOOD, "saml2_attributes": {"idp_x509_certs": ["nonsense"]}}, "idp_x509_certs"),
        ({**GOOD, "saml2_attributes": {"idp_x509_certs": [signer().pem + signer("b", "ec").pem]}}, "idp_x509_certs"),
        ({**GOOD, "saml2_attributes": {"idp_x509_certs": [WEAK]}}, "idp_x509_certs"),
        ({**GOOD, "saml2_attributes": {"idp_x509_certs": [OTHER_KIND]}}, "idp_x509_certs"),
        ({**GOOD, "saml2_attributes": {"idp_x509_certs": [signer().pem] * 101}}, "idp_x509_certs"),
        ({**GOOD, "saml2_attributes": {"entity_descriptor": "!"}}, "entity_descriptor"),
        ({**GOOD, "saml2_attributes": {"entity_descriptor": "A" * 65536}}, "entity_descriptor"),
        ({**GOOD, "saml2_attributes": {"entity_descriptor": b64encode(b"<r/>").decode()}}, "entity_descriptor"),
        ({**GOOD, "saml2_attributes": {"entity_descriptor": b64encode(BOMB).decode()}}, "entity_descriptor"),
        ({**GOOD, "saml2_attributes": {"entity_descriptor": b64encode(OUTSIDE).decode()}}, "entity_descriptor"),
        ({**GOOD, "saml2_attributes": "x"}, "saml2_attributes"),
        ({**GOOD, "saml2_attributes": {"allow_idp_initiated": "yes"}}, "allow_idp_initiated"),
    ],
)
async def test_what_does_not_hold_is_refused_by_name_and_stores_nothing(site, body, field):
    provider = await site.made("create_identity_provider")
    before = await site.stored()
    for name in ("create_identity_provider", "update_identity_provider"):
        refused = require_refusal(name, await site.call(name, provider=provider, json=body), 400)
        assert refused["type"] == "validation_error"
        assert any(field in each["name"] + each["message"] for each in refused["fields"]), refused
    assert await site.stored() == before


@covers_each(WITH_WHOLE_BODY, "malformed")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"name": 1, "type": "SAML2"}'])
async def test_what_is_no_body_is_refused(site, content):
    provider = await site.made("create_identity_provider")
    for name in WITH_WHOLE_BODY:
        one = provider if name in OWN else await site.made(name)
        require_refusal(name, await site.call(name, provider=one, content=content), 400)


@pytest.mark.parametrize(
    "body", [{"validity": 0}, {"validity": 3651}, {"validity": "x"}, {"algorithm": "RSA1024"}, {"algorithm": 1}, []]
)
async def test_wishes_that_cannot_be_met_are_refused(site, body):
    for name in ("generate_sp_certificate", "generate_account_sp_certificate"):
        provider = await site.made(name)
        require_refusal(name, await site.call(name, provider=provider, json=body), 400)


async def test_a_tenants_key_takes_a_body(site):
    name = "generate_account_sp_certificate"
    provider = await site.made(name)
    require_refusal(name, await site.call(name, provider=provider, content=b""), 400)


@covers_each(["list_identity_providers", "list_account_identity_providers"], "malformed")
@pytest.mark.parametrize("query", ["limit=1", "limit=1001", "order=UP", "include=nonsense", "name__eq=x", "after=zz"])
async def test_a_list_refuses_what_it_does_not_know(site, query):
    for path in ("/v3/identity-providers", f"/v3/accounts/{site.tenant_account.id}/identity-providers"):
        headers = {"authorization": f"Bearer {site.keys['top']}"}
        answer = await site.client.get(f"{path}?{query}", headers=headers)
        require_refusal("list_identity_providers", answer, 400)


@given(st.data())
def test_no_metadata_is_more_than_refused(data):
    xml = metadata()
    start = data.draw(st.integers(0, len(xml) - 1))
    end = data.draw(st.integers(start, min(len(xml), start + 300)))
    damaged = xml[:start] + data.draw(st.binary(max_size=60)) + xml[end:]
    change = Saml2Change(entity_descriptor=b64encode(damaged).decode())
    try:
        settings = applied(change, Saml2Settings(), own_name="urn:we")
    except InvalidField:
        return
    assert settings.sso_endpoint.startswith(("https://", "http://"))
