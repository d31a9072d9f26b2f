"""A pytest plugin for long runs of the property tests: ``pytest -p factories.fuzzing --fuzz 50``.

Each property test is given that many times its own number of examples, drawn anew on every run; all other tests are
left out. The suite itself draws the same examples every time.
"""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test, settings


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, default=1, help="times as many examples for each property test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    factor = config.getoption("--fuzz")
    chosen, left_out = [], []
    for item in items:
        (chosen if is_hypothesis_test(getattr(item, "obj", None)) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen
    for item in chosen:
        # The attribute is the library's own: its decorator refuses to be applied twice.
        test = getattr(item.obj, "__func__", item.obj)
        own = getattr(test, "_hypothesis_internal_use_settings", None) or settings()
        test._hypothesis_internal_use_settings = settings(
            own, max_examples=own.max_examples * factor, derandomize=False, deadline=None
        )
        item.add_marker(pytest.mark.timeout(0))
