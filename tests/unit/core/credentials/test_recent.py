from __future__ import annotations

from cloudstead.core.credentials.recent import Recent


def filled():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    return recent


def test_the_least_recently_used_value_is_forgotten_first():
    recent = filled()
    recent.get("a")
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_putting_a_value_again_counts_as_a_use():
    recent = filled()
    recent.put("a", 4)
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), len(recent)) == (4, None, 2)


def test_values_can_be_dropped_by_key_and_by_condition():
    recent = filled()
    recent.drop("a")
    recent.drop("never there")
    assert len(recent) == 1
    recent.drop_where(lambda value: value == 2)
    assert len(recent) == 0
