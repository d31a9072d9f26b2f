"""The operator's commands on accounts and people; they work whether the service runs or not.

Each command loads what it needs, for most need little.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cloudstead.app.errors import CannotStart

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.app.operator.asks import AccountShown, Ask

A = TypeVar("A")
F = TypeVar("F", bound="Callable[..., None]")


def _asking(command: F) -> F:
    """Give a command the options that say whom to ask, and how the answer is printed."""
    options = (
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        click.option("--config", type=click.Path(path_type=Path), help="Configuration file (TOML)."),
        click.option("--data", metavar="DIR", help="Data folder."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _ask(asked: Ask[A], *, config: Path | None, data: str | None) -> A:
    from cloudstead.app.cli import operate, settings_of  # noqa: PLC0415
    from cloudstead.app.operator.doors import ask  # noqa: PLC0415

    settings = settings_of({"data": data}, config)
    return operate(lambda: ask(settings, asked))


def _show(answer: A, show: Callable[[A], None], *, as_json: bool) -> None:
    from cloudstead.app.operator.show import show_json  # noqa: PLC0415

    (show_json if as_json else show)(answer)


@click.group()
def account() -> None:
    """See and change accounts. ACCOUNT is a host name that it answers to, its number or its id."""


@account.command()
@_asking
@click.option("--name", required=True, help="Name of the account.")
@click.option("--user", "user_name", required=True, help="User name of its administrator.")
@click.option("--email", help="Mail address of the administrator.")
@click.option("--host", "hosts", multiple=True, help="Host name that the account answers to; may be repeated.")
@click.option(
    "--mqtt-profile",
    default="aws-2017",
    show_default=True,
    type=click.Choice(["aws-2017", "standard"]),
    help="Limits of its MQTT clients; persistent sessions, QoS 2 and shared subscriptions need the second.",
)
def create(
    *, name: str, user_name: str, email: str | None, hosts: tuple[str, ...], mqtt_profile: str, **how: Any
) -> None:
    """Open an account with an administrator; the data folder is made when it is missing."""
    from cloudstead.app.operator.asks import OpenAccount  # noqa: PLC0415
    from cloudstead.app.operator.show import show_opened  # noqa: PLC0415
    from cloudstead.core.accounts.model import MqttProfile  # noqa: PLC0415

    as_json = how.pop("as_json")
    asked = OpenAccount(
        name=name, user_name=user_name, email=email, hosts=list(hosts), mqtt_profile=MqttProfile(mqtt_profile)
    )
    _show(_ask(asked, **how), show_opened, as_json=as_json)


@account.command("list")
@_asking
def list_all(*, as_json: bool, **where: Any) -> None:
    """List all accounts, oldest first, with the host names that they answer to."""
    from cloudstead.app.operator.asks import AccountLine, ListAccounts  # noqa: PLC0415
    from cloudstead.app.operator.show import show_accounts  # noqa: PLC0415

    listed: list[AccountLine] = []
    after: str | None = None
    while True:
        page = _ask(ListAccounts(after=after), **where)
        listed += page.accounts
        after = page.after
        if after is None:
            break
    _show(listed, show_accounts, as_json=as_json)


@account.command("show")
@click.argument("named", metavar="ACCOUNT")
@_asking
def show_one(*, named: str, as_json: bool, **where: Any) -> None:
    """Show all of ACCOUNT: names, status, limits, policies."""
    from cloudstead.app.operator.asks import ShowAccount  # noqa: PLC0415
    from cloudstead.app.operator.show import show_account  # noqa: PLC0415

    _show(_ask(ShowAccount(account=named), **where), show_account, as_json=as_json)


@account.command()
@click.argument("named", metavar="ACCOUNT")
@click.option("--only-writes", is_flag=True, help="Let its people and keys in, but to look only.")
@_asking
def suspend(*, named: str, only_writes: bool, as_json: bool, **where: Any) -> None:
    """Let nobody and nothing of ACCOUNT in any more; whoever is connected is cut off. Its tenants go on."""
    _put_status(named, "RESTRICTED" if only_writes else "SUSPENDED", as_json=as_json, **where)


@account.command()
@click.argument("named", metavar="ACCOUNT")
@_asking
def resume(*, named: str, as_json: bool, **where: Any) -> None:
    """Let ACCOUNT do everything again; if it had run out, it has no end any more."""
    _put_status(named, "ACTIVE", as_json=as_json, **where)


@account.command()
@click.argument("named", metavar="ACCOUNT")
@click.argument("name", required=False)
@click.argument("value", required=False)
@_asking
def limit(*, named: str, name: str | None, value: str | None, as_json: bool, **where: Any) -> None:
    """Show the limits of ACCOUNT, or set the one called NAME to VALUE: a number, or "default"."""
    from cloudstead.app.operator.asks import PutLimits, ShowAccount  # noqa: PLC0415
    from cloudstead.app.operator.show import show_limits  # noqa: PLC0415

    if (name is None) is not (value is None):
        raise click.UsageError('A limit needs a value: a number, or "default".')
    if name is None or value is None:
        _show(_ask(ShowAccount(account=named), **where), show_limits, as_json=as_json)
        return
    if value != "default" and not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise click.UsageError(f'{value!r} is neither a number of at most nine digits nor "default".')
    limits = {name: None if value == "default" else int(value)}
    _show(_ask(PutLimits(account=named, limits=limits), **where), show_limits, as_json=as_json)


@account.command()
@click.argument("named", metavar="ACCOUNT")
@click.option("--deny", multiple=True, metavar="FEATURE[:ACTIONS]", help="Take it away; may be repeated.")
@click.option("--allow", multiple=True, metavar="FEATURE[:ACTIONS]", help="Give back some of what is denied.")
@click.option("--forget", multiple=True, metavar="FEATURE[:ACTIONS]", help="Drop what was said about it.")
@_asking
def policy(
    *, named: str, deny: tuple[str, ...], allow: tuple[str, ...], forget: tuple[str, ...], as_json: bool, **where: Any
) -> None:
    """Show or change which features are part of ACCOUNT and its tenants, such as rule or rule:create,update."""
    from cloudstead.app.operator.asks import PutPolicies, ShowAccount  # noqa: PLC0415
    from cloudstead.app.operator.show import show_policies  # noqa: PLC0415

    asked: Ask[AccountShown] = ShowAccount(account=named)
    if deny or allow or forget:
        asked = PutPolicies(account=named, deny=list(deny), allow=list(allow), forget=list(forget))
    _show(_ask(asked, **where), show_policies, as_json=as_json)


@account.command()
@click.argument("named", metavar="ACCOUNT")
@click.option("--add", multiple=True, metavar="HOST", help="Let the account answer to it; may be repeated.")
@click.option("--remove", multiple=True, metavar="HOST", help="Let the account answer to it no longer.")
@_asking
def alias(*, named: str, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool, **where: Any) -> None:
    """Show or change the host names that ACCOUNT answers to."""
    from cloudstead.app.operator.asks import PutHosts, ShowAccount  # noqa: PLC0415
    from cloudstead.app.operator.show import show_accounts  # noqa: PLC0415

    asked: Ask[AccountShown] = ShowAccount(account=named)
    if add or remove:
        asked = PutHosts(account=named, add=list(add), remove=list(remove))
    _show(_ask(asked, **where), lambda shown: show_accounts([shown]), as_json=as_json)


def _put_status(named: str, status: str, *, as_json: bool, **where: Any) -> None:
    from cloudstead.app.operator.asks import PutStatus  # noqa: PLC0415
    from cloudstead.app.operator.show import show_accounts  # noqa: PLC0415
    from cloudstead.core.accounts.model import AccountStatus  # noqa: PLC0415

    shown = _ask(PutStatus(account=named, status=AccountStatus(status)), **where)
    _show(shown, lambda account: show_accounts([account]), as_json=as_json)


@click.group()
def person() -> None:
    """Let people back in."""


_ACCOUNT_OPTION = click.option(
    "--account", "named", metavar="ACCOUNT", help="Host name, number or id; may be left out where there is only one."
)


@person.command("set-password")
@click.argument("user_name", metavar="USER")
@_ACCOUNT_OPTION
@click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read the password from the standard input; else one is made."
)
@_asking
def set_password(*, user_name: str, named: str | None, from_stdin: bool, as_json: bool, **where: Any) -> None:
    """Set the password of USER; whoever is signed in as USER no longer is."""
    from cloudstead.app.operator.asks import SetPassword  # noqa: PLC0415
    from cloudstead.app.operator.show import show_password  # noqa: PLC0415

    password = sys.stdin.readline().rstrip("\n") if from_stdin else None
    if from_stdin and not password:
        raise CannotStart("there is no password on the standard input")
    asked = SetPassword(user_name=user_name, account=named, password=password)
    _show(_ask(asked, **where), show_password, as_json=as_json)


@person.command("reset-link")
@click.argument("user_name", metavar="USER")
@_ACCOUNT_OPTION
@_asking
def reset_link(*, user_name: str, named: str | None, as_json: bool, **where: Any) -> None:
    """Print the link that a mail for a forgotten password would hold; the old password works until it is used."""
    from cloudstead.app.operator.asks import MakeLink  # noqa: PLC0415
    from cloudstead.app.operator.show import show_link  # noqa: PLC0415

    _show(_ask(MakeLink(user_name=user_name, account=named), **where), show_link, as_json=as_json)


@click.group("access-key")
def access_key() -> None:
    """Give people access keys, with which their programs sign AWS-style requests."""


_PERSON_OPTION = click.option("--person", "user_name", metavar="USER", required=True, help="User name of its owner.")


@access_key.command("create")
@_PERSON_OPTION
@_ACCOUNT_OPTION
@click.option("--domain", metavar="ID", help="Domain of what is made with the key; else where its owner is at home.")
@_asking
def create_key(*, user_name: str, named: str | None, domain: str | None, as_json: bool, **where: Any) -> None:
    """Make an access key; its secret is shown here and never again. Everybody has two at most."""
    from cloudstead.app.operator.asks import MakeAccessKey  # noqa: PLC0415
    from cloudstead.app.operator.show import show_access_key  # noqa: PLC0415

    asked = MakeAccessKey(user_name=user_name, account=named, domain=domain)
    _show(_ask(asked, **where), show_access_key, as_json=as_json)


@access_key.command("list")
@_PERSON_OPTION
@_ACCOUNT_OPTION
@_asking
def list_keys(*, user_name: str, named: str | None, as_json: bool, **where: Any) -> None:
    """List the access keys of USER, oldest first."""
    from cloudstead.app.operator.asks import ListAccessKeys  # noqa: PLC0415
    from cloudstead.app.operator.show import show_access_keys  # noqa: PLC0415

    listed = _ask(ListAccessKeys(user_name=user_name, account=named), **where)
    _show(listed.keys, show_access_keys, as_json=as_json)


@access_key.command("remove")
@click.argument("key_id", metavar="KEY")
@click.option("--account", "named", metavar="ACCOUNT", help="Remove it only if it is of that account.")
@_asking
def remove_key(*, key_id: str, named: str | None, as_json: bool, **where: Any) -> None:
    """Let the access key with the id KEY open nothing any more, at once."""
    from cloudstead.app.operator.asks import RemoveAccessKey  # noqa: PLC0415
    from cloudstead.app.operator.show import show_access_keys  # noqa: PLC0415

    removed = _ask(RemoveAccessKey(id=key_id, account=named), **where)
    _show(removed, lambda key: show_access_keys([key]), as_json=as_json)
