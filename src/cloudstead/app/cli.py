"""The command line. Every failure that an operator can put right is one line and exit code 2, never a trace."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from cloudstead import __version__
from cloudstead.app.addresses import Address, parse_address
from cloudstead.app.cli_messages import replay, trace
from cloudstead.app.errors import CannotStart
from cloudstead.app.operator.commands import access_key, account, person
from cloudstead.app.settings import BadSetting, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.app.ready import ReadyReport

T = TypeVar("T")

_ADDRESS_FLAGS = ("http", "https", "mqtts", "mqtt", "thing_event")


class _AddressType(click.ParamType[Address]):
    """``HOST:PORT``."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Read the text of an address."""
        if isinstance(value, Address):
            return value
        try:
            address = parse_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if address is None:
            self.fail("an address is needed", param, ctx)
        return address


def _listening(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where the service keeps its data and where it listens."""
    options = (
        click.option("--config", type=click.Path(path_type=Path), help="Configuration file (TOML)."),
        click.option("--data", metavar="DIR", help="Data folder; made when it is missing."),
        click.option("--http", metavar="HOST:PORT", help='Plain HTTP; port 0 is a free one, "" is off.'),
        click.option("--https", metavar="HOST:PORT", help="HTTP over TLS."),
        click.option("--https-cert", metavar="FILE", help="Certificate chain for --https (else from our authority)."),
        click.option("--https-key", metavar="FILE", help="Private key of that certificate."),
        click.option("--mqtts", metavar="HOST:PORT", help="MQTT over TLS with client certificates."),
        click.option("--mqtt", metavar="HOST:PORT", help="MQTT without TLS (off unless given)."),
        click.option("--thing-event", metavar="HOST:PORT", help='Socket.IO over TLS, for pages of 2017; "" is off.'),
        click.option("--hostname", metavar="NAME", help="Host name under which clients know the service."),
        click.option(
            "--ready-file",
            type=click.Path(path_type=Path),
            help="Written, readable by you alone, when the service is ready: addresses and credentials as JSON.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def settings_of(flags: dict[str, str | None], config: Path | None) -> Settings:
    """Return the settings with what was given on the command line; raise ``BadSetting``."""
    given = {name: text for name, text in flags.items() if text is not None}
    tree: dict[str, dict[str, Any]] = {name: {"address": given[name]} for name in _ADDRESS_FLAGS if name in given}
    places = {
        "data": ("data", "folder"),
        "hostname": ("public", "hostname"),
        "https_cert": ("https", "certificate_file"),
        "https_key": ("https", "private_key_file"),
    }
    for name, (section, key) in places.items():
        if name in given:
            tree.setdefault(section, {})[key] = given[name]
    return load_settings(tree, os.environ, config)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="cloudstead %(version)s")
def commands() -> None:
    """Run a device cloud that you own: identities, MQTT, shadows and searchable observations in one process."""


@commands.command()
@_listening
def serve(config: Path | None, ready_file: Path | None, **flags: str | None) -> None:
    """Serve the accounts of the data folder."""
    _run(settings_of(flags, config), ready_file, demo=False)


@commands.command()
@_listening
def demo(config: Path | None, ready_file: Path | None, **flags: str | None) -> None:
    """Serve, with an account, an administrator and this machine as its first thing."""
    _run(settings_of(flags, config), ready_file, demo=True)


@commands.command()
@click.option("--bundle", type=click.Path(path_type=Path), help="Folder or zip with the certificate.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    help="Archive of ProvisionDevice, to register with once; --bundle is then where the certificate is kept.",
)
@click.option("--mqtts", type=_AddressType(), help="Where the cloud listens for devices; an archive says it itself.")
@click.option("--ca", type=click.Path(path_type=Path), help="Certificate to trust; else the bundle's own.")
@click.option("--thing", metavar="NAME", help="Name of the thing, when the bundle holds several.")
@click.option(
    "--interval", default=1.0, show_default=True, type=click.FloatRange(0.2, 3600), help="Seconds per report."
)
@click.option("--log-format", default="auto", show_default=True, type=click.Choice(["auto", "json", "console"]))
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning", "error"])
)
@click.option("--parent", type=int, hidden=True)
def agent(
    *,
    bundle: Path | None,
    archive: Path | None,
    mqtts: Address | None,
    ca: Path | None,
    thing: str | None,
    interval: float,
    log_format: str,
    log_level: str,
    parent: int | None,
) -> None:
    """Report this machine's figures as a thing, every second or as often as its shadow wishes."""
    from cloudstead.app.agent.command import run_agent  # noqa: PLC0415  # each command loads what it needs
    from cloudstead.app.logs import configure_logging  # noqa: PLC0415
    from cloudstead.app.settings import LoggingSettings  # noqa: PLC0415

    configure_logging(LoggingSettings(format=log_format, level=log_level))
    if archive is not None:
        from cloudstead.app.agent.provisioned import run_provisioned  # noqa: PLC0415

        folder = bundle or archive.with_suffix("")
        run_provisioned(archive, folder=folder, address=mqtts, ca_file=ca, interval_s=interval)
        return
    if bundle is None or mqtts is None:
        raise click.UsageError("Say --bundle and --mqtts, or --archive.")
    run_agent(bundle, address=mqtts, ca_file=ca, thing_name=thing, interval_s=interval, parent=parent)


@commands.command()
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file (TOML).")
@click.option("--data", metavar="DIR", help="Data folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(config: Path | None, data: str | None, *, as_json: bool) -> None:
    """Look for what stands in the way and say what to do; exit code 1 when something does."""
    from cloudstead.app.doctor import examine  # noqa: PLC0415  # each command loads what it needs
    from cloudstead.app.doctor.report import print_json, print_table  # noqa: PLC0415
    from cloudstead.app.logs import configure_logging  # noqa: PLC0415

    settings = settings_of({"data": data}, config)
    configure_logging(settings.logging)
    findings = examine(settings)
    (print_json if as_json else print_table)(findings)
    if any(finding.is_wrong for finding in findings):
        sys.exit(1)


@commands.command()
def version() -> None:
    """Print the version."""
    click.echo(f"cloudstead {__version__}")


def _run(settings: Settings, ready_file: Path | None, *, demo: bool) -> None:
    import uvloop  # noqa: PLC0415  # each command loads what it needs

    from cloudstead.app import server  # noqa: PLC0415
    from cloudstead.app.keys import require_certificate  # noqa: PLC0415
    from cloudstead.app.logs import configure_logging  # noqa: PLC0415
    from cloudstead.app.ready import require_place, write_ready_file  # noqa: PLC0415
    from cloudstead.app.welcome import show_ready  # noqa: PLC0415

    require_certificate(settings.https)
    if ready_file is not None:
        require_place(ready_file)
    configure_logging(settings.logging)
    is_ready = False

    async def ready(report: ReadyReport) -> None:
        nonlocal is_ready
        if ready_file is not None:
            write_ready_file(ready_file, report)
        is_ready = True
        show_ready(report, data=settings.data.folder)

    try:
        operate(lambda: uvloop.run(server.run(settings, demo=demo, ready=ready)), is_starting=lambda: not is_ready)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if is_ready and ready_file is not None:
            ready_file.unlink(missing_ok=True)


def operate(work: Callable[[], T], *, is_starting: Callable[[], bool] = lambda: True) -> T:
    """Run ``work``; what the operator can put right, and only while starting, becomes ``CannotStart``."""
    from cloudstead.log.errors import LogError  # noqa: PLC0415  # each command loads what it needs
    from cloudstead.storage.sql.errors import StoreError  # noqa: PLC0415

    try:
        return work()
    except Exception as error:
        cause: BaseException = error
        # A task group wraps the one failure that ended it.
        while isinstance(cause, BaseExceptionGroup) and len(cause.exceptions) == 1:
            cause = cause.exceptions[0]
        if is_starting() and isinstance(cause, CannotStart | StoreError | LogError | OSError):
            raise CannotStart(str(cause)) from error
        raise


commands.add_command(access_key)
commands.add_command(account)
commands.add_command(person)
commands.add_command(replay)
commands.add_command(trace)


def main() -> NoReturn:
    """Run the command line and end the process."""
    try:
        commands()
    except (CannotStart, BadSetting) as error:
        click.echo(f"cloudstead: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    sys.exit(0)
