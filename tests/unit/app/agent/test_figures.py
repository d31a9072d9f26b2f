from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.app.agent.figures import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}")
    else:
        yield path, value


def test_every_figure_is_a_number_and_none_is_negative() -> None:
    machine = Machine()
    figures = dict(leaves(machine.figures()))

    assert all(isinstance(value, int | float) and value >= 0 for value in figures.values())
    assert {".cpu.percent", ".cpu.load_1m", ".memory.percent", ".disk.percent", ".uptime_s"} <= figures.keys()
    assert {".network.in_bytes_s", ".network.out_bytes_s"} <= figures.keys()


def test_facts_and_figures_together_fit_into_a_shadow() -> None:
    machine = Machine()

    size = len(msgspec.json.encode({**machine.facts(), **machine.figures()}))

    assert size < 8192


def test_facts_stay_the_same() -> None:
    machine = Machine()

    assert machine.facts() == machine.facts()


def test_every_part_says_its_type_once_among_the_facts() -> None:
    machine = Machine()
    figures, facts = machine.figures(), machine.facts()
    parts = {name for name, value in {**facts, **figures}.items() if isinstance(value, dict)}

    assert {name: facts[name]["type"] for name in parts} == {name: name for name in parts}
    assert "type" not in "".join(path for path, _ in leaves(figures))
