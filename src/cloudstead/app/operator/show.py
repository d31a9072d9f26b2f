"""What the terminal says to an operator: lists that are there to be read and copied, or JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloudstead.app.welcome import list_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.app.operator.asks import (
        AccessKeyLine,
        AccessKeyMade,
        AccountLine,
        AccountOpened,
        AccountShown,
        LinkMade,
        PasswordSet,
        Policy,
    )


def show_json(shown: object) -> None:
    """Print whatever it is as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())


def show_accounts(listed: Sequence[AccountLine], *, console: Console | None = None) -> None:
    """Print accounts, one on each line."""
    out = console or _console()
    if not listed:
        out.print("There is no account yet.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("Number", "Name", "Status", "Above", "Hosts"):
        table.add_column(name, overflow="fold")
    for each in listed:
        cells = (each.number, each.name, each.status.lower(), each.parent or "", ", ".join(each.hosts))
        table.add_row(*map(Text, cells))
    out.print(table)


def show_account(shown: AccountShown, *, console: Console | None = None) -> None:
    """Print all of an account."""
    out = console or _console()
    rows = [
        ("Account", f"{shown.name} ({shown.number})"),
        ("Id", shown.id),
        ("Status", shown.status.lower()),
        ("Above", shown.parent),
        ("Hosts", ", ".join(shown.hosts) or "none"),
        ("Created", shown.created_at),
        ("Expires", shown.expires_at),
        ("Tier", shown.tier),
        ("Tenants", str(shown.tenants)),
        ("First user", shown.administrator),
        ("MQTT", shown.mqtt_profile.value),
        ("Stack", shown.stack),
        ("Identities", shown.identity_pool),
        ("User pool", shown.user_pool),
        ("Functions", shown.function_suffix),
    ]
    list_rows(out, rows)
    show_limits(shown, console=out)
    show_policies(shown, console=out)


def show_limits(shown: AccountShown, *, console: Console | None = None) -> None:
    """Print the limits of an account, and which of them were set."""
    limits = [f"{each.name} {each.value}{' (set)' if each.is_set else ''}" for each in shown.limits]
    _many(console or _console(), "Limits", limits)


def show_policies(shown: AccountShown, *, console: Console | None = None) -> None:
    """Print what an account's policies say, those of the account above included."""
    policies = [
        *map(_policy, shown.policies),
        *(f"{_policy(each)} (by the account above)" for each in shown.inherited),
    ]
    _many(console or _console(), "Policies", policies or ["none: every feature is part of the account"])


def show_opened(opened: AccountOpened, *, console: Console | None = None) -> None:
    """Print a new account with the secrets of its administrator."""
    out = console or _console()
    rows = [
        ("Account", f"{opened.name} ({opened.number})"),
        ("Hosts", ", ".join(opened.hosts)),
        ("User", opened.user_name),
        ("Password", opened.password),
        ("API key", opened.api_key),
    ]
    list_rows(out, rows)
    out.print("The password and the API key are stored nowhere readable: keep them now.")


def show_password(done: PasswordSet, *, console: Console | None = None) -> None:
    """Print whose password was set and, where we made it, what it is."""
    out = console or _console()
    rows = [
        ("Account", f"{done.account} ({done.account_number})"),
        ("User", done.user_name),
        ("Password", done.password),
    ]
    list_rows(out, rows)
    if done.obstacle is not None:
        out.print(f"The password is set, but it does not let the user in yet: {done.obstacle}.")


def show_link(made: LinkMade, *, console: Console | None = None) -> None:
    """Print a link, and what it is worth."""
    out = console or _console()
    rows = [
        ("Account", f"{made.account} ({made.account_number})"),
        ("User", made.user_name),
        ("Link", made.link),
        ("Good until", made.expires_at),
    ]
    list_rows(out, rows)
    out.print("Whoever has the link can set the password, once: give it to the user alone.")


def show_access_key(made: AccessKeyMade, *, console: Console | None = None) -> None:
    """Print a new access key as programs take it from the environment."""
    out = console or _console()
    rows = [
        ("Account", f"{made.account} ({made.account_number})"),
        ("User", made.user_name),
        ("Domain", made.domain),
        ("Key", made.id),
        ("Secret", made.secret),
        ("Region", made.region),
    ]
    list_rows(out, rows)
    out.print("The secret is shown here and never again: keep it now.")
    if made.obstacle is not None:
        out.print(f"The key is made, but it opens nothing yet: {made.obstacle}.")


def show_access_keys(listed: Sequence[AccessKeyLine], *, console: Console | None = None) -> None:
    """Print access keys, one on each line."""
    out = console or _console()
    if not listed:
        out.print("There is no access key yet.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("Key", "User", "Domain", "Status", "Created"):
        table.add_column(name, overflow="fold")
    for each in listed:
        status = "active" if each.is_active else "inactive"
        table.add_row(*map(Text, (each.id, each.user_name, each.domain or "", status, each.created_at)))
    out.print(table)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _policy(policy: Policy) -> str:
    actions = f":{','.join(policy.actions)}" if policy.actions else ""
    return f"{'allow' if policy.is_allowed else 'deny'} {policy.feature}{actions}"


def _many(out: Console, name: str, values: Sequence[str]) -> None:
    list_rows(out, [(name if number == 0 else "", value) for number, value in enumerate(values)])
