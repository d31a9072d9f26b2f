"""UserLambda (Cloud Connect 2.11, section 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import DomainId
from cloudstead.core.patch import ABSENT
from cloudstead.core.people.errors import LoginRefused, NotOneself, OldPasswordWrong
from cloudstead.core.people.listing import LARGEST_PAGE, Category, PeopleQuery
from cloudstead.core.people.password_rules import shortest_in_cloud_connect
from cloudstead.core.people.profile import require_password
from cloudstead.core.people.registry import PersonChange
from cloudstead.dialects.cloud_connect.call import PropertyMissing
from cloudstead.dialects.cloud_connect.shapes.auth import ROLES
from cloudstead.dialects.cloud_connect.shapes.people import (
    SORT_KEYS,
    asked_flag,
    asked_names,
    asked_profile,
    listed,
    one_person,
    role_name,
    roles_called,
    selected_person,
)

if TYPE_CHECKING:
    from cloudstead.core.patch import Patched
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import (
        ChangedPerson,
        ChangedProfile,
        ListedPeople,
        NewPerson,
        Nothing,
        OnePerson,
        RemovedPeople,
        UserData,
    )


async def create(backend: Backend, call: Call[NewPerson]) -> object:
    """Add a user who can log in at once."""
    new = call.input
    role = _role(new.role_name)
    await _require_password(backend, call, new.password)
    password_hash = await backend.hasher.hash(new.password)
    member = await backend.database.write(
        lambda unit: backend.people.create(
            unit,
            call.caller,
            user_name=new.user_name,
            password_hash=password_hash,
            profile=asked_profile(new),
            role=role,
            domain_id=DomainId(new.domain_name),
        )
    )
    return one_person(member)


async def reset_password(backend: Backend, call: Call[OnePerson]) -> object:
    """Shut a user out until a new password is set, and mail the link that sets it."""
    await backend.database.write(
        lambda unit: backend.people.reset_password(unit, call.caller, user_name=call.input.user_name)
    )
    return {}


async def get(backend: Backend, call: Call[OnePerson]) -> object:
    """Return one user with what was selected."""
    member = await backend.database.read(
        lambda unit: backend.people.get(unit, call.caller, user_name=call.input.user_name)
    )
    return selected_person(member, call.selected | {"userName"})


async def show_all(backend: Backend, call: Call[ListedPeople]) -> object:
    """List users of a category, page by page, with how many there are of each."""
    asked = call.input
    wanted = asked.filter
    free_text = (wanted and wanted.free_text) or ""
    query = PeopleQuery(
        category=_category((wanted and wanted.category) or Category.ACTIVE),
        free_text=free_text,
        roles=roles_called(free_text),
        sort=SORT_KEYS[_sort_prop(asked.sort_prop or "userName")],
        page=1 if asked.page is None else asked.page,
        size=LARGEST_PAGE if asked.size is None else asked.size,
    )
    return listed(
        await backend.database.scan(lambda unit: backend.people.page(unit, call.caller, query)), call.selected
    )


async def remove(backend: Backend, call: Call[RemovedPeople]) -> object:
    """Remove one user or several, all of them or none."""
    names = asked_names(call.input.user_name)
    await backend.database.write(lambda unit: backend.people.remove(unit, call.caller, user_names=names))
    return {}


async def update(backend: Backend, call: Call[ChangedPerson]) -> object:
    """Change a user; a role and a domain let a pending one in."""
    asked = call.input
    role: Patched[str] = _role(asked.role_name) if asked.role_name else ABSENT
    password_hash: Patched[str] = ABSENT
    if asked.password:
        await _require_password(backend, call, asked.password)
        password_hash = await backend.hasher.hash(asked.password)
    change = PersonChange(
        profile=asked_profile(asked),
        role=role,
        shown_alike=lambda grant: role_name(grant) == role,
        domain_id=DomainId(asked.domain_name) if asked.domain_name else ABSENT,
        is_enabled=asked_flag(asked.enabled),
        password_hash=password_hash,
    )
    member = await backend.database.write(
        lambda unit: backend.people.update(unit, call.caller, user_name=asked.user_name, change=change)
    )
    return one_person(member)


async def update_profile(backend: Backend, call: Call[ChangedProfile]) -> object:
    """Change one's own profile, which the password is no part of."""
    asked = call.input
    # The two fields are in no table, but an error about them is (section 13.1.7.3).
    if call.attributes.get("password"):
        await _refuse_password(backend, call)
    member = await backend.database.write(
        lambda unit: backend.people.update_profile(
            unit, call.caller, user_name=asked.user_name, profile=asked_profile(asked)
        )
    )
    return one_person(member)


async def get_user_data(backend: Backend, call: Call[Nothing]) -> object:
    """Return what the caller has stored for oneself."""
    return await backend.database.read(lambda unit: backend.people.user_data(unit, call.caller))


async def update_user_data(backend: Backend, call: Call[UserData]) -> object:
    """Store any object for oneself, in place of the one before; its key tcxn is passed over."""
    if not call.has_attributes:
        raise PropertyMissing("attributes")  # an empty object clears, a forgotten one should not

    def work(unit: Unit) -> object:
        return {"attributes": backend.people.put_user_data(unit, call.caller, call.attributes)}

    return await backend.database.write(work)


async def _refuse_password(backend: Backend, call: Call[ChangedProfile]) -> None:
    if call.input.user_name != call.caller.user_name or call.caller.person_id is None:
        raise NotOneself
    old = call.attributes.get("oldPassword")
    if not isinstance(old, str):
        raise OldPasswordWrong
    try:
        await backend.sign_in.prove(
            call.account, call.caller.user_name, password=old, source_address=call.source_address
        )
    except LoginRefused:
        raise OldPasswordWrong from None
    raise InvalidField("password", "cannot be changed here; use the link that FORGOT_PASSWORD mails")


def _role(name: str) -> str:
    if name not in ROLES:
        raise InvalidField("role_name", f"must be one of {', '.join(ROLES)}")
    return name


def _category(name: str) -> Category:
    try:
        return Category(name)
    except ValueError:
        raise InvalidField("filter", f"the category must be one of {', '.join(Category)}") from None


def _sort_prop(name: str) -> str:
    if name not in SORT_KEYS:
        raise InvalidField("sort_prop", f"must be one of {', '.join(SORT_KEYS)}")
    return name


async def _require_password(backend: Backend, call: Call[Any], password: str) -> None:
    shortest = await backend.database.read(lambda unit: shortest_in_cloud_connect(unit, call.caller.account_id))
    require_password(password, shortest=shortest)
