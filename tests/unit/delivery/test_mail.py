from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from cloudstead.app.private_files import write_private
from cloudstead.core.clock import ManualClock, SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.jobs.model import Done, Failed, JobState
from cloudstead.core.mail.letters import Letters
from cloudstead.core.mail.model import Letter
from cloudstead.core.mail.templates import set_password
from cloudstead.delivery.mail import MailPerformer, Sender
from cloudstead.delivery.mail_folder import MailFolder
from cloudstead.delivery.smtp import SmtpServer, SmtpTls, SmtpWayOut
from factories.jobs import duty, eventually, working
from factories.mail_server import PASSWORD, USER, mail_server

CLOCK = ManualClock()
LETTERS = Letters(Sealer(InstallationKey(bytes(32))), clock=CLOCK, ids=Uuid7Source(CLOCK))
SENDER = Sender(address="no-reply@cloud.example", name="Acme, Inc.")
LETTER = Letter(to="ada@x.example", subject="Grüße", text="Hello Ada\n\nhttps://cloud.example/l/1", html="<p>Hello</p>")
LINK = "https://cloud.example/links/1?a=b"

# The library's server warns about options that only tests set.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def way_out(port, *, host="127.0.0.1", trust=None, **others):
    server = SmtpServer(host=host, port=port, **{"tls": SmtpTls.NONE, "timeout_s": 5, **others})
    return SmtpWayOut(server, trust or ssl.create_default_context())


def performer(out, letters=LETTERS):
    return MailPerformer(letters, out, sender=SENDER, clock=CLOCK)


async def send(out, letter=LETTER):
    job = LETTERS.job("a1", letter)
    return job, await performer(out).perform(job)


async def test_a_letter_arrives_as_it_was_written():
    async with mail_server() as server:
        job, result = await send(way_out(server.port))

    assert isinstance(result, Done)
    assert result.status == 250
    (message,) = server.received
    assert message["From"] == '"Acme, Inc." <no-reply@cloud.example>'
    assert (message["To"], message["Subject"]) == ("ada@x.example", "Grüße")
    assert message["Message-ID"] == f"<{job.id}@cloud.example>"
    assert message["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content().splitlines() == LETTER.text.splitlines()
    assert message.get_body(("html",)).get_content().strip() == "<p>Hello</p>"
    (envelope,) = server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@cloud.example", ["ada@x.example"])


async def test_addresses_beyond_ascii_arrive():
    async with mail_server() as server:
        _, result = await send(way_out(server.port), replace(LETTER, to="jürgen@bücher.example"))

    assert isinstance(result, Done)
    assert server.envelopes[0].rcpt_tos == ["jürgen@xn--bcher-kva.example"]


@pytest.mark.parametrize("answer", ["550 5.1.1 no such mailbox", "553 not here"])
async def test_a_recipient_that_is_refused_for_good_is_not_tried_again(answer):
    async with mail_server() as server:
        server.to_recipient = [answer]
        _, result = await send(way_out(server.port))

    assert isinstance(result, Failed)
    assert (result.status, result.is_final) == (int(answer[:3]), True)
    assert answer[4:] in result.detail
    assert server.received == []


@pytest.mark.parametrize(
    ("answers", "is_final"),
    [({"to_recipient": ["450 later"]}, False), ({"to_data": ["452 full"]}, False), ({"to_data": ["554 spam"]}, True)],
)
async def test_the_first_digit_of_the_answer_tells_whether_it_is_tried_again(answers, is_final):
    async with mail_server() as server:
        vars(server).update(answers)
        _, result = await send(way_out(server.port))

    assert isinstance(result, Failed)
    assert result.is_final == is_final


async def test_a_server_that_is_down_is_tried_again():
    async with mail_server() as server:
        port = server.port

    _, result = await send(way_out(port))

    assert isinstance(result, Failed)
    assert not result.is_final
    assert result.detail.startswith("The mail server could not be used")


async def test_a_server_that_says_nothing_is_left_after_the_timeout():
    async def hang(reader, writer):
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(hang, "127.0.0.1", 0)
    _, result = await send(way_out(listener.sockets[0].getsockname()[1], timeout_s=0.2))
    listener.close()
    await listener.wait_closed()

    assert isinstance(result, Failed)
    assert not result.is_final


async def test_a_letter_that_no_message_can_hold_is_final(tmp_path):
    _, result = await send(MailFolder(tmp_path, write_private), replace(LETTER, to="ada@" + "ü" * 70 + ".example"))

    assert isinstance(result, Failed)
    assert result.is_final


async def test_a_letter_of_another_installation_is_final(tmp_path):
    other = Letters(Sealer(InstallationKey(b"x" * 32)), clock=CLOCK, ids=Uuid7Source(CLOCK))

    result = await performer(MailFolder(tmp_path, write_private)).perform(other.job("a1", LETTER))

    assert isinstance(result, Failed)
    assert result.is_final


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    clock = SystemClock()
    files = create_authority(clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=clock
    )
    issued = authority.issue_server_certificate(["localhost"])
    (folder / "server.pem").write_text(issued.pem)
    (folder / "server.key").write_text(issued.private_key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    return server, ssl.create_default_context(cadata=authority.root_pem)


async def test_mail_travels_over_starttls_with_a_name_and_a_password(certified):
    context, trust = certified
    async with mail_server(tls=context, asks_who=True) as server:
        who = {"user_name": USER, "password": PASSWORD}
        _, result = await send(way_out(server.port, host="localhost", trust=trust, tls=SmtpTls.STARTTLS, **who))

    assert isinstance(result, Done)
    (session,) = server.sessions
    assert session.ssl is not None
    assert session.authenticated


async def test_mail_travels_over_tls_from_the_start(certified):
    context, trust = certified
    async with mail_server(tls=context, is_tls_from_the_start=True) as server:
        _, result = await send(way_out(server.port, host="localhost", trust=trust, tls=SmtpTls.TLS))

    assert isinstance(result, Done)
    assert len(server.received) == 1


@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.TLS])
async def test_a_certificate_for_another_name_gets_no_mail(certified, tls):
    context, trust = certified
    async with mail_server(tls=context, is_tls_from_the_start=tls is SmtpTls.TLS) as server:
        _, result = await send(way_out(server.port, trust=trust, tls=tls))

    assert isinstance(result, Failed)
    assert not result.is_final
    assert server.received == []


