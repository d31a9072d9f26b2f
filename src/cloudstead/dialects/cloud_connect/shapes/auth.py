"""What LOGIN and REFRESH answer (Cloud Connect 2.11, section 2.1.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.roles import shown_as

if TYPE_CHECKING:
    from cloudstead.core.people.model import Login

ROLES: Final = ("Read", "ReadWrite")
"""The roles that this wire knows, the narrower first. An administrator is shown as ReadWrite."""


def login_answer(login: Login) -> dict[str, Any]:
    """Return the person and the credentials; who has no place in the account yet is shown with the lesser role."""
    person, grants = login.person, login.membership.grants
    user = {
        "userName": person.user_name,
        "roleName": (shown_as(grants[0], ROLES) if grants else None) or ROLES[0],
        "firstName": person.first_name,
        "lastName": person.last_name,
        "email": person.email,
    }
    if grants:
        user["domainName"] = grants[0].domain_id
    return {
        "user": user,
        "credentials": {
            "identityId": login.identity_id,
            "token": login.id_token,
            "refreshToken": login.refresh_token,
        },
    }
