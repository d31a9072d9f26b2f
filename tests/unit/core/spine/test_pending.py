from __future__ import annotations

from cloudstead.core.observations.model import Observation, ShadowChange
from cloudstead.core.spine.pending import Pending


def change(offset):
    return ShadowChange(offset, "a", "u", "n", "update", offset, "thing:n", 0, b"{}", 0)


def observation(offset):
    return Observation(offset, "a", "u", "n", "1", "root", 0, b"{}")


def offsets(pending, max_changes):
    found = []
    while batch := pending.next_batch(max_changes):
        found.append(([each.offset for each in batch.changes], [each.offset for each in batch.observations]))
        pending.indexed(batch)
    return found


def test_a_long_backlog_is_handed_out_in_portions_each_with_its_own_observations():
    pending = Pending(6, [], [observation(n) for n in (1, 3, 4, 6)], [change(n) for n in (1, 2, 3, 4, 5, 6, 7)], {})

    assert offsets(pending, 2) == [([1, 2], [1]), ([3, 4], [3, 4]), ([5, 6], [6]), ([7], [])]
    assert (pending.changes, pending.observations) == ([], [])


def test_a_portion_that_was_not_struck_off_comes_again():
    pending = Pending(2, [], [observation(1)], [change(1), change(2)], {})

    assert pending.next_batch(1) == pending.next_batch(1)


def test_nothing_pending_is_no_batch():
    assert Pending(0, [], [], [], {}).next_batch(10) is None