async def test_nothing_is_sent_in_the_clear_where_tls_is_not_offered():
    async with mail_server() as server:
        _, result = await send(way_out(server.port, tls=SmtpTls.STARTTLS))

    assert isinstance(result, Failed)
    assert not result.is_final
    assert server.received == []


async def test_a_wrong_password_is_the_operators_to_put_right_while_letters_wait():
    async with mail_server(asks_who=True) as server:
        _, result = await send(way_out(server.port, user_name=USER, password="wrong"))

    assert isinstance(result, Failed)
    assert (result.status, result.is_final) == (535, False)
    assert "wrong" not in result.detail


async def test_a_server_that_asks_who_we_are_gets_no_letter_from_nobody_and_letters_wait():
    async with mail_server(asks_who=True) as server:
        _, result = await send(way_out(server.port))

    assert isinstance(result, Failed)
    assert (result.status, result.is_final) == (530, False)


def test_a_server_does_not_show_its_password():
    assert "secret" not in repr(SmtpServer(host="h", port=25, user_name="u", password="secret"))


async def test_a_letter_is_sent_again_when_the_server_could_not_take_it_and_then_forgotten(tenant):
    letters = Letters(tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    async with mail_server() as server:
        server.to_data = ["451 later"]
        sender = performer(way_out(server.port), letters)
        async with working(tenant, duty(sender)) as shift:
            job_id = await tenant.database.write(lambda unit: letters.send(unit, tenant.account.id, LETTER))
            await eventually(lambda: shift.worker.outcomes["mail", "failed"] == 1)
            await shift.pauses.advance(8)
            done = await shift.until_state(job_id, JobState.DONE)

    assert [message["To"] for message in server.received] == ["ada@x.example"]
    assert done.payload == b""


async def test_a_letter_of_a_transaction_that_is_undone_is_never_sent(tenant):
    letters = Letters(tenant.sealer, clock=tenant.clock, ids=tenant.ids)

    def undone(unit):
        letters.send(unit, tenant.account.id, LETTER)
        raise RuntimeError("undone")

    async with mail_server() as server, working(tenant, duty(performer(way_out(server.port), letters))):
        with pytest.raises(RuntimeError, match="undone"):
            await tenant.database.write(undone)
        await tenant.database.write(lambda unit: letters.send(unit, tenant.account.id, replace(LETTER, to="bob@x")))
        await eventually(lambda: server.received)

    assert [message["To"] for message in server.received] == ["bob@x"]


async def test_without_a_mail_server_letters_lie_in_a_folder_for_their_owner_alone(tmp_path):
    folder = MailFolder(tmp_path, write_private)
    letter = set_password(to="ada@x.example", account_name="Ämter", name="Ada", link=LINK, valid_minutes=120)

    job, result = await send(folder, letter)

    assert isinstance(result, Done)
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{job.id}.eml", 0o600)
    mail = await folder.get(job.id)
    assert (mail.to, mail.subject) == ("ada@x.example", "Set a new password for Ämter")
    assert LINK in mail.text.splitlines()
    assert mail.html.strip() == letter.html


async def test_the_folder_holds_the_newest_first_and_no_more_than_its_bound(tmp_path):
    folder = MailFolder(tmp_path, write_private, max_mails=3)
    jobs = [(await send(folder))[0] for _ in range(5)]

    assert [mail.id for mail in await folder.newest()] == [job.id for job in reversed(jobs[2:])]
    assert [mail.id for mail in await folder.newest(1)] == [jobs[-1].id]


async def test_a_letter_that_comes_twice_lies_there_once(tmp_path):
    folder = MailFolder(tmp_path, write_private)
    job = LETTERS.job("a1", LETTER)

    for _ in range(2):
        await performer(folder).perform(job)

    assert len(await folder.newest()) == 1


async def test_what_is_no_mail_is_passed_over(tmp_path):
    (tmp_path / "notes.eml").write_text("x")
    (tmp_path / ("0" * 32 + ".eml")).write_bytes(b"\xff\x00 no headers")
    folder = MailFolder(tmp_path, write_private)

    assert [mail.id for mail in await folder.newest()] == ["0" * 32]
    assert await folder.get("notes") is None
    assert await folder.get("../" + "0" * 32) is None
    assert await folder.get("1" * 32) is None


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path):
    _, result = await send(MailFolder(tmp_path / "gone", write_private))

    assert isinstance(result, Failed)
    assert not result.is_final
