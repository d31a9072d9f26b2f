"""The mailbox page, through HTTP."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser

import httpx2
import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import CapturingLogger

from cloudstead.app.mailbox_face import mailbox_face
from cloudstead.app.private_files import write_private
from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.mail.letters import Letters
from cloudstead.core.mail.model import Letter
from cloudstead.core.mail.templates import set_password
from cloudstead.delivery.mail import MailPerformer, Sender
from cloudstead.delivery.mail_folder import MailFolder
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics

CLOCK = ManualClock()
IDS = Uuid7Source(CLOCK)
LETTERS = Letters(Sealer(InstallationKey(bytes(32))), clock=CLOCK, ids=IDS)
LINK = "https://cloud.example/people/set-password?token=a&b=1"
HOSTILE = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">'


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    @property
    def tags(self):
        return {tag for tag, _ in self.found}


@pytest.fixture
def folder(tmp_path):
    return MailFolder(tmp_path, write_private)


@contextlib.asynccontextmanager
async def browsing(folder, *, is_shown=True, peer="127.0.0.1", host="localhost:8080"):
    app = WebApp(
        (mailbox_face(folder, is_shown=is_shown, proxies_say=("x-forwarded-for",)),),
        ids=IDS,
        log=structlog.wrap_logger(CapturingLogger(), wrapper_class=structlog.make_filtering_bound_logger(0)),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    transport = httpx2.ASGITransport(app=app, client=(peer, 1))
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        yield client


async def put(folder, letter):
    job = LETTERS.job("a1", letter)
    sender = Sender(address="no-reply@cloud.example", name="cloudstead")
    await MailPerformer(LETTERS, folder, sender=sender, clock=CLOCK).perform(job)
    return job.id


async def test_an_empty_mailbox_tells_how_to_have_mails_sent(folder):
    async with browsing(folder) as browser:
        answer = await browser.get("/mailbox")

    assert answer.status_code == 200
    assert "There is no mail yet." in answer.text
    assert "[mail]" in answer.text


async def test_mails_are_listed_newest_first_and_can_be_opened(folder):
    await put(folder, Letter(to="bob@x.example", subject="First", text="hi"))
    mail_id = await put(folder, set_password(to="ada@x", account_name="Acme", name="Ada", link=LINK, valid_minutes=120))

    async with browsing(folder) as browser:
        listed = await browser.get("/mailbox")
        shown = await browser.get(f"/mailbox/{mail_id}")

    assert listed.text.index("Set a new password for Acme") < listed.text.index("First</a>")
    links = [attributes.get("href") for tag, attributes in Elements(listed.text).found if tag == "a"]
    assert links[:2] == ["/", f"/mailbox/{mail_id}"]
    assert ("a", {"href": LINK, "target": "_blank", "rel": "noopener noreferrer"}) in Elements(shown.text).found


async def test_nothing_in_a_mail_can_become_part_of_the_page(folder):
    mail_id = await put(
        folder, Letter(to="ada@x", subject=HOSTILE, text=f"{HOSTILE} https://x/{HOSTILE}", html=HOSTILE)
    )

    async with browsing(folder) as browser:
        pages = [await browser.get("/mailbox"), await browser.get(f"/mailbox/{mail_id}")]

    for page in pages:
        assert not {"script", "img"} & Elements(page.text).tags
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert page.headers["cache-control"] == "no-store"


async def test_the_html_of_a_mail_may_do_nothing_but_be_read(folder):
    mail_id = await put(folder, Letter(to="ada@x", subject="Hello", text="hi", html=f"<p>Hello</p>{HOSTILE}"))

    async with browsing(folder) as browser:
        page = await browser.get(f"/mailbox/{mail_id}")
        inside = await browser.get(f"/mailbox/{mail_id}/html")

    (frame,) = [attributes for tag, attributes in Elements(page.text).found if tag == "iframe"]
    assert frame["src"] == f"/mailbox/{mail_id}/html"
    assert "allow-scripts" not in str(frame["sandbox"])
    policy = inside.headers["content-security-policy"]
    assert "sandbox allow-popups" in policy
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "<p>Hello</p>" in inside.text


@pytest.mark.parametrize(
    "path", ["/mailbox/0" + "1" * 31, "/mailbox/..", "/mailbox/x/html", "/mailbox/x/y/z", "/mailboxes"]
)
async def test_what_is_not_there_is_not_found(folder, path):
    async with browsing(folder) as browser:
        assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize("how", [{"peer": "192.0.2.1"}, {"host": "cloud.example"}, {"host": "localhost.evil.example"}])
@pytest.mark.parametrize("path", ["/mailbox", "/mailbox/{id}", "/mailbox/{id}/html"])
async def test_nobody_sees_mails_from_elsewhere(folder, how, path):
    mail_id = await put(folder, Letter(to="ada@x", subject="Hello", text="secret", html="secret"))

    async with browsing(folder, **how) as browser:
        answer = await browser.get(path.format(id=mail_id))

    assert answer.status_code == 404
    assert "Hello" not in answer.text
    assert "secret" not in answer.text


async def test_nobody_sees_mails_through_a_proxy(folder):
    async with browsing(folder) as browser:
        assert (await browser.get("/mailbox", headers={"X-Forwarded-For": "192.0.2.1"})).status_code == 404


@pytest.mark.parametrize(
    ("there", "is_shown", "word"), [(False, True, "mail server"), (True, False, "mail.show_folder")]
)
async def test_a_mailbox_that_is_not_shown_says_why(folder, there, is_shown, word):
    mail_id = await put(folder, Letter(to="ada@x", subject="Hello", text="secret"))

    async with browsing(folder if there else None, is_shown=is_shown) as browser:
        for path in ("/mailbox", f"/mailbox/{mail_id}", f"/mailbox/{mail_id}/html"):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert word in answer.text


async def test_mails_can_only_be_read(folder):
    async with browsing(folder) as browser:
        assert (await browser.post("/mailbox")).status_code == 405
