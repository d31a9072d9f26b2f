"""People come and go: with boto3, by mail, and through the pages in a real browser."""

from __future__ import annotations

import email
import re
import time
import urllib.parse
import urllib.request
from email.policy import SMTPUTF8
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from factories.chromium import chromium
from factories.demo import Resident
from journeys.aws_user import AwsUser, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factories.chromium import Browser
    from factories.demo import Demo

_LINK = re.compile(r"https?://[^/\s]+(/people/\S+)")
_ARRIVES_WITHIN_S = 30


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def mailed_link(demo: Demo, to: str, *, about: str) -> str:
    """Return path and query of the newest link that was mailed to an address, once the mail is there."""
    folder = Path(demo.ca_file).parent / "mails"
    deadline = time.monotonic() + _ARRIVES_WITHIN_S
    while time.monotonic() < deadline:
        for path in sorted(folder.glob("*.eml"), reverse=True):
            message = email.message_from_bytes(path.read_bytes(), policy=SMTPUTF8)
            if to in str(message["To"]) and about in str(message["Subject"]):
                return _LINK.findall(message.get_body(("plain",)).get_content())[0]
        get(demo, "/healthz")
    raise AssertionError(f"no mail to {to} arrived")


def get(demo: Demo, path: str) -> str:
    with urllib.request.urlopen(demo.url() + path, timeout=30) as answer:
        return answer.read().decode()


def post(demo: Demo, path: str, **fields: str) -> str:
    body = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(demo.url() + path, body, timeout=30) as answer:
        return answer.read().decode()


def token_of(link: str) -> str:
    [token] = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["token"]
    return token


def guest(demo: Demo, user_name: str, password: str) -> AwsUser:
    return AwsUser(demo, Resident(demo.administrator.hostname, user_name, password, ""))


def sign_up(demo: Demo) -> AwsUser:
    name = demo.new_name("visitor")
    user = guest(demo, name, "by the sea")
    answer = user.invoke("AuthLambda.SIGN_UP", userName=name, password="by the sea", email=f"{name}@visitors.example")
    assert answer == {"userName": name}
    return user


def categories(administrator: AwsUser, name: str) -> list[str]:
    found = []
    for category in ("active", "pending", "unconfirmed"):
        payload = {"action": "LIST", "attributes": {"userName": None}, "filter": {"category": category}}
        listed = administrator.send(administrator.manifest["UserLambda"], payload)
        found += [category for each in listed["users"] if each["userName"] == name]
    return found


def test_a_visitor_signs_up_confirms_is_given_a_place_and_logs_in(demo: Demo, administrator: AwsUser) -> None:
    visitor = sign_up(demo)
    name = visitor.who.user_name
    assert categories(administrator, name) == ["unconfirmed"]
    with pytest.raises(Refused, match="wrong"):
        visitor.log_in()

    link = mailed_link(demo, f"{name}@visitors.example", about="Confirm")
    assert name in get(demo, link)
    assert categories(administrator, name) == ["unconfirmed"]
    assert "is confirmed" in post(demo, "/people/confirm", token=token_of(link))
    assert categories(administrator, name) == ["pending"]
    with pytest.raises(Refused, match="wrong"):
        visitor.log_in()

    administrator.invoke("UserLambda.UPDATE", userName=name, roleName="Read", domainName="north")
    assert categories(administrator, name) == ["active"]
    visitor.log_in()
    assert list(visitor.invoke("DomainLambda.LIST", name=None)) == ["north"]

    administrator.invoke("UserLambda.UPDATE", userName=name, domainName="south")
    assert list(visitor.invoke("DomainLambda.LIST", name=None)) == ["south"]
    administrator.invoke("UserLambda.REMOVE", userName=name)
    with pytest.raises(Exception, match="security token"):
        visitor.invoke("DomainLambda.LIST", name=None)


def test_what_the_old_password_opened_is_closed_when_there_is_a_new_one(demo: Demo, administrator: AwsUser) -> None:
    name = demo.new_name("worker")
    administrator.invoke(
        "UserLambda.CREATE",
        userName=name,
        password="the old one",
        firstName="W",
        lastName="W",
        email=f"{name}@workers.example",
        roleName="ReadWrite",
        domainName="north",
    )
    worker = guest(demo, name, "the old one").log_in()
    guest(demo, name, "").invoke("AuthLambda.FORGOT_PASSWORD", userName=name)
    link = mailed_link(demo, f"{name}@workers.example", about="Set a new password")
    guest(demo, name, "the old one").log_in()

    token = token_of(link)
    done = post(demo, "/people/set-password", token=token, password="the new one", again="the new one")

    assert "Your password is set" in done
    with pytest.raises(Exception, match="security token"):
        worker.invoke("DomainLambda.LIST", name=None)
    with pytest.raises(Refused):
        guest(demo, name, "").invoke("AuthLambda.REFRESH", refreshToken=worker.login["credentials"]["refreshToken"])
    with pytest.raises(Refused):
        guest(demo, name, "the old one").log_in()
    guest(demo, name, "the new one").log_in()


def test_a_visitor_finds_the_way_in_a_browser_that_runs_no_script(
    demo: Demo, administrator: AwsUser, browser: Browser
) -> None:
    visitor = sign_up(demo)
    name = visitor.who.user_name
    link = mailed_link(demo, f"{name}@visitors.example", about="Confirm")

    browser.open(demo.url() + link)
    assert browser.evaluate("document.querySelector('h1').innerText") == "Confirm your address"
    browser.submit()
    assert "Your address is confirmed" in browser.text
    assert "token" not in browser.address
    browser.open(demo.url() + link)
    assert "confirmed already" in browser.text

    browser.open(demo.url() + "/people/resend")
    browser.fill("userName", name)
    browser.submit()
    assert "Look into your mailbox" in browser.text
    link = mailed_link(demo, f"{name}@visitors.example", about="Set a new password")

    browser.open(demo.url() + link)
    assert "At least 8 characters" in browser.text
    browser.fill("password", "one that is good")
    browser.fill("again", "one that is not the same")
    browser.submit()
    assert "not the same" in browser.evaluate("document.querySelector('[role=alert]').innerText")
    for field in ("password", "again"):
        browser.fill(field, "one that is good")
    browser.submit()
    assert "Your password is set" in browser.text
    assert [line for line in browser.told if "Security Policy" in line] == []

    administrator.invoke("UserLambda.UPDATE", userName=name, roleName="Read", domainName="north")
    assert guest(demo, name, "one that is good").log_in().login["user"]["domainName"] == "north"
