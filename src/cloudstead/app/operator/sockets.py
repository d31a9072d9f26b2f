"""The operator's socket of a running service: in the data folder, for its owner and root alone.

One ask, one answer, a line of JSON each. Whoever may open the socket may read the data folder too, secrets and all, so
nothing else is asked for. A path of a socket has 107 bytes at most; a data folder may lie deeper, so it is reached by
its descriptor where the system allows that.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.app.data_folder import holder_of
from cloudstead.app.errors import CannotStart, reason_of
from cloudstead.app.operator import access_keys, people
from cloudstead.app.operator.asks import (
    AccessKeyList,
    AccessKeyMade,
    AccessKeyRemoved,
    AccountOpened,
    AccountPage,
    AccountShown,
    AnyAsk,
    LinkMade,
    ListAccessKeys,
    ListAccounts,
    MakeAccessKey,
    MakeLink,
    OpenAccount,
    PasswordSet,
    PutHosts,
    PutLimits,
    PutPolicies,
    PutStatus,
    RemoveAccessKey,
    SetPassword,
    ShowAccount,
)
from cloudstead.core.errors import CloudsteadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from cloudstead.app.operator.desk import Desk

SOCKET_NAME: Final = "operator.sock"

_LONGEST_ASK: Final = 64 * 1024
_ASKED_WITHIN_S: Final = 10.0
_ANSWERED_WITHIN_S: Final = 60.0
_LONGEST_PATH: Final = 100  # sun_path has 104 bytes on some systems, 108 on others (unix(7))
_PEER: Final = struct.Struct("3i")  # struct ucred: process, user, group (unix(7), SO_PEERCRED)
_read_ask: Final = msgspec.json.Decoder(AnyAsk)


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="is"):
    """Nothing was done, and why."""

    message: str


class Answered(msgspec.Struct, frozen=True, tag="answered", tag_field="is"):
    """It was done."""

    answer: msgspec.Raw


_read_reply: Final = msgspec.json.Decoder(Refused | Answered)
_ANSWERS: Final[dict[type[Any], type[Any]]] = {
    ListAccounts: AccountPage,
    OpenAccount: AccountOpened,
    SetPassword: PasswordSet,
    MakeLink: LinkMade,
    MakeAccessKey: AccessKeyMade,
    ListAccessKeys: AccessKeyList,
    RemoveAccessKey: AccessKeyRemoved,
}


async def perform(desk: Desk, ask: AnyAsk) -> msgspec.Struct:
    """Do what was asked; raise ``CloudsteadError`` for what cannot be."""
    match ask:
        case ListAccounts():
            return await desk.accounts(ask)
        case ShowAccount():
            return await desk.account(ask.account)
        case OpenAccount():
            return await desk.open_account(ask)
        case PutStatus():
            return await desk.put_status(ask)
        case PutLimits():
            return await desk.put_limits(ask)
        case PutPolicies():
            return await desk.put_policies(ask)
        case PutHosts():
            return await desk.put_hosts(ask)
        case SetPassword():
            return await people.put_password(desk, ask)
        case MakeLink():
            return await people.make_link(desk, ask)
        case MakeAccessKey():
            return await access_keys.make(desk, ask)
        case ListAccessKeys():
            return await access_keys.list_of(desk, ask)
        case RemoveAccessKey():
            return await access_keys.remove(desk, ask)


class OperatorSocket:
    """Answers at the socket until it is closed."""

    def __init__(self, desk: Desk, folder: Path, log: FilteringBoundLogger) -> None:
        self._desk = desk
        self._path = folder / SOCKET_NAME
        self._log = log
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; only whoever holds the data folder may call this, for it takes the place of an older socket."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            with suppress(OSError):
                os.fchmod(sock.fileno(), 0o600)  # where the system lets a socket have a mode before it has a place
            with _reachable(self._path) as place:
                sock.bind(place)
            self._path.chmod(0o600)
            sock.setblocking(False)
            self._server = await asyncio.start_unix_server(self._answer, sock=sock, limit=_LONGEST_ASK)
        except OSError as error:
            sock.close()
            self._log.warning("no_operator_socket", path=str(self._path), reason=reason_of(error))

    async def close(self) -> None:
        """Take no more asks, and remove the socket."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._reply(reader, writer)
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        except OSError:
            pass  # the operator has gone; what was asked for is done or not, and the store knows
        finally:
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Refused | Answered:
        if not _is_owner(writer.get_extra_info("socket")):
            return Refused("This socket is for the owner of the service alone.")
        try:
            ask = _read_ask.decode(await asyncio.wait_for(reader.readuntil(b"\n"), _ASKED_WITHIN_S))
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return Refused("A line of JSON is needed.")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Refused(f"The service does not know what is asked, it may be another version: {error}.")
        try:
            return Answered(msgspec.Raw(msgspec.json.encode(await perform(self._desk, ask))))
        except CloudsteadError as refused:
            return Refused(str(refused))
        except Exception as error:  # noqa: BLE001 - the socket's edge: told, and the operator is sent to the log
            self._log.error("operator_ask_failed", exc_info=error)
            return Refused("Something went wrong; the log of the service has the details.")


def ask_service(folder: Path, ask: AnyAsk) -> Any:
    """Ask the service that holds a data folder; raise ``CannotStart`` where it refuses or does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_ANSWERED_WITHIN_S)
        try:
            with _reachable(folder / SOCKET_NAME) as place:
                sock.connect(place)
            sock.sendall(msgspec.json.encode(ask) + b"\n")
            with sock.makefile("rb") as answer:
                line = answer.readline()
        except PermissionError:
            raise CannotStart(f"{folder} belongs to somebody else: run the command as its owner, or as root.") from None
        except OSError as error:
            raise CannotStart(
                f"{folder} is in use by process {holder_of(folder)}, which does not answer at {SOCKET_NAME}: "
                f"{reason_of(error)}. Is the service about to start or to stop? Try again."
            ) from None
    try:
        reply = _read_reply.decode(line)
        if isinstance(reply, Refused):
            raise CannotStart(reply.message)
        return msgspec.json.decode(reply.answer, type=_ANSWERS.get(type(ask), AccountShown))
    except msgspec.DecodeError:
        raise CannotStart(f"What holds {folder} does not answer as this version does: use its own command.") from None


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Give a name of the path that is short enough for a socket."""
    if len(os.fsencode(path)) <= _LONGEST_PATH or not sys.platform.startswith("linux"):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _is_owner(sock: socket.socket) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the mode of the socket is all there is
    _, user, _ = _PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return user in {0, os.geteuid()}
