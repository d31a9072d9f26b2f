"""The pages and doors of single sign-on, through HTTP."""

from __future__ import annotations

from base64 import b64encode
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx2
import pytest
import structlog
from lxml import etree
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from cloudstead.app.single_sign_on import single_sign_on
from cloudstead.app.single_sign_on_face import SESSION_COOKIE, single_sign_on_face
from cloudstead.core.caller import Grant
from cloudstead.core.identityproviders.profiles import bind
from cloudstead.core.identityproviders.registry import ProviderChange
from cloudstead.core.identityproviders.settings import Saml2Change
from cloudstead.protocols.saml2.messages import logout_request
from cloudstead.protocols.saml2.names import MD
from cloudstead.protocols.saml2.redirect import address, read_query
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.saml2 import ISSUER, Answer, metadata, sign, signer
from factories.tenants import tenant

__all__ = ["tenant"]

URL = "https://cloud.example"
NAME = "Example <b>IdP</b>"


@pytest.fixture
def lines():
    return LogCapture()


@pytest.fixture
def sso(tenant):
    keys = SimpleNamespace(sealer=tenant.sealer)
    cloud = SimpleNamespace(clock=tenant.clock, ids=tenant.ids, database=tenant.database, keys=keys)
    return single_sign_on(cloud, f"{URL}/")


