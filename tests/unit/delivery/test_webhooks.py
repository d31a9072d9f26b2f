from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import ssl
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from cloudstead.core.clock import ManualClock, SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.jobs.model import Done, Failed, JobState
from cloudstead.core.webhooks.calls import WebhookCalls
from cloudstead.core.webhooks.model import Webhook
from cloudstead.delivery.reach import CheckedConnector, Reach
from cloudstead.delivery.webhooks import WebhookPerformer, sign
from factories.jobs import duty, eventually, working
from factories.webhook_receiver import Receiver, answer, receiving

CLOCK = ManualClock()
CLOCK_OF_TODAY = SystemClock()
CALLS = WebhookCalls(Sealer(InstallationKey(bytes(32))), clock=CLOCK, ids=Uuid7Source(CLOCK))
LOOPBACK = Reach(allow=[ipaddress.ip_network("127.0.0.0/8")])
NOT_REACHED = "The address is in a network that webhooks may not reach (setting webhooks.allow)."
NAMES = {"inside.example": ["127.0.0.1"], "other.example": ["127.0.0.1"], "rebound.example": ["10.0.0.1"]}


async def resolve(host, port):
    return NAMES.get(host, [host])


def performer(reach=LOOPBACK, *, trust=None, calls=CALLS, **others):
    return WebhookPerformer(
        calls,
        CheckedConnector(reach, resolve),
        trust=trust or ssl.create_default_context(),
        clock=CLOCK,
        user_agent="cloudstead/test",
        **others,
    )


async def send(webhook, *, attempts=1, offset=None, **how):
    job = replace(CALLS.job("a1", webhook, offset=offset), attempts=attempts)
    return await performer(**how).perform(job)


@pytest.fixture
async def receiver():
    async with receiving() as running:
        yield running


async def test_a_webhook_arrives_as_it_was_written(receiver):
    webhook = Webhook(
        url=receiver.url("/hook?a=%20b"),
        method="PUT",
        headers=(("X-Own", "1"), ("Content-Type", "text/plain")),
        body=b"hi",
    )
    result = await send(webhook, attempts=2, offset=7)

    assert result == Done(status=200, detail="The answer was 200.")
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("PUT", "/hook?a=%20b", b"hi")
    assert request.headers["x-own"] == "1"
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["user-agent"] == "cloudstead/test"
    assert request.headers["x-cloudstead-attempt"] == "2"
    assert request.headers["x-cloudstead-offset"] == "7"
    assert len(request.headers["x-cloudstead-delivery"]) == 32
    assert "x-cloudstead-signature" not in request.headers


async def test_a_body_is_json_unless_it_is_said_otherwise(receiver):
    await send(Webhook(url=receiver.url(), body=b"{}"))
    await send(Webhook(url=receiver.url()))

    first, second = receiver.requests
    assert first.headers["content-type"] == "application/json"
    assert "content-type" not in second.headers
    assert second.headers["content-length"] == "0"


async def test_a_receiver_can_check_who_sent_it_and_when(receiver):
    await send(Webhook(url=receiver.url(), body=b'{"n":1}', secret="s3cret"))

    (request,) = receiver.requests
    stamp, signature = request.headers["x-cloudstead-signature"].split(",")
    now_s = stamp.removeprefix("t=")
    assert int(now_s) == CLOCK.millis() // 1000
    assert signature == "v1=" + hmac.new(b"s3cret", f"{now_s}.".encode() + request.body, hashlib.sha256).hexdigest()


def test_the_signature_is_that_of_the_documentation():
    assert sign("whsec", b'{"n":1}', now_s=1767225600) == (
        "t=1767225600,v1=779888808e694b16fa7b3dd5f4232c1aeb0af8aea1f1ee74f6d97e1b0bbc981f"
    )


