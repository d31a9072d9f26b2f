"""API keys, as callers see and change them (account management, version 3).

Whoever may have keys at all may make some, and see and change the own ones; administrators decide about all. The
rights of a key are its own grants and those of its groups, never its owner's. One that is put into no group gets what
its maker holds, but never administration.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import holds_at_root, require_at_root
from cloudstead.core.accounts.limits import API_KEYS, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.api_keys import ADMINISTER, named_by, new_secret, public_part
from cloudstead.core.credentials.errors import ApiKeyNotFound, KeyHoldsTooMuch
from cloudstead.core.credentials.events import ApiKeyChanged, ApiKeyWithdrawn
from cloudstead.core.credentials.model import ApiKey
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.ids import ApiKeyId, PersonId, PolicyGroupId
from cloudstead.core.paging import Page
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.people.powers import holds
from cloudstead.core.policygroups.members import require_may_give
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, DEVELOPER_GRANT, GroupKind
from cloudstead.core.policygroups.registry import ADMINISTER as ADMINISTER_GROUPS
from cloudstead.core.policygroups.registry import READ_MEMBERS, is_own
from cloudstead.core.roles.model import is_of_group
from cloudstead.core.texts import require_line
from cloudstead.core.versions import changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.key_uses import KeyUses
    from cloudstead.core.ids import IdSource
    from cloudstead.core.paging import PageRequest
    from cloudstead.core.policygroups.model import CountedGroup, PolicyGroup
    from cloudstead.core.policygroups.registry import PolicyGroups
    from cloudstead.core.unit import Unit

MAX_NAME_CHARS: Final = 100

READ: Final = Permission("api-key:read")
CHANGE: Final = Permission("api-key:change")
READ_ALL: Final = Permission("api-key:read-all")


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as it may be seen: ``text`` without its secret but for the one answer that made it."""

    key: ApiKey
    group_ids: Sequence[PolicyGroupId]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What to change of a key; ``group_ids`` replaces the groups that it is in."""

    name: Patched[str] = ABSENT
    owner_id: Patched[PersonId] = ABSENT
    is_active: Patched[bool] = ABSENT
    group_ids: Patched[tuple[PolicyGroupId, ...]] = ABSENT


class ApiKeys:
    """The API keys of accounts. A key of another account is one that is not there."""

    def __init__(self, clock: Clock, ids: IdSource, groups: PolicyGroups, uses: KeyUses) -> None:
        self._clock = clock
        self._ids = ids
        self._groups = groups
        self._uses = uses
        self._trail = Trail[ApiKey](clock, ids, object_type="api-key", name_of=lambda each: each.id, fields_of=audited)

    def page(
        self,
        unit: Unit,
        acting: Acting,
        request: PageRequest,
        *,
        text: str | None = None,
        owner_id: PersonId | None = None,
    ) -> Page[ShownKey]:
        """Return one page: all keys for administrators, the own ones for others.

        ``text`` names one key, with its secret or without; ``owner_id`` is for administrators, and for oneself.
        """
        caller = acting.caller
        caller.require(READ)
        named = None if text is None else named_by(text, acting.account.id)
        if text is not None and named is None:
            return Page((), None, 0)
        if not holds_at_root(caller, READ_ALL):
            if owner_id is not None and owner_id != caller.person_id:
                raise NotPermitted(READ_ALL)
            owner_id = caller.person_id
            if owner_id is None:
                own = ApiKeyId(caller.principal.removeprefix("key:"))
                if named not in {None, own}:
                    return Page((), None, 0)
                named = own
        found = unit.api_keys.page(acting.account.id, request, owner_id=owner_id, key_id=named)
        if named is not None and owner_id is not None and any(key.owner_id != owner_id for key in found.items):
            return Page((), None, 0)
        return Page(tuple(self.shown(unit, found.items)), found.after, found.total)

    def get(self, unit: Unit, acting: Acting, key_id: ApiKeyId) -> ShownKey:
        """Return a key; raise ``ApiKeyNotFound``, or ``NotPermitted`` for somebody else's."""
        return self._shown(unit, self._seen(unit, acting.caller, key_id, READ, READ_ALL))

    def calling(self, unit: Unit, acting: Acting) -> ApiKey:
        """Return the key that calls; raise ``NotPermitted`` for whoever calls without one."""
        kind, _, key_id = acting.caller.principal.partition(":")
        key = unit.api_keys.get(ApiKeyId(key_id)) if kind == "key" else None
        if key is None:
            raise NotPermitted("ask for the calling API key without one")
        return key

    def create(
        self,
        unit: Unit,
        acting: Acting,
        *,
        name: str,
        owner_id: PersonId | None = None,
        is_active: bool = True,
        group_ids: Sequence[PolicyGroupId] = (),
    ) -> ShownKey:
        """Make a key and show its text, for this once.

        Without ``owner_id`` it belongs to the caller or, where an account acts on a tenant, is refused. Raise
        ``InvalidField``, ``NotPermitted``, ``GroupGivesTooMuch`` and ``AccountLimitExceeded``.
        """
        caller = acting.caller
        caller.require(CHANGE)
        require_line(name, field="name", max_chars=MAX_NAME_CHARS)
        owner = _owner(unit, acting, owner_id)
        groups = self._groups.find_named(unit, caller, group_ids)
        require_may_give(unit, caller, groups)
        require_room(unit, caller.account_id, API_KEYS, used=unit.api_keys.count(caller.account_id))
        now_ms = self._clock.millis()
        secret, secret_hash = new_secret()
        key = ApiKey(
            id=ApiKeyId(self._ids.new()),
            account_id=caller.account_id,
            owner_id=owner,
            name=name,
            secret_hash=secret_hash,
            grants=_first_grants(unit, acting),
            created_at_ms=now_ms,
            is_active=is_active,
            updated_at_ms=now_ms,
        )
        if any(group.kind is GroupKind.ADMINISTRATORS for group in groups):
            key = replace(key, grants=(*key.grants, ADMINISTRATOR_GRANT))
        unit.api_keys.add(key)
        plain = [group for group in groups if group.kind is not GroupKind.ADMINISTRATORS]
        unit.policy_groups.put_keys(plain, [key.id])
        self._trail.made(unit, caller, "api-key.create", key)
        return self._shown(unit, key, secret)

    def update(self, unit: Unit, acting: Acting, key_id: ApiKeyId, change: KeyChange) -> ShownKey:
        """Change a key; raises what ``get`` and ``create`` do, and ``KeyHoldsTooMuch`` where one is to work again."""
        before = self._seen(unit, acting.caller, key_id, CHANGE, ADMINISTER)
        if change.is_active is True and not before.is_active:
            _require_power_of(unit, acting.caller, before)
        return self._shown(unit, self._changed(unit, acting, before, change))

    def reset_secret(self, unit: Unit, acting: Acting, key_id: ApiKeyId, change: KeyChange) -> ShownKey:
        """Give a key another secret and show its text, for this once; the old secret dies at once.

        Raise ``KeyHoldsTooMuch`` when the key may do more than the caller, who would be given its secret.
        """
        seen = self._seen(unit, acting.caller, key_id, CHANGE, ADMINISTER)
        _require_power_of(unit, acting.caller, seen)
        before = self._changed(unit, acting, seen, change)
        secret, secret_hash = new_secret()
        after = replace(before, secret_hash=secret_hash, secret_epoch=before.secret_epoch + 1)
        after = changed(before, after, now_ms=self._clock.millis())
        unit.api_keys.replace(after)
        self._trail.changed(unit, acting.caller, "api-key.reset-secret", before, after)
        unit.emit(ApiKeyChanged(after.id))
        return self._shown(unit, after, secret)

    def remove(self, unit: Unit, acting: Acting, key_id: ApiKeyId) -> None:
        """Remove a key, which opens nothing from then on."""
        key = self._seen(unit, acting.caller, key_id, CHANGE, ADMINISTER)
        unit.api_keys.remove(key.account_id, key.id)
        self._trail.removed(unit, acting.caller, "api-key.remove", key)
        unit.emit(ApiKeyWithdrawn(key.id))

    def groups_of(self, unit: Unit, acting: Acting, key_id: ApiKeyId, request: PageRequest) -> Page[CountedGroup]:
        """Return one page of the groups that a key is in; for administrators, and for the calling key itself."""
        key = self._found(unit, acting.caller, key_id)
        if acting.caller.principal != f"key:{key.id}":
            require_at_root(acting.caller, READ_MEMBERS)
        return unit.policy_groups.page_of_key(key.id, request)

    def join(self, unit: Unit, acting: Acting, key_id: ApiKeyId, groups: Sequence[PolicyGroup]) -> ApiKey:
        """Put a key into groups; for administrators, and for the calling key itself into what it holds anyway."""
        key = self._movable(unit, acting, key_id)
        self._groups.members.let_keys_in(unit, acting.caller, groups, [key])
        return self._moved(unit, acting, key, "api-key.join-groups")

    def leave(self, unit: Unit, acting: Acting, key_id: ApiKeyId, groups: Sequence[PolicyGroup]) -> ApiKey:
        """Take a key out of groups; for administrators, and for the calling key itself."""
        key = self._movable(unit, acting, key_id)
        self._groups.members.take_keys_out(unit, groups, [key])
        return self._moved(unit, acting, key, "api-key.leave-groups")

    def shown(self, unit: Unit, keys: Sequence[ApiKey]) -> list[ShownKey]:
        """Return keys as they may be seen, with their groups."""
        held = unit.policy_groups.ids_of_keys([key.id for key in keys])
        return [ShownKey(self._used(key), held[key.id], public_part(key.account_id, key.id)) for key in keys]

    def _shown(self, unit: Unit, key: ApiKey, secret: str = "") -> ShownKey:
        (shown,) = self.shown(unit, [key])
        return replace(shown, text=shown.text + secret)

    def _used(self, key: ApiKey) -> ApiKey:
        latest = self._uses.latest(key.id, key.last_used_at_ms)
        return key if latest == key.last_used_at_ms else replace(key, last_used_at_ms=latest)

    def _found(self, unit: Unit, caller: Caller, key_id: ApiKeyId) -> ApiKey:
        key = unit.api_keys.get(key_id)
        if key is None or key.account_id != caller.account_id:
            raise ApiKeyNotFound
        return key

    def _seen(self, unit: Unit, caller: Caller, key_id: ApiKeyId, own: Permission, others: Permission) -> ApiKey:
        """Return a key that the caller has the right to; ``own`` is enough for the caller's keys."""
        key = self._found(unit, caller, key_id)
        if is_own(caller, key):
            caller.require(own)
        else:
            require_at_root(caller, others)
        return key

    def _movable(self, unit: Unit, acting: Acting, key_id: ApiKeyId) -> ApiKey:
        key = self._found(unit, acting.caller, key_id)
        if acting.caller.principal != f"key:{key.id}":
            require_at_root(acting.caller, ADMINISTER_GROUPS)
        return key

    def _moved(self, unit: Unit, acting: Acting, before: ApiKey, operation: str) -> ApiKey:
        after = self._found(unit, acting.caller, before.id)
        if after.version != before.version:
            self._trail.changed(unit, acting.caller, operation, before, after)
        return after

    def _changed(self, unit: Unit, acting: Acting, before: ApiKey, change: KeyChange) -> ApiKey:
        """Store what differs, and return the key as it is then."""
        caller = acting.caller
        if change.name is not ABSENT:
            require_line(change.name, field="name", max_chars=MAX_NAME_CHARS)
        owner_id = before.owner_id if change.owner_id is ABSENT else change.owner_id
        if owner_id != before.owner_id:
            _require_owner(unit, acting, owner_id)
        after = replace(
            before,
            name=patched(change.name, before.name),
            owner_id=owner_id,
            is_active=patched(change.is_active, before.is_active),
        )
        after = changed(before, after, now_ms=self._clock.millis())
        if after is not before:
            unit.api_keys.replace(after)
        if change.group_ids is not ABSENT:
            self._regroup(unit, acting, after, change.group_ids)
            after = self._found(unit, caller, before.id)
        if after.version != before.version:
            self._trail.changed(unit, caller, "api-key.update", before, after)
            unit.emit(ApiKeyChanged(after.id))
        return after

    def _regroup(self, unit: Unit, acting: Acting, key: ApiKey, group_ids: Sequence[PolicyGroupId]) -> None:
        caller = acting.caller
        wanted = self._groups.find_named(unit, caller, group_ids)
        held = set(unit.policy_groups.ids_of_keys([key.id])[key.id])
        left = unit.policy_groups.named(caller.account_id, held - {group.id for group in wanted})
        self._groups.members.take_keys_out(unit, left, [key])
        joined = [group for group in wanted if group.id not in held]
        if joined:
            self._groups.members.let_keys_in(unit, caller, joined, [self._found(unit, caller, key.id)])


