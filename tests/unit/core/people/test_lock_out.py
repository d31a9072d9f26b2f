from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.people.lock_out import (
    ADDRESS_RULE,
    NAME_RULE,
    Failures,
    LockRule,
    RememberedFailures,
    neighbourhood,
)

NOW = 1_750_000_000_000


def after(failures, *, rule=NAME_RULE):
    state = Failures()
    for _ in range(failures):
        state = state.one_more(NOW, rule)
    return state


def test_five_failures_are_free_then_the_wait_doubles_up_to_a_quarter_of_an_hour():
    waits = [after(count).wait_s(NOW) for count in range(1, 19)]
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_an_address_has_twenty_free_failures():
    assert after(20, rule=ADDRESS_RULE).wait_s(NOW) == 0
    assert after(21, rule=ADDRESS_RULE).wait_s(NOW) == 1


def test_a_lock_opens_at_its_end():
    state = after(7)
    assert state.wait_s(NOW + 1) == 2
    assert state.wait_s(NOW + 1999) == 1
    assert state.wait_s(NOW + 2000) == 0


def test_failures_are_forgotten_after_a_long_quiet():
    state = after(9)
    day = 24 * 3_600_000
    assert state.one_more(state.locked_until_ms + day, NAME_RULE).count == 10
    assert state.one_more(state.locked_until_ms + day + 1, NAME_RULE).count == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000))
def test_no_number_of_failures_locks_for_longer_than_a_quarter_of_an_hour(count):
    assert Failures(count, NOW).one_more(NOW, NAME_RULE).wait_s(NOW) <= 900


def test_what_is_remembered_of_one_key_says_nothing_about_another():
    failures = RememberedFailures(LockRule(free=0, forgotten_after_ms=1000))
    failures.add("a", NOW)
    assert (failures.wait_s("a", NOW), failures.wait_s("b", NOW)) == (1, 0)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("no address", "no address"),
    ],
)
def test_addresses_that_one_customer_owns_count_as_one(address, place):
    assert neighbourhood(address) == place
