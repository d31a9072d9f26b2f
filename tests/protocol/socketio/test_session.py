"""One client: what it may send when, what waits for it, when it is gone."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.protocols.socketio import BadPacket, Event, Session, SessionOver, SocketIOError, Timing
from cloudstead.protocols.socketio.session import MAX_WAITING_UNITS


def polling(**others):
    session = Session("abc", now=0.0, may_upgrade=True, **others)
    session.take()
    return session


def on_websocket():
    session = Session("abc", now=0.0, may_upgrade=False)
    session.take()
    return session


def test_a_client_is_greeted_with_its_session_and_connected():
    session = Session("abc", now=0.0, may_upgrade=True)
    greeting, connected = session.take()
    assert greeting[0] == "0"
    told = {"sid": "abc", "upgrades": ["websocket"], "pingInterval": 25000, "pingTimeout": 60000}
    assert json.loads(greeting[1:]) == told
    assert connected == "40"
    assert not session.has_news


def test_a_client_that_came_by_websocket_has_nothing_to_upgrade_to():
    greeting, _ = Session("abc", now=0.0, may_upgrade=False).take()
    assert json.loads(greeting[1:])["upgrades"] == []


def test_a_ping_is_answered_with_what_it_said():
    session = polling()
    assert session.receive("2probe", 1.0) is None
    assert session.take() == ["3probe"]


@pytest.mark.parametrize(
    ("packet", "event"),
    [
        ('42["subscribe",{"thingName":"a"}]', Event("subscribe", ({"thingName": "a"},))),
        ('427["x",1,null]', Event("x", (1, None), 7)),
        ('42["alone"]', Event("alone", ())),
        ('420["zero"]', Event("zero", (), 0)),
    ],
)
def test_an_event_is_read_with_its_arguments_and_the_answer_it_wants(packet, event):
    assert polling().receive(packet, 1.0) == event


def test_events_and_answers_are_sent_as_messages():
    session = polling()
    session.emit("event", {"topic": "å"})
    session.acknowledge(Event("x", (), 7), {"error": "no"})
    session.acknowledge(Event("x", ()), "to nobody")
    assert session.take() == ['42["event",{"topic":"å"}]', '437[{"error":"no"}]']


@pytest.mark.parametrize(
    "packet", ["", "9", "0{}", "3", "5", "4", "45-[]", "42", "42{}", "42[]", "42[1]", "42[", "4x", "46-x"]
)
def test_what_clients_do_not_send_is_refused(packet):
    with pytest.raises(BadPacket):
        polling().receive(packet, 1.0)


def test_another_namespace_is_refused_and_what_is_said_in_it_is_passed_over():
    session = polling()
    assert session.receive("40/other?token=1,", 1.0) is None
    assert session.take() == ['44/other,"Invalid namespace"']
    assert session.receive('42/other,["x"]', 1.0) is None
    assert not session.has_news


@pytest.mark.parametrize("packet", ["1", "41"])
def test_a_client_may_end_its_session(packet):
    session = polling()
    session.receive(packet, 1.0)
    assert session.is_over
    with pytest.raises(SessionOver):
        session.receive("2", 1.0)


def test_a_session_that_ends_here_tells_its_client():
    session = polling()
    session.close()
    session.close()
    session.emit("event", 1)
    assert session.take() == ["1"]


def test_a_session_goes_over_to_a_websocket_and_the_request_that_is_held_is_let_go():
    session = polling()
    session.begin_upgrade(1.0)
    assert session.take() == ["6"]
    session.emit("event", 1)
    session.finish_upgrade(2.0)
    assert session.is_on_websocket
    assert session.take() == ['42["event",1]']
    with pytest.raises(SessionOver):
        session.begin_upgrade(3.0)


def test_what_only_ends_polling_is_not_sent_by_websocket():
    session = polling()
    session.begin_upgrade(1.0)
    session.finish_upgrade(1.0)
    assert session.take() == []


def test_nobody_upgrades_without_a_probe_or_after_giving_up():
    session = polling()
    with pytest.raises(SessionOver):
        session.finish_upgrade(1.0)
    session.begin_upgrade(1.0)
    session.give_up_upgrade()
    with pytest.raises(SessionOver):
        session.finish_upgrade(1.0)
    with pytest.raises(SessionOver):
        on_websocket().begin_upgrade(1.0)


def test_a_silent_client_is_gone_after_its_time():
    session = polling(timing=Timing(ping_interval_s=10, ping_timeout_s=5))
    assert not session.is_gone(15.0)
    assert session.is_gone(15.1)
    session.receive("2", 15.0)
    assert not session.is_gone(30.0)


def test_a_client_that_does_not_come_for_what_waits_loses_its_session():
    session = polling()
    session.emit("event", "x" * (MAX_WAITING_UNITS - 100))
    assert not session.is_over
    session.emit("event", "x" * 100)
    assert session.is_over
    assert session.take() == ["1"]


@given(st.lists(st.text(max_size=40), max_size=10))
def test_any_packet_is_taken_or_refused(packets):
    session = polling()
    for packet in packets:
        with contextlib.suppress(SocketIOError):
            session.receive(packet, 1.0)
