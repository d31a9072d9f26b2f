"""The operator's socket: who is let in, what is no question, and what happens when nobody answers."""

from __future__ import annotations

import asyncio
import json
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from structlog.testing import LogCapture

from cloudstead.app.data_folder import DataFolder
from cloudstead.app.errors import CannotStart
from cloudstead.app.operator.asks import AccountPage, ListAccounts, MakeLink, OpenAccount, ShowAccount
from cloudstead.app.operator.doors import ask
from cloudstead.app.operator.sockets import SOCKET_NAME, OperatorSocket, ask_service
from cloudstead.app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Desk:
    """A desk that knows no account, or fails."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def accounts(self, asked: ListAccounts) -> AccountPage:
        del asked
        if self.failure is not None:
            raise self.failure
        return AccountPage(accounts=[], after=None)


@pytest.fixture
def lines() -> LogCapture:
    return LogCapture()


@pytest.fixture
async def served(tmp_path: Path, lines: LogCapture) -> AsyncIterator[SimpleNamespace]:
    desk: Any = Desk()
    made = OperatorSocket(desk, tmp_path, structlog.wrap_logger(None, processors=[lines]))
    await made.start()
    yield SimpleNamespace(desk=desk, folder=tmp_path, path=tmp_path / SOCKET_NAME)
    await made.close()


async def say(path: Path, data: bytes) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    writer.write_eof()
    answer: dict[str, Any] = json.loads(await reader.read())
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_socket_is_for_its_owner_and_goes_with_the_service(tmp_path: Path, lines: LogCapture) -> None:
    desk: Any = Desk()
    (tmp_path / SOCKET_NAME).touch()  # what a service that was killed has left
    made = OperatorSocket(desk, tmp_path, structlog.wrap_logger(None, processors=[lines]))
    await made.start()
    mode = (tmp_path / SOCKET_NAME).stat().st_mode
    await made.close()

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / SOCKET_NAME).exists()
    assert lines.entries == []


async def test_what_is_asked_is_answered(served: SimpleNamespace) -> None:
    answered = await asyncio.to_thread(ask_service, served.folder, ListAccounts())

    assert answered == AccountPage(accounts=[], after=None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"nonsense\n",
        b"{}\n",
        b'{"ask": "make-coffee"}\n',
        b'{"ask": "show-account"}\n',
        b'{"ask": "show-account", "account": 5}\n',
        b'{"ask": "list-accounts"}',
        b"\xff\xfe\n",
        b"x" * 100_000 + b"\n",
    ],
    ids=range(10),
)
async def test_what_is_no_question_is_refused_and_the_next_one_answered(served: SimpleNamespace, data: bytes) -> None:
    refused = await say(served.path, data)

    assert refused["is"] == "refused"
    assert refused["message"]
    assert (await say(served.path, b'{"ask":"list-accounts"}\n'))["is"] == "answered"


async def test_whoever_leaves_without_an_answer_does_no_harm(served: SimpleNamespace, lines: LogCapture) -> None:
    _, writer = await asyncio.open_unix_connection(served.path)
    writer.write(b'{"ask":"list-accounts"}\n')
    writer.transport.abort()

    assert (await say(served.path, b'{"ask":"list-accounts"}\n'))["is"] == "answered"
    assert lines.entries == []


async def test_a_failure_is_in_the_log_and_not_in_the_answer(served: SimpleNamespace, lines: LogCapture) -> None:
    served.desk.failure = RuntimeError("the secret of the house")

    with pytest.raises(CannotStart, match="the log of the service has the details") as refused:
        await asyncio.to_thread(ask_service, served.folder, ListAccounts())
    assert "secret" not in str(refused.value)
    assert [each["event"] for each in lines.entries] == ["operator_ask_failed"]


async def test_a_data_folder_may_lie_deeper_than_a_socket_can(tmp_path: Path, lines: LogCapture) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    desk: Any = Desk()
    made = OperatorSocket(desk, deep, structlog.wrap_logger(None, processors=[lines]))
    await made.start()

    assert await asyncio.to_thread(ask_service, deep, ListAccounts()) == AccountPage(accounts=[], after=None)
    await made.close()
    assert list(deep.iterdir()) == []


async def test_a_service_without_a_place_for_the_socket_goes_on_without(tmp_path: Path, lines: LogCapture) -> None:
    desk: Any = Desk()
    made = OperatorSocket(desk, tmp_path / "nowhere", structlog.wrap_logger(None, processors=[lines]))
    await made.start()
    await made.close()

    assert [each["event"] for each in lines.entries] == ["no_operator_socket"]


# Where nobody answers


def settings_in(folder: Path, **more: Any) -> Any:
    return load_settings({"data": {"folder": str(folder)}, **more}, {}, None)


def test_a_holder_that_does_not_answer_is_named(tmp_path: Path) -> None:
    held = DataFolder.hold(tmp_path)
    try:
        with pytest.raises(CannotStart, match=r"in use by process \d+, which does not answer at operator.sock"):
            ask(settings_in(tmp_path), ListAccounts())
    finally:
        held.release()


def test_no_folder_is_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="no data folder"):
        ask(settings_in(tmp_path / "data"), ListAccounts())
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_has_no_accounts(tmp_path: Path) -> None:
    assert ask(settings_in(tmp_path), ListAccounts()).accounts == []
    with pytest.raises(CannotStart, match="no account"):
        ask(settings_in(tmp_path), MakeLink(user_name="ada"))
    with pytest.raises(CannotStart, match="No account answers"):
        ask(settings_in(tmp_path), ShowAccount(account="localhost"))


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({"public": {"url": "https://cloud.example/"}}, "https://cloud.example/people/"),
        ({"http": {"address": "127.0.0.1:9090"}}, "http://127.0.0.1:9090/people/"),
        ({"http": {"address": ""}, "https": {"address": "*:8443"}}, "https://localhost:8443/people/"),
        (
            {"http": {"address": "*:80"}, "https": {"address": "*:443"}, "public": {"hostname": "c.example"}},
            "https://c.example:443/people/",
        ),
    ],
)
def test_a_link_leads_to_where_the_service_will_be(tmp_path: Path, more: dict[str, Any], link: str) -> None:
    settings = settings_in(tmp_path / "data", **more)
    ask(settings, OpenAccount(name="One", user_name="ada"))

    assert ask(settings, MakeLink(user_name="ada")).link.startswith(link)


def test_a_link_that_nobody_knows_where_to_lead_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data", http={"address": "127.0.0.1:0"}, https={"address": ""})
    ask(settings, OpenAccount(name="One", user_name="ada"))

    with pytest.raises(CannotStart, match=r"public\.url"):
        ask(settings, MakeLink(user_name="ada"))
