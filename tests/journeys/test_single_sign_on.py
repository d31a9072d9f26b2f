"""Signing in and out by way of an identity provider that nobody here wrote: pysaml2, with xmlsec1 as its signer."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from base64 import b64encode
from datetime import UTC, datetime

import httpx2
import pytest
import structlog
from prometheus_client import CollectorRegistry

from cloudstead.app.single_sign_on import SingleSignOn, single_sign_on
from cloudstead.app.single_sign_on_face import SESSION_COOKIE, single_sign_on_face
from cloudstead.core.identityproviders.certificates import KeyAlgorithm
from cloudstead.core.identityproviders.profiles import bind
from cloudstead.core.identityproviders.registry import ProviderChange
from cloudstead.core.identityproviders.settings import Saml2Change
from cloudstead.core.people.sessions import recognise
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.chromium import chromium
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
async def browser(tenant, parts):
    app = WebApp(
        (single_sign_on_face(parts, tenant.database, structlog.get_logger()),),
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