@pytest.fixture
async def browser(tenant, sso, lines):
    log = structlog.wrap_logger(None, processors=[lines])
    app = WebApp(
        (single_sign_on_face(sso, tenant.database, log),),
        ids=tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


@pytest.fixture
async def add_provider(tenant, sso):
    async def add(name=NAME):
        change = ProviderChange(saml2=Saml2Change(entity_descriptor=b64encode(metadata()).decode()))
        return await tenant.database.write(lambda unit: sso.providers.create(unit, tenant.caller, name, change))

    return add


@pytest.fixture
async def provider(tenant, add_provider):
    made = await add_provider()
    jane = await tenant.add_person("jane", Grant("root", "Read"))
    await tenant.database.write(lambda unit: bind(unit, tenant.account, jane.id, [made.id]))
    return made


def request_id_of(asked) -> str:
    return etree.fromstring(read_query(urlsplit(asked.headers["location"]).query).message).get("ID")


def form_of(tenant, sso, provider, request_id, **others):
    place = sso.places.assertion_endpoint(provider.id)
    answer = Answer(
        now=tenant.clock.now(),
        audience=provider.saml2.sp_entity_id,
        recipient=place,
        destination=place,
        in_response_to=request_id,
        **others,
    )
    return {"SAMLResponse": b64encode(answer.xml()).decode(), "RelayState": "x"}


@pytest.fixture
def come(tenant, sso, browser, provider):
    async def come(**headers):
        asked = await browser.get(f"/people/sign-in/{provider.id}")
        form = form_of(tenant, sso, provider, request_id_of(asked))
        noted = await browser.post(f"/people/saml2/{provider.id}/assertion", data=form)
        assert (noted.status_code, noted.headers["cache-control"]) == (303, "no-store")
        return await browser.get(noted.headers["location"], headers=headers)

    return come


async def test_a_browser_is_sent_to_the_provider_with_a_cookie_for_this_trip_alone(browser, provider):
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    cookie = asked.headers["set-cookie"]

    assert (asked.status_code, asked.headers["cache-control"]) == (302, "no-store")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Max-Age=600", f"Path=/people/saml2/{provider.id}/"):
        assert part in cookie


async def test_whoever_comes_by_another_name_begins_at_our_public_address_and_in_no_circles(browser, provider):
    for path in (provider.id, "cloud.example"):
        headers = {"host": "alias.example:8080"}
        answer = await browser.get(f"/people/sign-in/{path}", headers=headers)
        place = f"{URL}/people/sign-in/{provider.id}?here"
        assert (answer.status_code, answer.headers["location"], "set-cookie" in answer.headers) == (302, place, False)
        asked = await browser.get(urlsplit(place).path + "?here", headers=headers)
        assert asked.headers["location"].startswith("https://idp.example/sso?")


async def test_the_last_page_shows_the_token_and_nothing_may_run_on_it(come):
    page = await come()

    assert page.status_code == 200
    assert "cst_" in page.text
    assert "jane" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert any(SESSION_COOKIE in each and "HttpOnly" in each for each in page.headers.get_list("set-cookie"))


async def test_a_program_gets_the_token_as_json(come, tenant):
    told = (await come(accept="application/json")).json()

    assert told["token"].startswith("cst_")
    assert told["idle_timeout"] == 30
    assert told["account_id"] == tenant.account.id


async def test_signing_out_goes_on_to_the_provider(come, browser):
    await come()
    form = await browser.get("/people/saml2/sign-out")
    left = await browser.post("/people/saml2/sign-out")

    assert (form.status_code, "Sign out" in form.text) == (200, True)
    assert left.headers["refresh"].startswith("0; url=https://idp.example/slo?SAMLRequest=")
    again = await browser.post("/people/saml2/sign-out")
    assert (again.status_code, "refresh" in again.headers) == (200, False)


async def test_the_account_leads_to_its_provider_or_lets_choose(browser, provider, add_provider, tenant):
    only = await browser.get("/people/sign-in/Cloud.Example")
    assert only.status_code == 302
    other = await add_provider()
    chosen = await browser.get("/people/sign-in/cloud.example")

    assert chosen.status_code == 200
    for each in (provider, other):
        assert f'href="/people/sign-in/{each.id}"' in chosen.text
    assert "<b>" not in chosen.text
    await tenant.open_another_account()
    assert (await browser.get("/people/sign-in/other.cloud.example")).status_code == 404


async def test_our_metadata_is_there_for_everybody(browser, provider):
    answer = await browser.get(f"/people/saml2/{provider.id}/metadata")

    assert answer.headers["content-type"] == "application/samlmetadata+xml"
    root = etree.fromstring(answer.content)
    assert root.get("entityID") == f"{URL}/people/saml2/{provider.id}/metadata"
    assert root.find(f".//{{{MD}}}AssertionConsumerService").get("Location").startswith(URL)


@pytest.mark.parametrize("name", ["0" * 32, "nonsense", "x.example", "%00", "..%2f.", "s" * 5000, "é.x"])
async def test_what_is_not_there_is_not_found(browser, name):
    assert (await browser.get(f"/people/sign-in/{name}")).status_code == 404


@pytest.mark.parametrize("provider_id", ["0" * 32, "x", "%00", "A" * 32, "x" * 5000])
@pytest.mark.parametrize("end", ["assertion", "finish", "metadata", "logout"])
async def test_nobody_gets_anywhere_at_a_provider_that_is_not_there(browser, provider_id, end):
    method = "POST" if end == "assertion" else "GET"
    query = "?SAMLRequest=q1YqSy1SslIy1FEqLk3KyVeyMjQCAA%3D%3D" if end == "logout" else ""
    answer = await browser.request(method, f"/people/saml2/{provider_id}/{end}{query}")

    assert answer.status_code in {403, 404}


@pytest.mark.parametrize(
    "body", [b"", b"x", b"SAMLResponse", b"SAMLResponse=%FF", b"\xff", b"a=1&" * 50, b"SAMLResponse=AAAA"]
)
async def test_a_form_that_proves_nothing_gets_nobody_in(browser, provider, lines, body):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await browser.post(f"/people/saml2/{provider.id}/assertion", content=body, headers=headers)

    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert "not accepted" in answer.text
    assert [entry["provider_id"] for entry in lines.entries] == [provider.id]


async def test_too_much_is_not_taken(browser, provider):
    answer = await browser.post(f"/people/saml2/{provider.id}/assertion", content=b"x" * 600_000)

    assert answer.status_code == 400


async def test_the_log_says_why_and_the_page_does_not(browser, provider, tenant, sso, lines):
    asked = await browser.get(f"/people/sign-in/{provider.id}")
    form = form_of(tenant, sso, provider, request_id_of(asked), by=signer("stranger"))
    answer = await browser.post(f"/people/saml2/{provider.id}/assertion", data=form)

    assert answer.status_code == 403
    [entry] = lines.entries
    assert "certificate" in entry["reason"]
    assert "certificate" not in answer.text


@pytest.mark.parametrize("query", ["", "request=", "request=_x", "request=" + "a" * 3000, "request=%00", "request=é"])
async def test_nothing_is_fetched_without_a_request(browser, provider, query):
    assert (await browser.get(f"/people/saml2/{provider.id}/finish?{query}")).status_code == 403


async def test_the_provider_signs_out_by_either_binding(come, browser, provider, sso):
    place = sso.places.logout_endpoint(provider.id)

    def message(now):
        return logout_request(
            request_id="_out",
            issuer=ISSUER,
            destination=place,
            name_id="jane",
            name_id_format="",
            session_index="",
            now=now,
        )

    now = sso.sign_out._clock.now()
    by_redirect = await browser.get(address(place, message(now), is_request=True, key=signer().key))
    root = etree.fromstring(message(now))
    sign(root, Answer())
    form = {"SAMLRequest": b64encode(etree.tostring(root)).decode(), "RelayState": "r"}
    by_post = await browser.post(place, data=form)

    for answer in (by_redirect, by_post):
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("https://idp.example/slo?SAMLResponse=")
    assert "RelayState=r" in by_post.headers["location"]


@pytest.mark.parametrize("query", ["", "SAMLRequest=x", "SAMLResponse=AAAA&Signature=x&SigAlg=y", "%FF", "é"])
async def test_a_logout_that_proves_nothing_changes_nothing(browser, provider, query):
    answer = await browser.get(f"/people/saml2/{provider.id}/logout?{query}")

    assert (answer.status_code, "not accepted" in answer.text) == (403, True)


async def test_other_pages_of_people_are_left_to_others(browser):
    for path in ("/people/confirm", "/people/sign-in", "/people/sign-in/a/b", "/people/sign-out", "/people/"):
        assert "none of ours" not in (await browser.get(path)).text
    assert (await browser.delete("/people/saml2/sign-out")).status_code == 405
    assert (await browser.get("/people/saml2/x/y")).status_code == 404
