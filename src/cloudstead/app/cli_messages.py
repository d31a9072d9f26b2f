"""Commands about messages that came already: follow one, replay many."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cloudstead.app.errors import CannotStart

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cloudstead.app.replaying import Outcome, Wanted
    from cloudstead.core.replay.sources import Chunk


class _TimeType(click.ParamType[int]):
    """A time as ISO 8601 writes it, UTC unless it says otherwise; or milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a time as milliseconds since 1970."""
        if isinstance(value, int):
            return value
        if value.isascii() and value.isdigit() and len(value) > 8:
            return int(value)
        try:
            time = datetime.fromisoformat(value)
            return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time like 2026-01-31T12:00:00Z", param, ctx)


@click.command()
@click.argument("thing")
@click.option("--at", metavar="TIME", help="The last message up to a time: ISO 8601 or milliseconds.")
@click.option("--offset", type=click.IntRange(1, 2**63 - 1), help="The message with this offset of the log.")
@click.option("--json", "as_json", is_flag=True, help="Print what the service answers.")
@click.option("--url", metavar="URL", help="Address of the service; else that of the settings.")
@click.option("--key", envvar="CLOUDSTEAD_API_KEY", metavar="KEY", help="API key or token; else the demo's.")
@click.option("--ca", type=click.Path(path_type=Path), help="Certificate to trust; else the data folder's own.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="What the service wrote with --ready-file.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file (TOML).")
@click.option("--data", metavar="DIR", help="Data folder.")
def trace(
    *,
    thing: str,
    at: str | None,
    offset: int | None,
    as_json: bool,
    url: str | None,
    key: str | None,
    ca: Path | None,
    ready_file: Path | None,
    config: Path | None,
    data: str | None,
) -> None:
    """Follow one message of THING: log, shadow, index, archive, rules, deliveries. Without a time, the newest."""
    from cloudstead.app.cli import settings_of  # noqa: PLC0415  # each command loads what it needs
    from cloudstead.app.running_service import find_service  # noqa: PLC0415
    from cloudstead.app.trace_command import trace_message  # noqa: PLC0415

    if at is not None and offset is not None:
        raise click.UsageError("--at and --offset: give one of them.")
    service = find_service(settings_of({"data": data}, config), url=url, key=key, ca_file=ca, ready_file=ready_file)
    trace_message(service, thing, at=at, offset=offset, as_json=as_json)


@click.command()
@click.option("--to", "target", required=True, type=click.Choice(["index", "rules"]), help="Where the messages go.")
@click.option("--archive", is_flag=True, help="Take them from the archive; else from the log.")
@click.option("--archive-folder", metavar="DIR", help="Take them from a folder of objects that were downloaded.")
@click.option("--account", metavar="NAME", help="Of this account only: its name, number or id.")
@click.option("--from-offset", type=click.IntRange(1), default=1, help="First offset.")
@click.option("--to-offset", type=click.IntRange(1), default=2**62, help="Last offset.")
@click.option("--since", type=_TimeType(), default=0, help="Received at this time or after.")
@click.option("--until", type=_TimeType(), default=2**62, help="Received at this time or before.")
@click.option("--index", "place", metavar="PLACE", help="With --to index: folder or URL of another index.")
@click.option("--rule", "rules", multiple=True, metavar="ID", help="With --to rules: this rule only; may be repeated.")
@click.option("--fire", is_flag=True, help="With --to rules: really send, at the next start of the service.")
@click.option("--show", type=click.IntRange(0, 10_000), default=20, help="Runs of a dry run that are printed in full.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file (TOML).")
@click.option("--data", metavar="DIR", help="Data folder.")
def replay(
    *,
    target: str,
    archive: bool,
    archive_folder: str | None,
    account: str | None,
    from_offset: int,
    to_offset: int,
    since: int,
    until: int,
    place: str | None,
    rules: tuple[str, ...],
    fire: bool,
    show: int,
    config: Path | None,
    data: str | None,
) -> None:
    """Feed past messages to an index, or hold them against the rules, while no server is running.

    What the index holds already is not doubled. Rules are tried only, unless --fire is given.
    """
    from cloudstead.app import replaying  # noqa: PLC0415  # each command loads what it needs
    from cloudstead.app.cli import operate, settings_of  # noqa: PLC0415
    from cloudstead.app.logs import configure_logging  # noqa: PLC0415
    from cloudstead.core.replay.sources import Span  # noqa: PLC0415

    if target == "index" and (fire or rules):
        raise click.UsageError("--fire and --rule belong to --to rules.")
    if target == "rules" and place is not None:
        raise click.UsageError("--index belongs to --to index.")
    if archive and archive_folder is not None:
        raise click.UsageError("--archive and --archive-folder: give one of them.")
    settings = settings_of({"data": data}, config)
    configure_logging(settings.logging)
    span = Span(first_offset=from_offset, last_offset=to_offset, since_ms=since, until_ms=until)
    wanted = replaying.Wanted(span=span, account=account, archive="" if archive else archive_folder)
    outcome = replaying.Outcome()

    def work(tell: Callable[[Chunk], None]) -> Coroutine[Any, Any, None]:
        if target == "index":
            return replaying.replay_to_index(settings, wanted, place=place, outcome=outcome, tell=tell)
        return replaying.replay_to_rules(
            settings, wanted, rule_ids=rules or None, fire=fire, show=show, outcome=outcome, tell=tell
        )

    operate(lambda: _with_progress(work, outcome))
    _tell_outcome(outcome, wanted, target=target, fire=fire)


def _with_progress(work: Callable[[Callable[[Chunk], None]], Coroutine[Any, Any, None]], outcome: Outcome) -> None:
    """Run with a bar on a terminal, with a line for every tenth elsewhere; both go to standard error."""
    from rich.console import Console  # noqa: PLC0415  # each command loads what it needs
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    tenth = 0

    def line(chunk: Chunk) -> None:
        nonlocal tenth
        reached = 10 * chunk.through // max(1, chunk.total)
        if reached > tenth:
            tenth = reached
            console.print(f"{10 * reached} %: {chunk.through} of {chunk.total}, offset {chunk.last_offset}")

    try:
        if not console.is_terminal:
            asyncio.run(work(line))
            return
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("messages", total=None)
            asyncio.run(
                work(
                    lambda chunk: progress.update(
                        task, completed=chunk.through, total=chunk.total, description=f"offset {chunk.last_offset}"
                    )
                )
            )
    except KeyboardInterrupt:
        raise CannotStart(
            f"Interrupted behind offset {outcome.last_offset}: go on with --from-offset {outcome.last_offset + 1}."
        ) from None


def _tell_outcome(outcome: Outcome, wanted: Wanted, *, target: str, fire: bool) -> None:
    import msgspec  # noqa: PLC0415  # each command loads what it needs

    if not outcome.messages:
        click.echo("No message is in that span.")
        return
    if target == "index":
        click.echo(f"{outcome.messages} messages with {outcome.observations} observations are in the index.")
        if wanted.archive is not None:
            click.echo("The archive holds updates only: deletes of shadows are not among them.")
        return
    for run in outcome.shown:
        sys.stdout.write(msgspec.json.encode(run).decode() + "\n")
    looked = f"{outcome.messages} messages, {outcome.observations} observations, {outcome.rules} rules"
    if fire:
        click.echo(f"{looked}: {outcome.hits} hits. What the thresholds let through goes out when the service starts.")
    else:
        click.echo(f"{looked}: {outcome.hits} hits, {outcome.runs} runs. Nothing was sent: that takes --fire.")
