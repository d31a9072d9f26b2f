from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from structlog.testing import LogCapture

from cloudstead.app.journal import LINES_PER_WINDOW, WINDOW_S, GatewayJournal, Journal, SignInJournal
from cloudstead.core.credentials.identities import Identities
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.people.errors import LoginLocked, LoginRefused
from cloudstead.core.people.sign_in import SignIn
from factories.tenants import PASSWORD, CountingHasher, sign_in_parts, tenant

__all__ = ["tenant"]
INFO, WARNING = 20, 30


class Book:
    """A journal, the lines in it, and the timers that it has set."""

    def __init__(self, level: int = INFO) -> None:
        capture = LogCapture()
        self.entries = capture.entries
        self.timers: list[tuple[float, object]] = []
        log = structlog.wrap_logger(
            None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(level)
        )
        self.journal = Journal(log, later=lambda seconds, call: self.timers.append((seconds, call)))

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.entries]


@pytest.fixture
def book() -> Book:
    return Book()


def test_a_storm_writes_so_many_lines_and_then_counts(book):
    for number in range(LINES_PER_WINDOW + 7):
        book.journal.tell("mqtt_connected", number=number)
    book.journal.tell("sign_in_refused")
    book.journal.end_window()

    assert book.events() == ["mqtt_connected"] * LINES_PER_WINDOW + ["sign_in_refused", "lines_left_out"]
    assert book.entries[-1]["mqtt_connected"] == 7


def test_one_timer_ends_the_window_of_everything_in_it(book):
    book.journal.tell("a")
    book.journal.tell("b")

    assert [seconds for seconds, _ in book.timers] == [WINDOW_S]


def test_a_new_window_has_room_again(book):
    for _ in range(LINES_PER_WINDOW):
        book.journal.tell("a")
    was_full = not book.journal.has_room("a")
    book.journal.end_window()

    assert (was_full, book.journal.has_room("a")) == (True, True)


def test_a_quiet_window_ends_without_a_word(book):
    book.journal.tell("a")
    book.journal.end_window()

    assert book.events() == ["a"]


def test_nothing_is_told_counted_or_timed_when_the_level_leaves_it_out():
    book = Book(WARNING)
    book.journal.tell("a")

    assert (book.entries, book.timers, book.journal.has_room("a")) == ([], [], False)


# Sign-in


@pytest.fixture
def sign_in(tenant, book):
    with ThreadPoolExecutor(1) as executor:
        yield SignIn(
            tenant.database,
            CountingHasher(executor),
            tokens=Tokens(SigningKey.generate(), tenant.clock, region="eu-west-1"),
            identities=Identities(tenant.sealer, region="eu-west-1"),
            clock=tenant.clock,
            **sign_in_parts(tenant),
            listener=SignInJournal(book.journal, tenant.database),
        )


async def test_a_refused_sign_in_is_told_with_whose_door_it_was_and_from_where(tenant, book, sign_in):
    with pytest.raises(LoginRefused):
        await sign_in.login(tenant.account, "ada", password="guess", source_address="192.0.2.1")

    assert book.entries == [
        {
            "event": "sign_in_refused",
            "log_level": "info",
            "account": tenant.account.id,
            "principal": f"person:{tenant.administrator.id}",
            "address": "192.0.2.1",
            "by": "password",
        }
    ]


async def test_what_was_typed_is_not_told(tenant, book, sign_in):
    with pytest.raises(LoginRefused):
        await sign_in.login(tenant.account, "my password", password="hush")

    assert (book.entries[0]["principal"], "my password" in str(book.entries), "hush" in str(book.entries)) == (
        None,
        False,
        False,
    )


async def test_a_lock_is_told_with_its_length(tenant, book, sign_in):
    for _ in range(6):
        with pytest.raises(LoginRefused):
            await sign_in.login(tenant.account, "ada", password="guess")
    with pytest.raises(LoginLocked):
        await sign_in.login(tenant.account, "ada", password=PASSWORD)

    assert (book.entries[-1]["event"], book.entries[-1]["wait_s"]) == ("sign_in_locked", 1)


async def test_a_refused_refresh_token_is_told_without_the_token(tenant, book, sign_in):
    with pytest.raises(LoginRefused):
        await sign_in.refresh(tenant.account, "forged")

    assert book.entries == [
        {
            "event": "sign_in_refused",
            "log_level": "info",
            "account": tenant.account.id,
            "by": "refresh token",
        }
    ]


async def test_a_sign_in_that_succeeds_is_not_told(tenant, book, sign_in):
    login = await sign_in.login(tenant.account, "ada", password=PASSWORD)
    await sign_in.refresh(tenant.account, login.refresh_token)

    assert book.entries == []


async def test_a_proof_that_fails_is_told_as_a_sign_in_is(tenant, book, sign_in):
    with pytest.raises(LoginRefused):
        await sign_in.prove(tenant.account, "ada", password="guess", source_address="192.0.2.1")

    assert [(entry["event"], entry["by"]) for entry in book.entries] == [("sign_in_refused", "password")]


# The gateway


class _Role:
    principal = "person:1"


def test_whoever_comes_and_goes_is_told(book):
    gateway = GatewayJournal(book.journal)
    gateway.connected(_Role(), space="acme", source_address="192.0.2.1")
    gateway.left(_Role(), reason="x" * 1000, code=0)
    gateway.refused(reason="no", code=5, source_address="192.0.2.1")

    assert book.events() == ["mqtt_connected", "mqtt_disconnected", "mqtt_refused"]
    assert (book.entries[0]["kind"], book.entries[0]["account"]) == ("person", "acme")
    assert len(book.entries[1]["reason"]) == 200


def test_whoever_only_looks_whether_the_port_is_open_is_no_news(book):
    GatewayJournal(book.journal).refused(reason="connection lost", code=0, source_address=None)

    assert book.entries == []
