"""Profiles of accounts: the few columns that lists filter by, and a document with the rest."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import bindparam, not_, null, select

from cloudstead.core.accounts.profile import AccountProfile
from cloudstead.storage.sql.statements import WANTED, Statement, putting
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables import accounts
from cloudstead.storage.sql.tables_accounts import account_profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from cloudstead.core.accounts.listing import AccountQuery
    from cloudstead.storage.sql.statements import Words

_profiles: Final = account_profiles.c
# These have columns of their own.
_APART: Final = ("account_id", "tier", "end_market", "version", "updated_at_ms")
WIDTH: Final = len(accounts.c)
FILTERS: Final = ("statuses", "not_statuses", "tier", "end_market", "country_like")
_ESCAPE: Final = "\\"

PUT_PROFILE: Final = putting(account_profiles, "account_id")
PROFILE: Final = Statement(
    lambda _: select(account_profiles).where(_profiles.account_id == bindparam("account_id")), "account_id"
)
PROFILES: Final = Statement(
    lambda words: select(account_profiles).where(words.any_of(_profiles.account_id, "ids")), "ids"
)
DUE: Final = Statement(
    lambda _: (
        select(accounts, account_profiles)
        .select_from(accounts.join(account_profiles, _profiles.account_id == accounts.c.id))
        .where(_profiles.due_at_ms <= bindparam("now_ms"))
        .order_by(_profiles.due_at_ms)
        .limit(bindparam("limit_"))
    ),
    "now_ms",
    "limit_",
)

TAKE_DUE: Final = Statement(
    lambda _: (
        account_profiles.update()
        .where(_profiles.account_id == bindparam(WANTED + "account_id"))
        .where(_profiles.due_at_ms <= bindparam("now_ms"))
        .values(due_at_ms=null())
    ),
    "account_id",
    "now_ms",
)


def profile_values(profile: AccountProfile) -> tuple[object, ...]:
    """Return a profile's columns in their order."""
    details = {name: value for name, value in msgspec.to_builtins(profile).items() if name not in _APART}
    return (
        profile.account_id,
        profile.tier.value,
        profile.end_market,
        profile.country.casefold(),
        msgspec.json.encode(details).decode(),
        profile.version,
        profile.updated_at_ms,
        profile.due_at_ms,
    )


def profile_of_row(row: Sequence[Any]) -> AccountProfile:
    """Return the profile that a row holds."""
    account_id, tier, end_market, _, details, version, updated_at_ms, _ = row
    return msgspec.convert(
        {
            **msgspec.json.decode(details),
            "account_id": account_id,
            "tier": tier,
            "end_market": end_market,
            "version": version,
            "updated_at_ms": updated_at_ms,
        },
        AccountProfile,
    )


@cache
def tenant_pages(filters: frozenset[str]) -> Pages:
    """Return the pages of tenants with exactly these filters, whose values follow that of ``parent_id`` in order."""

    def build(words: Words) -> Select[Any]:
        chosen = (
            select(accounts, account_profiles)
            .select_from(accounts.join(account_profiles, _profiles.account_id == accounts.c.id))
            .where(accounts.c.parent_id == bindparam("parent_id"))
        )
        conditions = {
            "statuses": words.any_of(accounts.c.status, "statuses"),
            "not_statuses": not_(words.any_of(accounts.c.status, "not_statuses")),
            "tier": _profiles.tier == bindparam("tier"),
            "end_market": _profiles.end_market == bindparam("end_market"),
            "country_like": _profiles.country_folded.like(bindparam("country_like"), escape=_ESCAPE),
        }
        for name in FILTERS:
            if name in filters:
                chosen = chosen.where(conditions[name])
        return chosen

    return Pages.of(build, accounts.c.id, "parent_id", *(name for name in FILTERS if name in filters))


def filter_values(query: AccountQuery) -> dict[str, object]:
    """Return the filters that are given, in the order of ``FILTERS``, as ``tenant_pages`` wants them."""
    like = query.country_like
    values: dict[str, object | None] = {
        "statuses": None if query.statuses is None else [each.value for each in query.statuses],
        "not_statuses": None if query.not_statuses is None else [each.value for each in query.not_statuses],
        "tier": query.tier,
        "end_market": query.end_market,
        "country_like": None if like is None else f"%{_escaped(like.casefold())}%",
    }
    return {name: value for name, value in values.items() if value is not None}


def split_row(row: Sequence[Any]) -> tuple[Sequence[Any], AccountProfile]:
    """Return the account's part of a row, and the profile that the rest holds."""
    return row[:WIDTH], profile_of_row(row[WIDTH:])


def _escaped(text: str) -> str:
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return text
