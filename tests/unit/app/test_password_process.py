"""Passwords in a process of their own."""

from __future__ import annotations

import io
import os
import signal

import msgspec
import pytest

from cloudstead.app.password_process import Child, PasswordProcess, work
from cloudstead.core.credentials.passwords import Argon2Cost, Passwords, Verification
from cloudstead.core.errors import InvalidField
from factories.tenants import CHEAP


class Children:
    """Starts children and remembers them."""

    def __init__(self) -> None:
        self.started: list[Child] = []

    def start(self, cost: Argon2Cost) -> Child:
        self.started.append(Child(cost))
        return self.started[-1]


@pytest.fixture
def children():
    return Children()


@pytest.fixture
def passwords(children):
    opened = PasswordProcess(cost=CHEAP, start=children.start)
    yield opened
    opened.close()


def test_what_it_hashes_it_knows_again_and_nothing_else(passwords):
    made = passwords.hash("correct horse")
    assert passwords.verify(made, "correct horse") == Verification(matches=True, needs_rehash=False)
    assert not passwords.verify(made, "wrong horse").matches
    assert not passwords.verify(None, "correct horse").matches
    assert Passwords(cost=CHEAP).verify(made, "correct horse").matches


def test_a_hash_of_another_cost_is_to_be_made_anew(passwords):
    old = Passwords(cost=Argon2Cost(memory_kib=16, passes=1, lanes=1)).hash("correct horse")
    assert passwords.verify(old, "correct horse") == Verification(matches=True, needs_rehash=True)


@pytest.mark.parametrize("password", ["", "a\0b", "\ud800", "x" * 1025])
def test_what_nobody_can_have_is_refused_before_anybody_is_asked(passwords, children, password):
    with pytest.raises(InvalidField):
        passwords.hash(password)
    with pytest.raises(InvalidField):
        passwords.verify(None, password)
    assert children.started == []


def test_lines_quotes_and_letters_of_all_kinds_come_through(passwords):
    for password in ('a\nb"\\', "пароль 🔑", "\x1b\r\n"):
        assert passwords.verify(passwords.hash(password), password).matches


def test_nobody_is_started_before_the_first_password_and_one_serves_all(passwords, children):
    assert children.started == []
    made = passwords.hash("correct horse")
    assert passwords.verify(made, "correct horse").matches
    assert len(children.started) == 1


def test_the_child_gives_way_to_others(passwords, children):
    passwords.hash("correct horse")
    niceness = os.getpriority(os.PRIO_PROCESS, children.started[0].process.pid)
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


def test_a_child_that_was_killed_is_replaced(passwords, children):
    made = passwords.hash("correct horse")
    children.started[0].process.kill()
    children.started[0].process.wait()
    assert passwords.verify(made, "correct horse").matches
    assert len(children.started) == 2


def test_a_child_that_is_told_to_stop_by_the_keyboard_goes_on(passwords, children):
    made = passwords.hash("correct horse")
    children.started[0].process.send_signal(signal.SIGINT)
    assert passwords.verify(made, "correct horse").matches
    assert len(children.started) == 1


def test_one_that_dies_whenever_it_is_asked_is_told_of():
    class Dying(Child):
        def __init__(self, cost: Argon2Cost) -> None:
            super().__init__(cost)
            self.process.kill()

    with pytest.raises(ChildProcessError):
        PasswordProcess(cost=CHEAP, start=Dying).hash("correct horse")


def test_the_child_ends_with_its_input(children, passwords):
    passwords.hash("correct horse")
    [child] = children.started
    passwords.close()
    assert child.process.returncode is not None


def test_the_work_ends_with_the_lines():
    tasks = io.BytesIO(b'{"type":"_Hash","password":"correct horse"}\n')
    answers = io.BytesIO()
    work(Passwords(cost=CHEAP), tasks, answers)
    assert Passwords(cost=CHEAP).verify(msgspec.json.decode(answers.getvalue()), "correct horse").matches
