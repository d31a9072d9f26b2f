"""``docs/reference/command-line.md``, written from the commands themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cloudstead.app.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEAD: Final = """# The command line

This page is written by `make docs` from the commands; `cloudstead COMMAND --help` says the same. What an operator can
put right is one line on standard error and exit code 2.

`account` and `person` ask the service that holds the data folder, by the socket `operator.sock` in it, and work on the
store themselves where none runs. They are for the owner of the folder and for root. `replay` needs the folder for
itself."""

_TOLD_ELSEWHERE: Final = {
    "account": "manage-accounts.md",
    "person": "administer-people.md",
    "replay": "replay.md",
    "serve": "run-a-server.md",
    "trace": "follow-a-message.md",
}
"""Commands of which a how-to tells more."""


def commands_page() -> str:
    """Return the page: every command in one table, then each with its arguments and options."""
    every = list(_leaves((), commands))
    lines = [_HEAD, "", "| command | does |", "|---|---|"]
    lines += [f"| [`{' '.join(path)}`](#{'-'.join(path)}) | {_first(command)} |" for path, command in every]
    for path, command in every:
        lines += ["", *_section(path, command)]
    return "\n".join(lines) + "\n"


def _leaves(path: tuple[str, ...], group: click.Group) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _leaves((*path, name), command)
        elif not command.hidden:
            yield (*path, name), command


def _section(path: Sequence[str], command: click.Command) -> Iterator[str]:
    yield f"## {' '.join(path)}"
    yield ""
    words = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    yield f"`{' '.join(('cloudstead', *path, *words))}`: {' '.join((command.help or '').split())}"
    more = _TOLD_ELSEWHERE.get(path[0])
    if more is not None:
        yield f"There is more in [a how-to](../how-to/{more})."
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        yield ""
        yield "| option | meaning |"
        yield "|---|---|"
    for option in options:
        yield f"| {_names(option)} | {_meaning(option)} |"


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _names(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.is_flag:
        return names
    kind = option.type
    if isinstance(kind, click.IntRange | click.FloatRange):
        return f"{names} `NUMBER`"
    values = "/".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else option.metavar or kind.name.upper()
    return f"{names} `{values}`"


def _meaning(option: click.Option) -> str:
    """Return the help of an option, and what is so without it."""
    if not option.help:
        return "as it says" if option.is_flag else "one of these"
    words = option.help.rstrip(".").replace("|", "\\|")
    if option.required:
        return f"{words}; needed"
    return f"{words}; `{option.default}` unless given" if option.show_default else words


def _first(command: click.Command) -> str:
    """Return the first sentence of what a command does."""
    return command.get_short_help_str(limit=200).rstrip(".")