async def test_a_password_in_the_address_travels_as_a_header(receiver):
    await send(Webhook(url=f"http://ada:p%40ss@127.0.0.1:{receiver.port}/"))

    (request,) = receiver.requests
    assert request.headers["authorization"] == "Basic YWRhOnBAc3M="
    assert request.target == "/"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_success_is_done(receiver, status):
    receiver.reply = lambda _: answer(status)

    assert (await send(Webhook(url=receiver.url()))).status == status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_again(receiver, status):
    receiver.reply = lambda _: answer(status, b"sorry")

    assert await send(Webhook(url=receiver.url())) == Failed(
        detail=f"The answer was {status}.", status=status, response=b"sorry"
    )


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 410, 422])
async def test_what_will_not_pass_is_final(receiver, status):
    receiver.reply = lambda _: answer(status)

    result = await send(Webhook(url=receiver.url()))
    assert isinstance(result, Failed)
    assert (result.status, result.is_final) == (status, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (format_datetime(CLOCK.now() + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(CLOCK.now() - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("Mon, 99 Jan 2026 00:00:00 GMT", None),
    ],
)
async def test_the_pause_that_a_receiver_asks_for_is_read(receiver, text, seconds):
    receiver.reply = lambda _: answer(503, retry_after=text)

    assert (await send(Webhook(url=receiver.url()))).retry_after_s == seconds


async def test_a_redirect_to_the_same_server_keeps_everything(receiver):
    receiver.reply = lambda request: answer(307, location="/there?x=1") if request.target == "/hook" else answer()
    webhook = Webhook(url=receiver.url(), headers=(("Authorization", "Bearer x"), ("X-Own", "1")), body=b"hi")

    assert await send(webhook) == Done(status=200, detail="The answer was 200 after 1 redirect.")
    first, second = receiver.requests
    assert (second.method, second.target, second.body) == ("POST", "/there?x=1", b"hi")
    assert second.headers["authorization"] == "Bearer x"
    assert second.delivery == first.delivery


async def test_a_redirect_to_somebody_else_loses_what_was_meant_for_the_first(receiver):
    receiver.reply = lambda request: (
        answer(302, location=f"http://other.example:{receiver.port}/") if request.target == "/hook" else answer()
    )
    secrets = (("Authorization", "Bearer x"), ("X-Api-Key", "y"), ("Cookie", "z"), ("Content-Type", "text/plain"))

    await send(Webhook(url=receiver.url(), headers=secrets, body=b"hi"))

    second = receiver.requests[1]
    assert second.headers["host"] == f"other.example:{receiver.port}"
    assert not {"authorization", "x-api-key", "cookie"} & second.headers.keys()
    assert second.headers["content-type"] == "text/plain"
    assert (second.method, second.body) == ("POST", b"hi")


async def test_see_other_is_asked_for_without_a_body(receiver):
    receiver.reply = lambda request: answer(303, location="/seen") if request.target == "/hook" else answer()

    await send(Webhook(url=receiver.url(), body=b"hi"))

    assert (receiver.requests[1].method, receiver.requests[1].body) == ("GET", b"")


async def test_three_redirects_are_followed_and_a_fourth_is_not(receiver):
    receiver.reply = lambda request: (
        answer(307, location=f"/{int(request.target[1:]) - 1}") if request.target != "/0" else answer()
    )

    assert (await send(Webhook(url=receiver.url("/3")))).detail == "The answer was 200 after 3 redirects."
    result = await send(Webhook(url=receiver.url("/4")))
    assert result == Failed(detail="There were more than 3 redirects.", status=307, is_final=True)


@pytest.mark.parametrize(
    "location", ["ftp://other.example/", "file:///etc/passwd", "javascript:alert(1)", "http://[::1/"]
)
async def test_a_redirect_to_what_is_no_web_address_is_final(receiver, location):
    receiver.reply = lambda _: answer(307, location=location)

    result = await send(Webhook(url=receiver.url()))

    assert result.is_final
    assert len(receiver.requests) == 1


async def test_a_redirect_without_a_place_is_final(receiver):
    receiver.reply = lambda _: answer(307)

    assert (await send(Webhook(url=receiver.url()))).is_final


@pytest.mark.parametrize("host", ["127.0.0.1", "inside.example"])
async def test_an_address_inside_is_refused_before_anything_is_sent(receiver, host):
    result = await send(Webhook(url=receiver.url(host=host)), reach=Reach())

    assert result == Failed(detail=NOT_REACHED, is_final=True)
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "inside.example"])
async def test_a_redirect_to_inside_is_refused_as_well(receiver, host):
    """The first server stands for one outside: its address alone is allowed."""
    async with receiving() as inside:
        receiver.reply = lambda _: answer(307, location=inside.url(host=host))
        outside = Reach(allow=[ipaddress.ip_network("127.0.0.9/32")])
        NAMES["outside.example"] = ["127.0.0.9"]

        server = await asyncio.start_server(receiver.serve, "127.0.0.9", 0)
        port = server.sockets[0].getsockname()[1]
        result = await send(Webhook(url=f"http://outside.example:{port}/hook"), reach=outside)
        server.close()
        await server.wait_closed()

        assert (result.detail, result.is_final) == (NOT_REACHED, True)
        assert len(receiver.requests) == 1
        assert inside.requests == []


