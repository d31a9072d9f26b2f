"""People on the wire (Cloud Connect 2.11, section 13). What is not known of somebody is the empty text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import BUILT_IN_ROLES
from cloudstead.core.access.roles import shown_as
from cloudstead.core.caller import Grant
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import DomainId
from cloudstead.core.patch import ABSENT
from cloudstead.core.people.listing import SortKey
from cloudstead.core.people.profile import ProfileChange
from cloudstead.dialects.cloud_connect.call import PropertyMissing
from cloudstead.dialects.cloud_connect.shapes.auth import ROLES
from cloudstead.dialects.cloud_connect.shapes.inputs import as_text, given
from cloudstead.dialects.cloud_connect.shapes.selection import pick
from cloudstead.dialects.cloud_connect.shapes.text import without_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.patch import Patched
    from cloudstead.core.people.listing import PeoplePage
    from cloudstead.core.people.model import Member
    from cloudstead.dialects.cloud_connect.shapes.inputs import ChangedPerson, ChangedProfile, NewPerson, SignUp

SORT_KEYS: Final = MappingProxyType(
    {
        "userName": SortKey.USER_NAME,
        "firstName": SortKey.FIRST_NAME,
        "lastName": SortKey.LAST_NAME,
        "email": SortKey.EMAIL,
        "phone": SortKey.PHONE,
        "company": SortKey.COMPANY,
        "address": SortKey.ADDRESS,
        "zip": SortKey.ZIP,
        "city": SortKey.CITY,
        "country": SortKey.COUNTRY,
        "roleName": SortKey.ROLE,
        "domainName": SortKey.DOMAIN,
    }
)
"""What can be selected, and what a list can be ordered by."""

_OPTIONAL: Final = frozenset({"phone", "company", "address", "zip", "city", "country"})
_FLAGS: Final = MappingProxyType[object, bool]({"true": True, "false": False})


def role_name(grant: Grant | None) -> str:
    """Return a role as this wire calls it; empty where there is none yet."""
    return "" if grant is None else shown_as(grant, ROLES) or ROLES[0]


ROLES_SHOWN: Final = MappingProxyType(
    {
        name: frozenset(role for role in BUILT_IN_ROLES if role_name(Grant(DomainId(ROOT_ID), role)) == name)
        for name in ROLES
    }
)
"""The roles that this wire cannot tell from one of its own."""


def roles_called(text: str) -> tuple[str, ...]:
    """Return the roles whose name on this wire holds the text, whatever its case."""
    folded = text.casefold()
    return tuple(role for name, roles in ROLES_SHOWN.items() if folded in name.casefold() for role in sorted(roles))


def one_person(member: Member) -> dict[str, Any]:
    """Return the person as CREATE and UPDATE do: what may be missing is left out where it is."""
    return {name: value for name, value in _all(member).items() if value or name not in _OPTIONAL}


def selected_person(member: Member, selected: frozenset[str]) -> dict[str, Any]:
    """Return what was selected; ``enabled``, which is ours, shows whether somebody was disabled."""
    return pick(_all(member) | {"enabled": "true" if member.person.is_enabled else "false"}, selected)


def listed(page: PeoplePage, selected: frozenset[str]) -> dict[str, Any]:
    """Return the page as LIST does: everything when nothing that can be selected was."""
    known = frozenset(SORT_KEYS) | {"enabled"}
    chosen = selected & known or frozenset(SORT_KEYS)
    return {
        "users": [selected_person(each, chosen) for each in page.members],
        "totalPages": page.total_pages,
        "page": page.page,
        "metadata": {
            "count": {
                "all": page.counts.all,
                "active": page.counts.active,
                "pending": page.counts.pending,
                "unconfirmed": page.counts.unconfirmed,
            }
        },
    }


def asked_profile(asked: SignUp | NewPerson | ChangedPerson | ChangedProfile) -> ProfileChange:
    """Return the change that the fields of a profile ask for: a null or an empty text clears what may be missing."""
    return ProfileChange(
        first_name=given(asked.first_name),
        last_name=given(asked.last_name),
        email=given(asked.email),
        phone=as_text(asked.phone),
        company=as_text(asked.company),
        address=as_text(asked.address),
        zip=as_text(asked.zip),
        city=as_text(asked.city),
        country=as_text(asked.country),
    )


def asked_flag(value: object) -> Patched[bool]:
    """Read ``enabled``: the texts of the document, and the flags that everybody would send."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, bool):
        return value
    flag = _FLAGS.get(value) if isinstance(value, str) else None
    if flag is None:
        raise InvalidField("enabled", "must be 'true' or 'false'")
    return flag


def asked_names(value: object) -> Sequence[str]:
    """Read one user name or a list of them."""
    names = [without_number(each) for each in (value if isinstance(value, list) else [value])]
    if not names or any(each in (None, "") for each in names):
        raise PropertyMissing("userName")
    if not all(isinstance(each, str) for each in names):
        raise InvalidField("user_name", "must be a user name or a list of them")
    return [str(each) for each in names]


def _all(member: Member) -> dict[str, str]:
    person, home = member.person, member.home
    return {
        "userName": person.user_name,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "email": person.email,
        "phone": person.phone,
        "company": person.company,
        "address": person.address,
        "zip": person.zip,
        "city": person.city,
        "country": person.country,
        "roleName": role_name(home),
        "domainName": "" if home is None else home.domain_id,
    }
