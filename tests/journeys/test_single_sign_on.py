"""Signing in and out by way of an identity provider that nobody here wrote: pysaml2, with xmlsec1 as its signer."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx2
import pytest
import structlog
from cryptography import x509
from lxml import etree
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from cloudstead.app.single_sign_on import SingleSignOn, single_sign_on
from cloudstead.app.single_sign_on_face import SESSION_COOKIE, single_sign_on_face
from cloudstead.core.identityproviders.certificates import KeyAlgorithm
from cloudstead.core.identityproviders.model import ProviderStatus
from cloudstead.core.identityproviders.profiles import bind
from cloudstead.core.identityproviders.registry import ProviderChange
from cloudstead.core.identityproviders.settings import Saml2Change
from cloudstead.core.people.sessions import recognise
from cloudstead.protocols.saml2.names import DS, MD, SAML
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.chromium import chromium
from factories.encrypting import ASSERTION, ENCRYPTED, encrypted
from factories.saml2 import Answer
from factories.tenants import tenant

xmlsec_missing = "xmlsec1 is not installed (scripts/setup-clients installs it as root)"
real = pytest.importorskip("factories.identity_provider", reason="pysaml2 is not installed")
pytestmark = [
    pytest.mark.skipif(real.xmlsec() is None, reason=xmlsec_missing),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:saml2"),
]

__all__ = ["tenant"]

PUBLIC = "https://cloud.example"


class Cloud:
    """As much of a cloud as single sign-on takes."""

    def __init__(self, tenant) -> None:
        self.clock, self.ids, self.database = tenant.clock, tenant.ids, tenant.database
        self.keys = self
        self.sealer = tenant.sealer


@pytest.fixture
async def parts(tenant) -> SingleSignOn:
    tenant.clock.advance(datetime.now(UTC) - tenant.clock.now())  # pysaml2 goes by the machine's clock
    return single_sign_on(Cloud(tenant), PUBLIC)


@pytest.fixture
def lines():
    return LogCapture()


@pytest.fixture
async def browser(tenant, parts, lines):
    log = structlog.wrap_logger(None, processors=[lines])
    app = WebApp(
        (single_sign_on_face(parts, tenant.database, log),),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC) as client:
        yield client


async def registered(tenant, parts, idp, *, algorithm=KeyAlgorithm.RSA2048):
    """The provider as an administrator registers it, by its metadata, with ``ada`` bound to it."""
    change = ProviderChange(saml2=Saml2Change(entity_descriptor=b64encode(idp.metadata()).decode()))
    provider = await tenant.database.write(
        lambda unit: parts.providers.create(unit, tenant.caller, "Example IdP", change)
    )
    if algorithm is not None:
        key = await parts.providers.make_key(algorithm, days=10)
        provider = await tenant.database.write(
            lambda unit: parts.providers.put_key(unit, tenant.caller, provider.id, key)
        )
    await tenant.database.write(lambda unit: bind(unit, tenant.account, tenant.administrator.id, [provider.id]))
    idp.learn(await parts.round_trip.describe(provider.id))
    return provider


@pytest.fixture
def make_idp(tmp_path):
    made = []

    def make(**options):
        idp = real.RealProvider(tmp_path, **options)
        made.append(idp)
        return idp

    yield make
    for idp in made:
        idp.close()


async def signed_in(browser, idp, where, name="ada", **identity):
    asked = await browser.get(f"/people/sign-in/{where}")
    assert asked.status_code == 302, asked.text
    place, form = idp.respond(asked.headers["location"], name, **identity)
    noted = await browser.post(place, data=form)
    assert noted.status_code == 303, noted.text
    return await browser.get(noted.headers["location"], headers={"accept": "application/json"})


async def is_open(tenant, token):
    def read(unit):
        return recognise(unit, token, now_ms=tenant.clock.millis())

    try:
        return await tenant.database.read(read)
    except Exception as error:  # noqa: BLE001 - whatever it is, the session is not open
        return None if type(error).__name__ == "CredentialRefused" else pytest.fail(repr(error))


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.RSA2048, None])
async def test_somebody_signs_in_and_out_by_way_of_a_real_provider(tenant, parts, browser, make_idp, algorithm):
    idp = make_idp(signs_requests=algorithm is not None)
    provider = await registered(tenant, parts, idp, algorithm=algorithm)

    answer = await signed_in(browser, idp, provider.id)

    assert answer.status_code == 200, answer.text
    token = answer.json()["token"]
    session = await is_open(tenant, token)
    assert (session.account_id, session.person_id) == (tenant.account.id, tenant.administrator.id)
    assert session.address == "192.0.2.7"
    if algorithm is None:
        return

    left = await browser.post("/people/saml2/sign-out")
    assert left.status_code == 200
    assert await is_open(tenant, token) is None
    url = left.headers["refresh"].removeprefix("0; url=")
    back = await browser.get(idp.logged_out(url))
    assert (back.status_code, "signed out" in back.text) == (200, True)


@pytest.mark.parametrize("signs", [{"sign_response": False}, {"sign_assertion": False}])
async def test_a_provider_may_sign_the_response_or_the_assertion_alone(tenant, parts, browser, make_idp, signs):
    idp = make_idp(**signs)
    provider = await registered(tenant, parts, idp)

    assert (await signed_in(browser, idp, provider.id)).status_code == 200


async def test_the_account_is_enough_of_an_address(tenant, parts, browser, make_idp):
    idp = make_idp()
    await registered(tenant, parts, idp)

    assert (await signed_in(browser, idp, "cloud.example")).status_code == 200


async def test_an_address_among_the_attributes_leads_to_the_person(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)

    answer = await signed_in(browser, idp, provider.id, "a number that nobody knows", mail="Ada@Cloud.Example")

    assert answer.json()["user_id"] == tenant.administrator.id


async def test_nobody_is_made_up(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    place, form = idp.respond(asked.headers["location"], "nobody")

    refused = await browser.post(place, data=form)

    assert (refused.status_code, "no user" in refused.text) == (403, True)


async def test_the_provider_may_sign_somebody_out(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)
    token = (await signed_in(browser, idp, provider.id)).json()["token"]

    answer = await browser.get(
        idp.log_out("ada", provider.saml2.sp_entity_id, parts.places.logout_endpoint(provider.id))
    )

    assert answer.status_code == 302, answer.text
    assert await is_open(tenant, token) is None
    assert idp.took_logout_response(answer.headers["location"])


async def test_the_same_response_is_of_use_once(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    place, form = idp.respond(asked.headers["location"], "ada")
    first = await browser.post(place, data=form)

    assert (await browser.post(place, data=form)).status_code == 403
    assert (await browser.get(first.headers["location"])).status_code == 200
    assert (await browser.get(first.headers["location"])).status_code == 403


async def test_another_browser_has_no_use_for_the_answer(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    place, form = idp.respond(asked.headers["location"], "ada")
    browser.cookies.clear()
    noted = await browser.post(place, data=form)

    refused = await browser.get(noted.headers["location"])

    assert refused.status_code == 403
    assert SESSION_COOKIE not in browser.cookies
    assert re.search("cst_", refused.text) is None


# Encrypted by xmlsec1


BOTH = {"sign_response": True, "sign_assertion": True}
INSIDE = {"sign_response": False, "sign_assertion": True}
OUTSIDE = {"sign_response": True, "sign_assertion": False}
NOWHERE = {"sign_response": False, "sign_assertion": False}


def encryption(content="aes256-gcm", **others):
    """How xmlsec1 is to encrypt."""
    space = real.XENC11 if content.endswith("gcm") else real.XENC
    size = re.search("[0-9]+", content)
    return real.Encryption(
        content=f"{space}{content}", session_key="des-192" if size is None else f"aes-{size[0]}", **others
    )


async def answered(browser, idp, provider, name="ada"):
    """What becomes of the form that the provider has the browser send."""
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    place, form = idp.respond(asked.headers["location"], name)
    assert b"EncryptedAssertion" in b64decode(form["SAMLResponse"])
    return await browser.post(place, data=form)


@pytest.mark.parametrize("signs", [BOTH, INSIDE, OUTSIDE])
@pytest.mark.parametrize("content", ["aes256-gcm", "aes128-gcm", "aes256-cbc", "aes128-cbc"])
async def test_what_a_real_provider_encrypts_for_us_is_read(tenant, parts, browser, make_idp, content, signs):
    idp = make_idp(encryption=encryption(content), **signs)
    provider = await registered(tenant, parts, idp)

    noted = await answered(browser, idp, provider)
    answer = await browser.get(noted.headers["location"], headers={"accept": "application/json"})

    assert answer.json()["user_id"] == tenant.administrator.id


@pytest.mark.parametrize(
    ("chosen", "signs", "reason"),
    [
        ({"transport": f"{real.XENC}rsa-1_5"}, BOTH, "RSA 1.5"),
        ({"content": "tripledes-cbc"}, BOTH, "take AES"),
        ({}, NOWHERE, "cannot be opened"),
        ({"to": real.signer("stranger").pem}, INSIDE, "cannot be opened"),
        ({"to": real.signer("stranger").pem}, BOTH, "cannot be opened"),
    ],
    ids=["RSA 1.5", "triple DES", "signed nowhere", "for another key", "for another key, signed outside"],
)
async def test_what_a_real_provider_encrypts_otherwise_is_refused(
    tenant, parts, browser, make_idp, lines, chosen, signs, reason
):
    idp = make_idp(encryption=encryption(**chosen), **signs)
    provider = await registered(tenant, parts, idp)

    refused = await answered(browser, idp, provider)

    assert (refused.status_code, "not accepted" in refused.text) == (403, True)
    assert [each["reason"] for each in lines.entries if "reason" in each and reason in each["reason"]]
    assert reason not in refused.text


async def test_a_real_encrypted_assertion_cannot_be_wrapped(tenant, parts, browser, make_idp):
    """What somebody says for free, beside, around and instead of what the provider encrypted."""
    idp = make_idp(encryption=encryption(), **INSIDE)
    provider = await registered(tenant, parts, idp)
    own = provider_certificate(await parts.round_trip.describe(provider.id))
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    place, form = idp.respond(asked.headers["location"], "nobody")
    genuine = b64decode(form["SAMLResponse"])

    for wrap in (beside, instead, behind):
        root = etree.fromstring(genuine)
        wrap(root, root.find(ENCRYPTED), lambda text: encrypted(text, to=own))
        refused = await browser.post(place, data={"SAMLResponse": b64encode(etree.tostring(root)).decode()})
        assert refused.status_code == 403, wrap
    assert not await tenant.database.read(lambda unit: unit.sessions.of_person(tenant.account.id, "ada"))


def provider_certificate(metadata):
    text = etree.fromstring(metadata).findtext(f".//{{{MD}}}KeyDescriptor[@use='encryption']//{{{DS}}}X509Certificate")
    return SimpleNamespace(certificate=x509.load_der_x509_certificate(b64decode(text)))


def false(root) -> bytes:
    """An assertion for ada that nobody signed, for the same request."""
    answer = Answer(signs="", name_id="ada", in_response_to=root.get("InResponseTo"), now=datetime.now(UTC))
    return etree.tostring(answer.unsigned().find(ASSERTION))


def beside(root, place, encrypt):
    root.append(encrypt(false(root)))


def instead(root, place, encrypt):
    root.replace(place, encrypt(false(root)))


def behind(root, place, encrypt):
    """The genuine one within the false one, as advice."""
    assertion = etree.fromstring(false(root))
    etree.SubElement(assertion, f"{{{SAML}}}Advice").append(place)
    root.append(encrypt(etree.tostring(assertion)))


# The provider begins


async def test_a_real_provider_may_begin_where_that_was_chosen(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)
    place, form = idp.begin(provider.saml2.sp_entity_id, parts.places.assertion_endpoint(provider.id), "ada")
    assert (await browser.post(place, data=form)).status_code == 403
    change = ProviderChange(saml2=Saml2Change(allows_idp_initiated=True))
    await tenant.database.write(lambda unit: parts.providers.update(unit, tenant.caller, provider.id, change))

    noted = await browser.post(place, data=form)
    assert noted.status_code == 303
    answer = await browser.get(noted.headers["location"], headers={"accept": "application/json"})
    assert answer.json()["user_id"] == tenant.administrator.id

    assert (await browser.post(place, data=form)).status_code == 403
    browser.cookies.clear()
    assert (await browser.get(noted.headers["location"])).status_code == 403


async def test_suspending_the_provider_ends_what_it_opened(tenant, parts, browser, make_idp):
    idp = make_idp()
    provider = await registered(tenant, parts, idp)
    token = (await signed_in(browser, idp, provider.id)).json()["token"]
    assert await is_open(tenant, token)

    change = ProviderChange(status=ProviderStatus.SUSPENDED)
    await tenant.database.write(lambda unit: parts.providers.update(unit, tenant.caller, provider.id, change))

    assert await is_open(tenant, token) is None
    assert (await browser.get(f"/people/sign-in/{provider.id}")).status_code == 403


# In a real browser, against a whole cloud, across two sites


def ask(demo, method, path, body=None, *, key=None):
    headers = {"Authorization": f"Bearer {key or demo.ready['api_key']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{demo.url()}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def loaded(browser, number):
    """Wait until that many pages have been there since a form was sent."""
    while sum(event["method"] == "Page.loadEventFired" for event in browser._events) < number:
        browser._receive()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_person_goes_to_the_provider_and_comes_back_signed_in(demo, tmp_path):
    port = free_port()
    idp = real.RealProvider(tmp_path, url=f"http://localhost:{port}")  # to a browser, another site than 127.0.0.1
    registration = {"entity_descriptor": b64encode(idp.metadata()).decode()}
    body = {"name": "Example IdP", "type": "SAML2", "saml2_attributes": registration}
    provider = json.loads(ask(demo, "POST", "/v3/identity-providers", body))["id"]
    ask(demo, "POST", f"/v3/identity-providers/{provider}/generate-sp-certificate", {})
    idp.learn(ask(demo, "GET", f"/people/saml2/{provider}/metadata"))
    person = {"email": "sam@cloud.example", "username": "samuel", "password": "a long way to the sea"}
    ask(demo, "POST", "/v3/users?action=create", {**person, "login_profiles": [{"id": provider}]})

    with real.served(idp, port, "samuel"), chromium(tmp_path / "browser") as browser:
        browser.call("Security.setIgnoreCertificateErrors", ignore=True)  # it does not know our authority
        browser.open(f"{demo.url()}/people/sign-in")
        assert "Sign in with Example IdP" in browser.text
        browser.open(browser.evaluate(f"document.querySelector('a[href*=\"{provider}\"]').href"))
        assert browser.address.startswith(idp.url)
        browser.submit()
        assert "Welcome, samuel." in browser.text
        token = browser.evaluate("document.querySelector('input[name=token]').value")
        assert json.loads(ask(demo, "GET", "/v3/users/me", key=token))["username"] == "samuel"

        browser.submit()
        loaded(browser, 2)  # ours, and the one that the provider sends back to
        assert "/logout?SAMLResponse=" in browser.address
        assert "You are signed out" in browser.text
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(demo, "GET", "/v3/users/me", key=token)
    idp.close()


def test_a_person_who_begins_at_the_provider_is_signed_in_where_that_was_chosen(demo, tmp_path):
    """The assertion is encrypted, too, by AES in CBC."""
    port = free_port()
    idp = real.RealProvider(tmp_path, url=f"http://localhost:{port}", encryption=encryption("aes256-cbc"), **INSIDE)
    registration = {"entity_descriptor": b64encode(idp.metadata()).decode()}
    chosen = {**registration, "allow_idp_initiated": True}
    body = {"name": "Applications", "type": "SAML2", "saml2_attributes": chosen}
    made = json.loads(ask(demo, "POST", "/v3/identity-providers", body))
    provider, saml2 = made["id"], made["saml2_attributes"]
    ask(demo, "POST", f"/v3/identity-providers/{provider}/generate-sp-certificate", {})
    idp.learn(ask(demo, "GET", f"/people/saml2/{provider}/metadata"))
    person = {"email": "pia@cloud.example", "username": "pianist", "password": "a long way to the sea"}
    ask(demo, "POST", "/v3/users?action=create", {**person, "login_profiles": [{"id": provider}]})
    places = urllib.parse.urlencode({"sp": saml2["sp_entity_id"], "to": saml2["assertion_endpoint"]})

    with real.served(idp, port, "pianist"), chromium(tmp_path / "browser") as browser:
        browser.call("Security.setIgnoreCertificateErrors", ignore=True)
        browser.open(f"{idp.url}/start?{places}")
        browser.submit()
        assert "Welcome, pianist." in browser.text
        token = browser.evaluate("document.querySelector('input[name=token]').value")
        assert json.loads(ask(demo, "GET", "/v3/users/me", key=token))["username"] == "pianist"

        ask(demo, "PUT", f"/v3/identity-providers/{provider}", {**body, "status": "SUSPENDED", "saml2_attributes": {}})
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(demo, "GET", "/v3/users/me", key=token)
    idp.close()
