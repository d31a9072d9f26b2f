"""Every operation is proven three ways: where it succeeds, where it is refused, where its input is malformed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.coverage import COVERED, KINDS

CONTRACT_TESTS = Path(__file__).parents[1] / "contract"


@pytest.fixture(scope="module")
def covered():
    """Load the tests of the contracts for what they say they prove."""
    for path in sorted(CONTRACT_TESTS.glob("cloud_connect/test_*.py")):
        spec = importlib.util.spec_from_file_location(f"read_for_coverage_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return COVERED


@pytest.mark.parametrize("label", [action.label for action in ACTIONS])
def test_an_action_is_proven_to_succeed_to_be_refused_and_to_stand_malformed_input(covered, label):
    assert covered[label] == KINDS
