"""Statements that list and count people: one text for each order, category and kind of filter.

Order and filter are done by the engine, so that a page costs memory for a page. An account's people lie together in
the index of user names; the other orders sort what the filters leave.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, func, or_, select

from cloudstead.core.people.listing import ROLE_RANK, Category, Counts, SortKey
from cloudstead.storage.sql.statements import Statement
from cloudstead.storage.sql.tables import membership_grants, people
from cloudstead.storage.sql.tables_people import person_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, ColumnElement, Select

    from cloudstead.core.ids import AccountId
    from cloudstead.core.people.listing import PeopleQuery, PeopleScope
    from cloudstead.storage.sql.statements import Words

_HOME = membership_grants.alias("home")
_ESCAPE = "\\"


@cache
def page_statement(sort: SortKey, category: Category, *, is_scoped: bool, is_filtered: bool) -> Statement:
    """Return the statement of one page; it takes ``filter_values``, the size and how many people come before."""

    def build(words: Words) -> Select[Any]:
        chosen = select(people, _HOME.c.domain_id, _HOME.c.role)
        found = _filtered(chosen, words, is_scoped=is_scoped, is_filtered=is_filtered)
        for condition in _in_category(category):
            found = found.where(condition)
        order = [*_order(sort), people.c.user_name]
        return found.order_by(*order).limit(bindparam("size")).offset(bindparam("before"))

    return Statement(build, *_filters(is_scoped=is_scoped, is_filtered=is_filtered), "size", "before")


@cache
def count_statement(*, is_scoped: bool, is_filtered: bool) -> Statement:
    """Return the statement that counts all categories; it takes ``filter_values``."""

    def build(words: Words) -> Select[Any]:
        has_home = _HOME.c.domain_id.is_not(None)
        counted = select(people.c.is_confirmed, has_home, func.count())
        return _filtered(counted, words, is_scoped=is_scoped, is_filtered=is_filtered).group_by(
            people.c.is_confirmed, has_home
        )

    return Statement(build, *_filters(is_scoped=is_scoped, is_filtered=is_filtered))


def filter_values(account_id: AccountId, scope: PeopleScope, query: PeopleQuery) -> tuple[object, ...]:
    """Return the values that the filters take."""
    values: list[object] = [account_id]
    if scope.domain_ids is not None:
        values.append(list(scope.domain_ids))
    if query.free_text:
        folded = query.free_text.casefold()
        for special in (_ESCAPE, "%", "_"):
            folded = folded.replace(special, _ESCAPE + special)
        values += [f"%{folded}%", list(query.roles)]
    return tuple(values)


def read_counts(rows: Sequence[Sequence[Any]]) -> Counts:
    """Return the counts from rows of flags and numbers."""
    active = pending = unconfirmed = 0
    for is_confirmed, has_home, number in rows:
        if not is_confirmed:
            unconfirmed += number
        elif has_home:
            active += number
        else:
            pending += number
    return Counts(active, pending, unconfirmed)


def _filters(*, is_scoped: bool, is_filtered: bool) -> list[str]:
    return ["account_id", *(["domain_ids"] if is_scoped else []), *(["free_text", "roles"] if is_filtered else [])]


def _filtered(chosen: Select[Any], words: Words, *, is_scoped: bool, is_filtered: bool) -> Select[Any]:
    at_home = (
        (_HOME.c.account_id == people.c.home_account_id) & (_HOME.c.person_id == people.c.id) & (_HOME.c.position == 0)
    )
    tables = people.join(_HOME, at_home) if is_scoped else people.outerjoin(_HOME, at_home)
    if is_filtered:
        tables = tables.join(person_texts, person_texts.c.person_id == people.c.id)
    found = chosen.select_from(tables).where(people.c.home_account_id == bindparam("account_id"))
    if is_scoped:
        found = found.where(words.any_of(_HOME.c.domain_id, "domain_ids"))
    if is_filtered:
        pattern: BindParameter[str] = bindparam("free_text")
        found = found.where(
            or_(
                person_texts.c.text.like(pattern, escape=_ESCAPE),
                func.lower(_HOME.c.domain_id).like(pattern, escape=_ESCAPE),
                words.any_of(_HOME.c.role, "roles"),
            )
        )
    return found


def _in_category(category: Category) -> list[ColumnElement[bool]]:
    has_home = _HOME.c.domain_id.is_not(None)
    confirmed = people.c.is_confirmed.is_(True)
    conditions: dict[Category, list[ColumnElement[bool]]] = {
        Category.ALL: [],
        Category.ACTIVE: [confirmed, has_home],
        Category.PENDING: [confirmed, ~has_home],
        Category.UNCONFIRMED: [people.c.is_confirmed.is_(False)],
    }
    return conditions[category]


def _order(sort: SortKey) -> list[ColumnElement[Any]]:
    """Return what to order by before the user name; the two engines disagree on where NULL belongs."""
    if sort is SortKey.ROLE:
        ranked = ((_HOME.c.role == role, rank) for role, rank in ROLE_RANK.items())
        # Roles that somebody of the account has made are shown as the narrowest, and rank with it.
        return [case(*ranked, (_HOME.c.role.is_not(None), min(ROLE_RANK.values())), else_=0)]
    if sort is SortKey.DOMAIN:
        return [func.coalesce(_HOME.c.domain_id, "")]
    return [] if sort is SortKey.USER_NAME else [people.c[sort.value]]
