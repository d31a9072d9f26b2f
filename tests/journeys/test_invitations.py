"""Somebody is invited by mail, comes in through the page, and is let in at every door."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pyotp
import pytest

from factories.chromium import chromium
from journeys.aws_user import Refused
from journeys.plain import ask
from journeys.test_people import guest, mailed_link, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factories.chromium import Browser
    from factories.demo import Demo, Resident
    from journeys.aws_user import AwsUser
    from journeys.plain import Answer

PASSWORD = "walking by the sea"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def form(demo: Demo, path: str, **fields: str) -> Answer:
    kinds = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return ask(demo, "POST", path, urlencode(fields).encode(), Host=demo.administrator.hostname, **kinds)


def sign_in(demo: Demo, who: Resident) -> str:
    answer = form(demo, "/people/sign-in", userName=who.user_name, password=who.password)
    assert answer.status == 200, answer.text
    token: str = answer.json["token"]
    return token


def api(demo: Demo, method: str, path: str, token: str, body: Any = None, *, expected: int = 200) -> Any:
    answer = ask(demo, method, path, body, Authorization=f"Bearer {token}", Content_Type="application/json")
    assert answer.status == expected, answer.text
    return answer.json if answer.body else None


def invite(demo: Demo, token: str) -> tuple[str, dict[str, Any]]:
    """Invite somebody and accept in their place; return the user name and the user."""
    name = demo.new_name("guest")
    address = f"{name}@guests.example"
    made = api(demo, "POST", "/v3/user-invitations", token, {"email": address}, expected=201)
    link = mailed_link(demo, address, about="invitation")
    assert address in ask(demo, "GET", link).text
    fields = {"userName": name, "fullName": "A Guest", "password": PASSWORD, "again": PASSWORD}
    done = form(demo, "/people/accept", token=token_of(link), **fields)
    assert done.status == 200, done.text
    assert form(demo, "/people/accept", token=token_of(link), **fields).status == 404
    return name, api(demo, "GET", f"/v3/users/{made['user_id']}", token)


def test_whoever_was_invited_comes_in_by_mail_and_is_let_in_everywhere(demo: Demo, administrator: AwsUser) -> None:
    token = sign_in(demo, administrator.who)
    name, user = invite(demo, token)
    assert (user["status"], user["username"], user["email_verified"]) == ("ACTIVE", name, True)

    invited = guest(demo, name, PASSWORD).log_in()
    assert list(invited.invoke("DomainLambda.LIST", name=None)) == ["root"]
    own = sign_in(demo, invited.who)
    me = api(demo, "GET", "/v3/users/me?include=active_sessions", own)
    assert (me["full_name"], len(me["active_sessions"])) == ("A Guest", 1)
    assert [each["success"] for each in me["login_history"]] == [True, True]
    api(demo, "GET", "/v3/users", own, expected=403)

    api(demo, "DELETE", f"/v3/users/{user['id']}", token, expected=400)
    account_id = user["account_id"]
    locked = api(demo, "PUT", f"/v3/accounts/{account_id}/users/{user['id']}", token, {"status": "INACTIVE"})
    assert locked["status"] == "INACTIVE"
    api(demo, "GET", "/v3/users/me", own, expected=401)
    with pytest.raises(Refused):
        guest(demo, name, PASSWORD).log_in()
    api(demo, "DELETE", f"/v3/users/{user['id']}", token, expected=204)


def test_somebody_comes_in_and_sets_a_second_factor_up_in_a_browser_that_runs_no_script(
    demo: Demo, administrator: AwsUser, browser: Browser
) -> None:
    token = sign_in(demo, administrator.who)
    name = demo.new_name("reader")
    address = f"{name}@readers.example"
    api(demo, "POST", "/v3/users?action=invite", token, {"email": address}, expected=201)

    browser.open(demo.url() + mailed_link(demo, address, about="invitation"))
    assert address in browser.text
    browser.fill("userName", "x")
    for field in ("password", "again"):
        browser.fill(field, PASSWORD)
    browser.fill("userName", name)
    browser.fill("fullName", "A Reader")
    browser.submit()
    assert "You are in" in browser.text
    assert "token" not in browser.address

    who = guest(demo, name, PASSWORD).who
    api(demo, "PUT", "/v3/users/me", sign_in(demo, who), {"is_totp_enabled": True})
    browser.open(demo.url() + "/people/sign-in")
    browser.fill("userName", name)
    browser.fill("password", PASSWORD)
    browser.submit()
    assert browser.evaluate("document.querySelector('svg').getBoundingClientRect().width") > 100
    secret = browser.evaluate("document.querySelector('code').innerText").replace(" ", "")
    browser.fill("code", "000000")
    browser.submit()
    assert "wrong" in browser.evaluate("document.querySelector('[role=alert]').innerText")
    browser.fill("code", pyotp.TOTP(secret).at(datetime.now(UTC)))
    browser.submit()
    assert "You are signed in" in browser.text
    assert browser.evaluate("document.querySelectorAll('li code').length") == 10
    browser.submit()
    assert "Where you are signed in" in browser.text
    assert [line for line in browser.told if "Security Policy" in line] == []


def test_a_second_factor_that_somebody_wants_is_set_up_at_the_next_sign_in(demo: Demo, administrator: AwsUser) -> None:
    name, _ = invite(demo, sign_in(demo, administrator.who))
    who = guest(demo, name, PASSWORD).who
    switched = api(demo, "PUT", "/v3/users/me", sign_in(demo, who), {"is_totp_enabled": True})
    assert len(switched["totp_scratch_codes"]) == 10
    with pytest.raises(Refused):
        guest(demo, name, PASSWORD).log_in()

    due = form(demo, "/people/sign-in", userName=name, password=PASSWORD).json
    assert due["due"] == "set-up"
    authenticator = pyotp.TOTP(due["secret"])
    code = authenticator.at(datetime.now(UTC))
    entered = form(demo, "/people/second-factor", ticket=due["ticket"], code=code).json
    assert re.fullmatch(r"cst_[0-9a-f]{32}_[0-9a-f]{64}", entered["token"])
    asked = form(demo, "/people/sign-in", userName=name, password=PASSWORD).json
    assert asked["due"] == "code"
    assert form(demo, "/people/code", ticket=asked["ticket"], code=code).status == 401
    scratch = entered["scratch_codes"][0]
    assert form(demo, "/people/code", ticket=asked["ticket"], code=scratch).status == 200
    # The next code, which counts half a minute ahead: no need to wait for it.
    guest(demo, name, PASSWORD + authenticator.at(time.time() + 30)).log_in()
