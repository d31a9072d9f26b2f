from __future__ import annotations

import random

from crash.batches import run_rounds


def test_a_batch_is_whole_after_the_cloud_was_killed_while_it_was_made(tmp_path):
    outcome = run_rounds(tmp_path, 1, size=300, longest_s=0.25, random_source=random.Random(7))
    assert outcome.is_sound, outcome
    assert outcome.made == 300
