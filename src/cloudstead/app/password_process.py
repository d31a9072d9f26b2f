"""Passwords in a process of their own, which gives way to everything else.

A hash writes 19 MiB that were mapped for it and takes some 20 ms of a processor. In a thread of the server it competes
with the thread that serves devices, and its memory is mapped and unmapped under the lock that all threads share: twenty
sign-ins a second doubled the PUBACK's p99 of 2,000 updates a second. A thread of low priority would do harm: taken off
the processor while it holds the interpreter's lock, it would stop everybody. A process has no such lock to hold.

It is started with the first password, ends with the standard input that it reads from, and is started anew if it dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.credentials.passwords import OWASP_COST, Argon2Cost, Passwords, Verification, prepared

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_NICENESS: Final = 10
"""A tenth of the share of others where processors are short: devices first, but people come in all the same."""

_TRIES: Final = 2
_PROGRAM: Final = "cloudstead.app.password_process"


class _Task(msgspec.Struct, tag=True):
    password: str


class _Hash(_Task, tag=True):
    pass


class _Verify(_Task, tag=True):
    password_hash: str | None


class PasswordProcess:
    """``Passwords`` of which the work is done in a child. For one thread, which waits for it."""

    def __init__(self, *, cost: Argon2Cost = OWASP_COST, start: Callable[[Argon2Cost], Child] | None = None) -> None:
        self._cost = cost
        self._start = start or Child
        self._child: Child | None = None

    def hash(self, password: str) -> str:
        """Return the hash in its standard text form, salt and cost included."""
        prepared(password)
        return msgspec.json.decode(self._ask(_Hash(password)), type=str)

    def verify(self, password_hash: str | None, password: str) -> Verification:
        """Compare; without a hash (nobody there, or nobody with a password) it costs the same and never matches."""
        prepared(password)
        return msgspec.json.decode(self._ask(_Verify(password, password_hash)), type=Verification)

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _ask(self, task: _Task) -> bytes:
        line = msgspec.json.encode(task) + b"\n"
        for _ in range(_TRIES):
            if self._child is None:
                self._child = self._start(self._cost)
            answer = self._child.ask(line)
            if answer:
                return answer
            self.close()  # it has died: killed for its memory, perhaps
        raise ChildProcessError("the process that hashes passwords dies as soon as it is asked")


class Child:
    """The child, as the server sees it."""

    def __init__(self, cost: Argon2Cost) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-P", "-m", _PROGRAM, *map(str, (cost.memory_kib, cost.passes, cost.lanes))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, line: bytes) -> bytes:
        """Send a task and wait for its answer; nothing from a child that has died."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a child without pipes")
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except BrokenPipeError:
            return b""
        return self.process.stdout.readline()

    def end(self) -> None:
        """Let it go and wait for that."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a child without pipes")
        self.process.kill()  # it holds nothing that could be lost
        self.process.wait()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            return  # what it did not read any more


def work(passwords: Passwords, tasks: BinaryIO, answers: BinaryIO) -> None:
    """Do what the lines of ``tasks`` ask for until they end."""
    for line in tasks:
        match msgspec.json.decode(line, type=_Hash | _Verify):
            case _Hash(password=password):
                answer: object = passwords.hash(password)
            case _Verify(password=password, password_hash=password_hash):
                answer = passwords.verify(password_hash, password)
        answers.write(msgspec.json.encode(answer) + b"\n")
        answers.flush()


def main() -> None:
    """Be the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server says when it is over
    os.nice(_NICENESS)
    memory_kib, passes, lanes = map(int, sys.argv[1:])
    work(Passwords(cost=Argon2Cost(memory_kib, passes, lanes)), sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
