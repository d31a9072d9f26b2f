"""Rules about how the code is laid out; what may import what is kept by import-linter."""

from __future__ import annotations

import ast

import cloudstead
from factories.repository import ROOT, modules, place

_LONGEST = 600
_TABLES = {"table.py", "tables.py"}  # a table is as long as what it lists
_SAYS_NOTHING = {"utils", "helpers", "common", "misc", "base", "manager", "impl", "service", "util", "helper"}
_SOURCE = ROOT / "src" / "cloudstead"


def parsed(*rooms: str) -> list[tuple[str, ast.Module]]:
    return [(place(path), ast.parse(path.read_text(encoding="utf-8"))) for path in modules(*rooms)]


def test_every_room_stands_in_the_floor_plan() -> None:
    rooms = {path.parent.name for path in _SOURCE.glob("*/__init__.py")}

    assert {room for room in rooms if f"``{room}``" not in str(cloudstead.__doc__)} == set()


def test_every_package_says_what_it_is_for() -> None:
    silent = [path for path, tree in parsed("src") if path.endswith("__init__.py") and not ast.get_docstring(tree)]

    assert silent == []


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    long = {
        place(path): count
        for path in modules("src")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > _LONGEST and path.name not in _TABLES
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [place(path) for path in modules("src") if {path.stem, path.parent.name} & _SAYS_NOTHING] == []


def test_only_app_reads_the_environment() -> None:
    readers = [
        path
        for path, tree in parsed("src")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and "/app/" not in path
    ]

    assert readers == []


def test_no_test_sleeps() -> None:
    sleepers = [
        f"{path}:{node.lineno}"
        for path, tree in parsed("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"time", "asyncio", "anyio"}
        # Sleeping for zero is giving way to others.
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]

    assert sleepers == []


def test_no_test_is_skipped_for_good() -> None:
    skipped = [
        f"{path}:{node.lineno}"
        for path, tree in parsed("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "skip" and isinstance(node.value, ast.Attribute)
    ]

    assert skipped == []
