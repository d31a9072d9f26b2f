from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from cloudstead.core.credentials.passwords import OWASP_COST, Argon2Cost, PasswordHasher, Passwords
from cloudstead.core.errors import InvalidField
from factories.tenants import CHEAP

PASSWORDS = Passwords(cost=CHEAP)


def test_a_password_matches_its_own_hash_only():
    stored = PASSWORDS.hash("right")
    assert PASSWORDS.verify(stored, "right").matches
    assert not PASSWORDS.verify(stored, "wrong").matches


def test_hashes_say_their_cost_which_by_default_is_that_of_owasp():
    assert Passwords().hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (OWASP_COST.memory_kib, OWASP_COST.passes, OWASP_COST.lanes) == (19 * 1024, 2, 1)


@pytest.mark.parametrize("nothing", [None, ""])
def test_nobody_has_a_password(nothing):
    assert not PASSWORDS.verify(nothing, "any").matches


def test_comparing_with_nobody_computes_a_hash_of_the_same_cost(monkeypatch):
    seen = []
    compare = argon2.PasswordHasher.verify
    monkeypatch.setattr(
        argon2.PasswordHasher, "verify", lambda self, *given: seen.append(given[0]) or compare(self, *given)
    )
    PASSWORDS.verify(None, "any")
    PASSWORDS.verify(PASSWORDS.hash("other"), "any")
    nobody, somebody = (text.rsplit("$", 2)[0] for text in seen)
    assert nobody == somebody == "$argon2id$v=19$m=8,t=1,p=1"


def test_a_hash_of_another_cost_is_to_be_renewed_once_it_matched():
    dearer = Passwords(cost=Argon2Cost(memory_kib=16, passes=1, lanes=1))
    stored = PASSWORDS.hash("right")
    assert dearer.verify(stored, "right").needs_rehash
    assert not dearer.verify(stored, "wrong").needs_rehash
    assert not PASSWORDS.verify(stored, "right").needs_rehash


def test_two_ways_to_type_one_character_are_one_password():
    assert PASSWORDS.verify(PASSWORDS.hash("caf\u00e9"), "cafe\u0301").matches


@pytest.mark.parametrize("password", ["x", "x" * 1024, "\u00e5 \u4f60\u597d \U0001f511", " "])
def test_any_text_up_to_1024_characters_is_a_password(password):
    assert PASSWORDS.verify(PASSWORDS.hash(password), password).matches


@pytest.mark.parametrize("password", ["", "x" * 1025, "a\0b", "a\ud800b"])
def test_what_is_no_text_is_no_password(password):
    with pytest.raises(InvalidField) as refusal:
        PASSWORDS.hash(password)
    assert refusal.value.field == "password"
    assert "a" not in refusal.value.reason.split()


async def test_hashing_happens_in_the_thread_given():
    used = []

    class Watching(ThreadPoolExecutor):
        def submit(self, work, /, *arguments, **named):
            return super().submit(lambda: used.append(threading.current_thread().name) or work(*arguments, **named))

    with Watching(1, thread_name_prefix="passwords") as executor:
        hasher = PasswordHasher(executor, cost=CHEAP)
        assert (await hasher.verify(await hasher.hash("x"), "x")).matches
    assert used == ["passwords_0", "passwords_0"]
