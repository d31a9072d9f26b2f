from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect

from cloudstead.web.errors import BodyTooLarge, BodyTooSlow, TooBusy
from cloudstead.web.intake import WHOLE, BodyIntake
from unit.web.faces import Shop


def sending(*parts: bytes, ends: bool = True):
    """Return a ``receive`` that gives the parts; without an end it then waits for ever."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if ends:
        messages[-1]["more_body"] = False

    async def receive():
        if messages:
            return messages.pop(0)
        return await asyncio.Event().wait()

    return receive


async def test_a_body_counts_as_held_until_it_is_released():
    intake = BodyIntake()
    body = await intake.read(sending(b"ab", b"c"), announced=None, limit=3)
    assert (body, intake.held) == (b"abc", 3)
    intake.release(body)
    assert intake.held == 0


@pytest.mark.parametrize(
    ("intake", "parts", "announced", "error"),
    [
        (BodyIntake(), [b"abcd"], "4", BodyTooLarge),
        (BodyIntake(), [b"ab", b"cd"], None, BodyTooLarge),
        (BodyIntake(), [b"ab", b"cd"], "many", BodyTooLarge),
        (BodyIntake(max_held=1), [b"a", b"b"], None, TooBusy),
        (BodyIntake(max_idle_s=0), [b"a"], None, BodyTooSlow),
    ],
)
async def test_a_refused_body_is_not_held(intake, parts, announced, error):
    with pytest.raises(error):
        await intake.read(sending(*parts, ends=False), announced=announced, limit=3)
    assert intake.held == 0


@pytest.mark.parametrize(
    ("intake", "body", "error"), [(BodyIntake(), b"abcd", BodyTooLarge), (BodyIntake(max_held=2), b"abc", TooBusy)]
)
def test_a_refused_body_that_is_there_is_not_held(intake, body, error):
    scope = {"state": {WHOLE: lambda _: body}}
    with pytest.raises(error):
        intake.take(scope, sending(body), limit=3)
    assert intake.held == 0


def test_a_body_that_is_there_counts_as_held_too():
    intake = BodyIntake()
    body = intake.take({"state": {WHOLE: lambda _: b"abc"}}, sending(b"abc"), limit=3)
    assert (body, intake.held) == (b"abc", 3)
    intake.release(body)
    assert intake.held == 0


@pytest.mark.parametrize("scope", [{}, {"state": {}}, {"state": {WHOLE: lambda _: None}}])
def test_a_body_that_is_on_its_way_is_not_taken(scope):
    assert BodyIntake().take(scope, sending(b"abc"), limit=3) is None


async def test_a_body_of_a_client_that_went_away_is_not_held():
    intake = BodyIntake()
    messages = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    with pytest.raises(ClientDisconnect):
        await intake.read(receive, announced=None, limit=3)
    assert intake.held == 0


async def test_bodies_of_others_count_too():
    intake = BodyIntake(max_held=5)
    await intake.read(sending(b"abc"), announced=None, limit=3)
    with pytest.raises(TooBusy):
        await intake.read(sending(b"abc"), announced=None, limit=3)
    assert intake.held == 3


async def test_the_application_releases_every_body():
    intake = BodyIntake()
    shop = Shop(intake=intake)
    await shop.request("POST", "/v1/orders", token="order:place", json={"items": []})
    await shop.request("POST", "/v1/orders", token="order:place", content=b"{")
    assert intake.held == 0


class _Clock:
    """The loop's time, which goes on with every part that arrives."""

    def __init__(self, monkeypatch):
        self.now_s = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        began = real()
        monkeypatch.setattr(loop, "time", lambda: real() - began + self.now_s, raising=False)


@pytest.mark.parametrize(("part", "is_read"), [(b"x", False), (b"x" * 30_000, True)])
async def test_a_body_that_trickles_is_too_slow_though_it_never_stands_still(monkeypatch, part, is_read):
    clock = _Clock(monkeypatch)
    parts = [{"type": "http.request", "body": part, "more_body": number < 9} for number in range(10)]

    async def receive():
        clock.now_s += 25
        await asyncio.sleep(0)
        return parts.pop(0)

    intake = BodyIntake()
    if is_read:
        assert await intake.read(receive, announced=None, limit=10**6) == part * 10
        return
    with pytest.raises(BodyTooSlow):
        await intake.read(receive, announced=None, limit=10**6)
    assert intake.held == 0