async def test_each_request_looks_its_name_up_anew_and_goes_to_what_was_looked_at(receiver):
    """What a name leads to may change between two requests: DNS rebinding."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def changing(host, port):
        return answers.pop(0)

    sender = WebhookPerformer(
        CALLS, CheckedConnector(LOOPBACK, changing), trust=ssl.create_default_context(), clock=CLOCK, user_agent="t"
    )
    webhook = Webhook(url=receiver.url(host="changing.example"))

    first = await sender.perform(CALLS.job("a1", webhook))
    second = await sender.perform(CALLS.job("a1", webhook))

    assert isinstance(first, Done)
    assert isinstance(second, Failed)
    assert len(receiver.requests) == 1


async def test_a_receiver_that_hangs_is_left_after_the_time_limit(receiver):
    async def hang(writer):
        await asyncio.Event().wait()

    receiver.reply = lambda _: hang

    result = await send(Webhook(url=receiver.url()), time_limit_s=0.2)

    assert result == Failed(detail="There was no answer within 0.2 seconds.")


async def test_a_head_that_only_drips_is_left_after_the_time_limit(receiver):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Drip: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0)

    receiver.reply = lambda _: drip
    result = await send(Webhook(url=receiver.url()), time_limit_s=0.5)

    assert isinstance(result, Failed)
    assert not result.is_final


async def test_a_body_that_never_ends_costs_nothing_but_its_beginning(receiver):
    sent = 0

    async def pour(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    receiver.reply = lambda _: pour

    result = await send(Webhook(url=receiver.url()))

    assert isinstance(result, Done)
    assert result.response == b"x" * 4096
    await eventually(lambda: not receiver.at_once)
    assert sent < 50_000_000


async def test_a_body_that_only_drips_does_not_change_what_the_status_said(receiver):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
        await writer.drain()
        await asyncio.Event().wait()

    receiver.reply = lambda _: drip

    result = await send(Webhook(url=receiver.url()), time_limit_s=0.3)

    assert result == Done(status=200, detail="The answer was 200.", response=b"start")


@pytest.mark.parametrize("reply", [b"", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"\x00" * 100])
async def test_an_answer_that_is_no_http_is_tried_again(receiver, reply):
    async def say(writer):
        writer.write(reply)
        writer.close()

    receiver.reply = lambda _: say

    result = await send(Webhook(url=receiver.url()))

    assert isinstance(result, Failed)
    assert not result.is_final


async def test_a_refused_connection_is_tried_again(receiver):
    async with receiving() as gone:
        url = gone.url()

    result = await send(Webhook(url=url))

    assert isinstance(result, Failed)
    assert result.detail.startswith("The connection failed")
    assert not result.is_final


async def test_a_name_that_nobody_knows_is_tried_again():
    async def nobody(host, port):
        raise OSError("no such name")

    sender = WebhookPerformer(
        CALLS, CheckedConnector(Reach(), nobody), trust=ssl.create_default_context(), clock=CLOCK, user_agent="t"
    )
    result = await sender.perform(CALLS.job("a1", Webhook(url="https://nowhere.example")))

    assert result == Failed(detail="The name of the server cannot be found.")


async def test_what_was_sealed_by_another_installation_is_final(receiver):
    other = WebhookCalls(Sealer(InstallationKey(b"x" * 32)), clock=CLOCK, ids=Uuid7Source(CLOCK))

    assert (await send(Webhook(url=receiver.url()), calls=other)).is_final


async def test_a_proxy_named_by_the_environment_is_not_used(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert isinstance(await send(Webhook(url=receiver.url())), Done)


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A server's side of TLS for ``inside.example``, and the client's that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    files = create_authority(CLOCK_OF_TODAY)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=CLOCK_OF_TODAY
    )
    issued = authority.issue_server_certificate(["inside.example"])
    (folder / "server.pem").write_text(issued.pem)
    (folder / "server.key").write_text(issued.private_key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    return server, ssl.create_default_context(cadata=authority.root_pem)


async def test_a_server_with_a_valid_certificate_is_called_over_tls(certified):
    server, trust = certified
    async with receiving(tls=server) as secure:
        result = await send(Webhook(url=secure.url(host="inside.example", scheme="https")), trust=trust)

        assert isinstance(result, Done)
        assert secure.requests[0].headers["host"] == f"inside.example:{secure.port}"


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_not_accepted(certified, host):
    server, trust = certified
    async with receiving(tls=server) as secure:
        result = await send(Webhook(url=secure.url(host=host, scheme="https")), trust=trust)

        assert isinstance(result, Failed)
        assert "certificate" in result.detail
        assert secure.requests == []


async def test_a_certificate_of_an_unknown_authority_is_not_accepted(certified):
    server, _ = certified
    async with receiving(tls=server) as secure:
        result = await send(Webhook(url=secure.url(host="inside.example", scheme="https")))

        assert isinstance(result, Failed)
        assert secure.requests == []


async def test_a_redirect_from_https_to_http_is_not_followed(certified, receiver):
    server, trust = certified
    async with receiving(tls=server) as secure:
        secure.reply = lambda _: answer(307, location=receiver.url())
        result = await send(Webhook(url=secure.url(host="inside.example", scheme="https")), trust=trust)

    assert result == Failed(detail="The redirect leads from https to http.", is_final=True)
    assert receiver.requests == []


# With a worker and a store: what receivers see over time.


def queued(tenant):
    return WebhookCalls(tenant.sealer, clock=tenant.clock, ids=tenant.ids)


async def test_each_destination_gets_its_webhooks_in_order_across_failures(tenant, receiver):
    calls = queued(tenant)
    refuse_once = {b"2"}

    def reply(request):
        if request.body in refuse_once:
            refuse_once.discard(request.body)
            return answer(503)
        return answer()

    receiver.reply = reply
    jobs = [calls.job(tenant.account.id, Webhook(url=receiver.url(), body=b"%d" % n)) for n in (1, 2, 3)]
    async with working(tenant, duty(performer(calls=calls))) as shift:
        await shift.add(*jobs)
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 1)
        await shift.pauses.advance(8)
        await shift.until_state(jobs[-1].id, JobState.DONE)

    assert [request.body for request in receiver.requests] == [b"1", b"2", b"2", b"3"]
    assert [request.headers["x-cloudstead-attempt"] for request in receiver.requests] == ["1", "1", "2", "1"]
    assert receiver.most_at_once == 1


async def test_a_receiver_that_hangs_delays_no_other(tenant, receiver):
    calls = queued(tenant)

    async def hang(writer):
        await asyncio.Event().wait()

    async with receiving(Receiver(reply=lambda _: hang)) as dead:
        stuck = [calls.job(tenant.account.id, Webhook(url=dead.url())) for _ in range(20)]
        fine = [calls.job(tenant.account.id, Webhook(url=receiver.url(), body=b"%d" % n)) for n in range(5)]
        async with working(tenant, duty(performer(calls=calls), at_once=4)) as shift:
            await shift.add(*stuck, *fine)
            await shift.until_state(fine[-1].id, JobState.DONE)

            assert len(dead.requests) == 1
            await eventually(lambda: shift.worker.running == 1)


async def test_dead_letters_are_sent_again_when_they_are_revived(tenant, receiver):
    calls = queued(tenant)
    receiver.reply = lambda _: answer(404)
    job = calls.job(tenant.account.id, Webhook(url=receiver.url(), body=b"hi"), offset=9)
    async with working(tenant, duty(performer(calls=calls))) as shift:
        await shift.add(job)
        await shift.until_state(job.id, JobState.DEAD)
        receiver.reply = lambda _: answer(200, b"thanks")
        now_ms = tenant.clock.millis()
        await tenant.database.write(lambda unit: unit.jobs.revive_all(tenant.account.id, now_ms=now_ms, kind="webhook"))
        await shift.until_state(job.id, JobState.DONE)

        attempts = await tenant.database.read(lambda unit: unit.jobs.attempts(tenant.account.id, [job.id]))
    assert [(each.number, each.status, each.response) for each in attempts] == [(1, 404, b""), (2, 200, b"thanks")]
    assert {request.delivery for request in receiver.requests} == {job.id}


async def test_the_worker_holds_few_of_many_webhooks_to_slow_receivers(tenant):
    calls = queued(tenant)
    gates = asyncio.Event()

    async def slowly(writer):
        await gates.wait()
        writer.write(answer())

    async with receiving(Receiver(reply=lambda _: slowly)) as slow:
        jobs = [
            calls.job(tenant.account.id, Webhook(url=slow.url(f"/{number % 5}"), body=b"%d" % number))
            for number in range(200)
        ]
        async with working(tenant, duty(performer(calls=calls), at_once=50)) as shift:
            await shift.add(*jobs)
            await eventually(lambda: len(slow.requests) == 5)
            assert shift.worker.running == 5

            gates.set()
            await eventually(lambda: shift.worker.outcomes["webhook", "done"] == 200)

    for path in range(5):
        bodies = [int(request.body) for request in slow.requests if request.target == f"/{path}"]
        assert bodies == sorted(bodies)
        assert len(bodies) == 40
