from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from crash.outbox import run_rounds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_every_webhook_arrives_in_order_and_none_that_is_noted_comes_again(tmp_path: Path) -> None:
    outcome = run_rounds(tmp_path, 2, webhooks=400, longest_s=0.5, random_source=random.Random(7))

    assert outcome.is_sound, outcome
