from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from crash.rounds import run_rounds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_applied_twice_when_the_cloud_is_killed(tmp_path: Path) -> None:
    # The second round is one of those that are killed again while they recover.
    total = run_rounds(tmp_path, 2, things=4, longest_s=1.0, random_source=random.Random(7))

    assert total.acknowledged > 0
    assert total.is_sound, total
