"""Who comes by which identity provider, as a condition in other statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, or_, select

from cloudstead.storage.sql.tables_identity_providers import login_profiles

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def comes_by(person_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Compare with the profiles of parameter ``account_id``, for the provider of parameter ``provider_id``.

    The built-in provider bears the account's id; whoever has no profile at all comes by it.
    """
    of_account = select(login_profiles.c.person_id).where(login_profiles.c.account_id == bindparam("account_id"))
    return or_(
        person_id.in_(of_account.where(login_profiles.c.provider_id == bindparam("provider_id"))),
        and_(login_profiles_native(), person_id.not_in(of_account)),
    )


def login_profiles_native() -> ColumnElement[bool]:
    """Tell whether the provider asked for is the built-in one."""
    return bindparam("provider_id", type_=login_profiles.c.provider_id.type) == bindparam(
        "account_id", type_=login_profiles.c.account_id.type
    )