def audited(key: ApiKey) -> dict[str, Any]:
    """Return what the trail shows of a key: nothing that opens anything."""
    return {
        "name": key.name,
        "owner_id": key.owner_id,
        "is_active": key.is_active,
        "grants": [f"{grant.role}@{grant.domain_id}" for grant in key.grants],
        "version": key.version,
        "times_reset": key.secret_epoch,
    }


def _owner(unit: Unit, acting: Acting, owner_id: PersonId | None) -> PersonId | None:
    """Return whom a new key belongs to."""
    if owner_id is None:
        if acting.as_parent:
            raise InvalidField("owner", "is needed: a key made from above belongs to a user of that account")
        return acting.caller.person_id
    if acting.as_parent or owner_id != acting.caller.person_id:
        _require_owner(unit, acting, owner_id)
    return owner_id


def _require_power_of(unit: Unit, caller: Caller, key: ApiKey) -> None:
    """Raise ``KeyHoldsTooMuch`` unless the caller holds what the key does: one's own key may do more than oneself."""
    grants = (*key.grants, *unit.policy_groups.grants_of_key(key.id))
    tree = unit.domains.tree(caller.account_id)
    if not all(holds(caller, tree, grant) for grant in grants):
        raise KeyHoldsTooMuch


def _require_owner(unit: Unit, acting: Acting, owner_id: PersonId | None) -> None:
    require_at_root(acting.caller, ADMINISTER)
    if owner_id is None or unit.people.membership(acting.account.id, owner_id) is None:
        raise InvalidField("owner", "is no user of this account")


def _first_grants(unit: Unit, acting: Acting) -> tuple[Grant, ...]:
    """Return what a new key holds itself: what the maker holds alone, outside of groups, without administration."""
    caller = acting.caller
    if acting.as_parent:
        return (DEVELOPER_GRANT,)
    kind, _, key_id = caller.principal.partition(":")
    if kind == "key":
        key = unit.api_keys.get(ApiKeyId(key_id))
        own = () if key is None else key.grants
    else:
        membership = None if caller.person_id is None else unit.people.membership(caller.account_id, caller.person_id)
        own = () if membership is None else membership.grants
    # A member of groups is one at the word of the group: a key speaks of that through its owner, and ends with it.
    lasting = [each for each in own if not is_of_group(each)]
    capped = [Grant(each.domain_id, "ReadWrite" if each.role == "Administrator" else each.role) for each in lasting]
    return tuple(dict.fromkeys(capped))
