"""Every operation is proven three ways: where it succeeds, where it is refused, where its input is malformed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from cloudstead.dialects.cloud_connect.table import ACTIONS
from factories.coverage import COVERED, KINDS
from factories.device_clouds import operations as cloud_operations
from factories.groups import operations as group_operations
from factories.provisioning import operations as provisioning_operations
from factories.schema import operations

CONTRACT_TESTS = Path(__file__).parents[1] / "contract"


@pytest.fixture(scope="module")
def covered():
    """Load the tests of the contracts for what they say they prove."""
    dialects = ("cloud_connect", "account_management", "device_clouds", "groups", "provision_device")
    for path in sorted(path for dialect in dialects for path in CONTRACT_TESTS.glob(f"{dialect}/test_*.py")):
        spec = importlib.util.spec_from_file_location(f"read_for_coverage_{path.parent.name}_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look for their own words
        spec.loader.exec_module(module)
    return COVERED


@pytest.mark.parametrize("label", [action.label for action in ACTIONS])
def test_an_action_is_proven_to_succeed_to_be_refused_and_to_stand_malformed_input(covered, label):
    assert covered[label] == KINDS


@pytest.mark.parametrize(
    "name", sorted([*operations(), *cloud_operations(), *group_operations(), *provisioning_operations()])
)
def test_an_operation_is_proven_to_succeed_to_be_refused_and_to_stand_malformed_input(covered, name):
    assert covered[name] == KINDS
