"""The pages where the links of mails land, through HTTP."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import CapturingLogger

from cloudstead.app.people_face import people_face
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.passwords import Passwords
from cloudstead.core.people.profile import ProfileChange
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.people import people_rooms
from factories.tenants import CHEAP, PASSWORD, tenant

__all__ = ["tenant"]

CONFIRM, SET, RESEND = "/people/confirm", "/people/set-password", "/people/resend"
HOST = "cloud.example"
NEW_PASSWORD = "a few words in a row"
_SECRET = re.compile(r'name="token" value="([^"]+)"')


@pytest.fixture(scope="module")
def hashing_thread():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
async def rooms(tenant, hashing_thread):
    made = people_rooms(tenant, hashing_thread)
    yield made
    await made.settled()


@pytest.fixture
def lines():
    return CapturingLogger()


@pytest.fixture
async def browser(tenant, rooms, lines):
    app = WebApp(
        (people_face(rooms.recovery, tenant.database),),
        ids=tenant.ids,
        log=structlog.wrap_logger(lines, wrapper_class=structlog.make_filtering_bound_logger(0)),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
        yield client


@pytest.fixture
def sign_up(tenant, rooms):
    async def sign_up(user_name="carl"):
        profile = ProfileChange(email="carl@cloud.example")
        await rooms.recovery.sign_up(tenant.account, user_name=user_name, password="demo", profile=profile)
        return rooms.post.last_token()

    return sign_up


@pytest.fixture
def forget(tenant, rooms):
    async def forget(user_name="ada"):
        rooms.recovery.ask_for_password(tenant.account, user_name)
        await rooms.settled()
        return rooms.post.last_token()

    return forget


@pytest.fixture
def person(tenant):
    async def person(user_name):
        return await tenant.database.read(lambda unit: unit.people.by_user_name(tenant.account.id, user_name))

    return person


async def set_password(browser, token, password=NEW_PASSWORD, again=None):
    return await browser.post(SET, data={"token": token, "password": password, "again": again or password})


async def test_looking_at_a_link_changes_nothing_however_often_and_by_whomever(browser, sign_up, forget, person):
    confirmation, password = await sign_up(), await forget()
    for path, token in ((CONFIRM, confirmation), (SET, password)):
        for method in ("GET", "HEAD", "GET", "OPTIONS"):
            answer = await browser.request(method, path, params={"token": token})
            assert answer.status_code < 300
    assert not (await person("carl")).is_confirmed
    assert (await browser.post(CONFIRM, data={"token": confirmation})).status_code == 200
    assert (await set_password(browser, password)).status_code == 200


async def test_a_confirmation_is_one_click_away_and_happens_once(browser, sign_up, person):
    token = await sign_up()
    page = await browser.get(CONFIRM, params={"token": token})
    assert "carl" in page.text
    assert _SECRET.findall(page.text) == [token]
    done = await browser.post(CONFIRM, data={"token": token})
    assert "An administrator has to give you a role" in done.text
    assert (await person("carl")).is_confirmed
    for again in (await browser.post(CONFIRM, data={"token": token}), await browser.get(f"{CONFIRM}?token={token}")):
        assert again.status_code == 200
        assert "confirmed already" in again.text


async def test_a_password_is_set_once_and_its_owner_is_told_by_mail(browser, forget, person, rooms):
    token = await forget()
    page = await browser.get(SET, params={"token": token})
    assert "At least 8 characters" in page.text
    done = await set_password(browser, token)
    assert 'href="/"' in done.text
    assert Passwords(cost=CHEAP).verify((await person("ada")).password_hash, NEW_PASSWORD).matches
    again = await set_password(browser, token, "an attempt of somebody else")
    assert again.status_code == 410
    assert "used already" in again.text
    assert Passwords(cost=CHEAP).verify((await person("ada")).password_hash, NEW_PASSWORD).matches
    assert "was changed" in rooms.post.letters[-1].subject


async def test_of_two_who_use_a_link_at_the_same_time_one_wins(browser, forget):
    token = await forget()
    answers = await asyncio.gather(*(set_password(browser, token, f"password number {each}") for each in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 410, 410, 410, 410]


@pytest.mark.parametrize(
    ("password", "again", "fault"),
    [
        ("short", "short", "at least 8 characters"),
        (NEW_PASSWORD, "another one", "not the same"),
        ("x" * 1025, "x" * 1025, "1 to 1024"),
        ("eight\0eight", "eight\0eight", "NUL"),
        ("", "", "at least 8 characters"),
    ],
)
async def test_a_password_that_cannot_be_is_explained_and_leaves_the_link_good(browser, forget, password, again, fault):
    token = await forget()
    answer = await browser.post(SET, data={"token": token, "password": password, "again": again})
    assert answer.status_code == 422
    assert fault in answer.text
    assert 'role="alert"' in answer.text
    assert _SECRET.findall(answer.text) == [token]
    assert (await set_password(browser, token)).status_code == 200


async def test_a_link_that_ran_out_offers_another_one(browser, forget, tenant, rooms):
    token = await forget()
    tenant.clock.advance(timedelta(hours=24))
    answer = await browser.get(SET, params={"token": token})
    assert answer.status_code == 410
    assert "run out" in answer.text
    assert (await set_password(browser, token)).status_code == 410
    asked = await browser.post(RESEND, data={"token": token})
    assert "Look into your mailbox" in asked.text
    assert rooms.post.last_token() != token
    assert (await set_password(browser, rooms.post.last_token())).status_code == 200


async def test_a_confirmation_that_ran_out_offers_another_one(browser, sign_up, tenant, rooms):
    token = await sign_up()
    tenant.clock.advance(timedelta(days=7))
    assert "run out" in (await browser.get(CONFIRM, params={"token": token})).text
    await browser.post(RESEND, data={"token": token})
    assert (await browser.post(CONFIRM, data={"token": rooms.post.last_token()})).status_code == 200


async def test_a_newer_link_ends_the_older_one_of_its_purpose_only(browser, sign_up, forget):
    confirmation, first = await sign_up(), await forget("carl")
    second = await forget("carl")
    assert "newer link" in (await browser.get(SET, params={"token": first})).text
    assert (await browser.get(CONFIRM, params={"token": confirmation})).status_code == 200
    assert (await set_password(browser, second)).status_code == 200


async def test_a_password_from_a_mail_confirms_the_address_and_ends_the_other_links(browser, sign_up, forget, person):
    confirmation = await sign_up()
    done = await set_password(browser, await forget("carl"))
    assert "Once an administrator" in done.text
    assert (await person("carl")).is_confirmed
    assert "confirmed already" in (await browser.get(CONFIRM, params={"token": confirmation})).text


async def test_who_was_disabled_since_does_not_come_in_by_a_link(browser, forget, tenant, rooms):
    await tenant.add_person("carl", Grant("root", "Read"))
    token = await forget("carl")

    def disable(unit):
        from cloudstead.core.people.registry import PersonChange

        change = PersonChange(is_enabled=False)
        rooms.people.update(unit, tenant.caller, user_name="carl", change=change)

    await tenant.database.write(disable)
    assert (await set_password(browser, token)).status_code == 410
    sent = len(rooms.post.letters)
    await browser.post(RESEND, data={"token": token})
    assert len(rooms.post.letters) == sent


@pytest.mark.parametrize("token", ["", "x", "0" * 75, "a" * 32 + "b" * 43, "é" * 75, "<script>", "%00", "x" * 10_000])
@pytest.mark.parametrize("path", [CONFIRM, SET])
async def test_what_is_no_link_of_ours_is_told_so_and_nothing_more(browser, path, token):
    for answer in (
        await browser.get(path, params={"token": token}),
        await browser.post(path, data={"token": token, "password": NEW_PASSWORD, "again": NEW_PASSWORD}),
    ):
        assert answer.status_code == 404
        assert "<script" not in answer.text
        assert "Send me a new link" in answer.text


async def test_a_link_opens_only_the_door_that_it_was_made_for(browser, sign_up, forget, person):
    confirmation, password = await sign_up(), await forget()
    assert (await set_password(browser, confirmation)).status_code == 404
    assert (await browser.post(CONFIRM, data={"token": password})).status_code == 404
    assert not (await person("carl")).is_confirmed
    altered = password[:-1] + ("A" if password[-1] != "A" else "B")
    assert (await set_password(browser, altered)).status_code == 404


async def test_nobody_learns_from_asking_whether_there_is_a_user(browser, rooms):
    known = await browser.post(RESEND, data={"userName": "ada"})
    unknown = await browser.post(RESEND, data={"userName": "nobody"})
    elsewhere = await browser.post(RESEND, data={"userName": "ada"}, headers={"host": "unknown.example"})
    await rooms.settled()

    def shown(answer):
        return answer.status_code, re.sub(r'nonce="[^"]+"', "", answer.text)

    def said(answer):
        return answer.status_code, answer.text.partition("<main")[2]

    assert shown(known) == shown(unknown)
    assert said(known) == said(elsewhere)
    assert len(rooms.post.letters) == 1


async def test_who_asks_by_name_gets_the_link_that_helps_on(browser, sign_up, rooms):
    await sign_up()
    for user_name in ("carl", "ada"):
        await browser.post(RESEND, data={"userName": user_name})
        await rooms.settled()
    assert [path for path, _ in rooms.post.links()] == [CONFIRM, CONFIRM, SET]


async def test_a_form_without_anything_is_shown_again(browser):
    for answer in (await browser.get(RESEND), await browser.post(RESEND), await browser.post(RESEND, data={"x": "y"})):
        assert answer.status_code == 200
        assert 'name="userName"' in answer.text


async def test_what_people_are_called_is_shown_and_not_run(browser, sign_up):
    token = await sign_up("<b>&'\"")
    text = (await browser.get(CONFIRM, params={"token": token})).text
    assert "&lt;b&gt;&amp;&#x27;&quot;" in text
    assert "<b>" not in text


async def test_no_page_leaks_where_it_came_from_or_is_kept(browser, forget):
    token = await forget()
    pages = [
        await browser.get(SET, params={"token": token}),
        await browser.get(SET),
        await browser.get("/people/nowhere"),
        await browser.delete(SET),
        await set_password(browser, token),
    ]
    assert [page.status_code for page in pages] == [200, 404, 404, 405, 200]
    for page in pages:
        headers = page.headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in page.text


async def test_no_token_reaches_the_log(browser, forget, lines):
    token = await forget()
    await browser.get(SET, params={"token": token})
    await set_password(browser, token)
    assert lines.calls
    assert token not in repr(lines.calls)
    assert PASSWORD not in repr(lines.calls)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"token", b"&".join([b"a=b"] * 100), b"token=%ff", b"{}"])
async def test_a_form_that_is_none_is_told_so(browser, body):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await browser.post(CONFIRM, content=body, headers=headers)).status_code == 404


async def test_a_form_is_bounded(browser):
    answer = await browser.post(CONFIRM, content=b"x" * 20_000)
    assert answer.status_code == 400
    assert "did not work" in answer.text
