"""The page of the command line."""

from __future__ import annotations

import re

import click
import pytest

from cloudstead.app.cli import commands
from cloudstead.app.commands_page import commands_page


def leaves(group: click.Group, *path: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        found += leaves(command, *path, name) if isinstance(command, click.Group) else [" ".join((*path, name))]
    return found


def test_every_command_stands_in_the_table_and_has_a_section() -> None:
    page = commands_page()

    assert len(leaves(commands)) > 15
    for name in leaves(commands):
        assert f"| [`{name}`](#{name.replace(' ', '-')}) | " in page
        assert f"\n## {name}\n" in page


def test_what_is_hidden_is_not_told() -> None:
    assert "--parent" not in commands_page()


@pytest.mark.parametrize(
    "words",
    [
        "`cloudstead account limit ACCOUNT [NAME] [VALUE]`: ",
        "| `--deny` `FEATURE[:ACTIONS]` | Take it away; may be repeated |",
        "| `--to` `index/rules` | Where the messages go; needed |",
        "| `--interval` `NUMBER` | Seconds per report; `1.0` unless given |",
        "| `--only-writes` | ",
    ],
)
def test_arguments_options_and_what_is_so_without_them_are_told(words: str) -> None:
    assert words in commands_page()


def test_no_table_has_a_broken_row() -> None:
    rows = [line for line in commands_page().splitlines() if line.startswith("|")]

    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
