"""Groups: made, changed, moved, handed over, removed and listed."""

from __future__ import annotations

import hashlib
import secrets
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import GROUP_ADMINISTRATOR, Permission
from cloudstead.core.accounts.limits import GROUPS, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.caller import Grant
from cloudstead.core.domains.model import Domain
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.groups.access import may, require, require_no_policy, standing
from cloudstead.core.groups.errors import (
    GroupMoveMakesLoop,
    GroupNotEmpty,
    MemberNotFound,
    OwnerOnly,
    TopGroupStays,
)
from cloudstead.core.groups.model import MAX_DEPTH, GroupFacts, ShownGroup
from cloudstead.core.ids import DomainId, PersonId, is_id
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.model import Stage
from cloudstead.core.roles.built_in import SHOWN, shown_role
from cloudstead.core.roles.places import require_roles_still_count
from cloudstead.core.texts import require_line, require_prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.domains.registry import Domains
    from cloudstead.core.ids import IdSource
    from cloudstead.core.roles.model import GroupRole
    from cloudstead.core.roles.registry import Roles
    from cloudstead.core.unit import Unit

MAX_NAME_CHARS: Final = 255
MOST_TAGS: Final = 100
MAX_TAG_CHARS: Final = 100
SEALED_FOR: Final = "group-token"

_TOKEN_BYTES: Final = 32
_VIEW: Final = Permission("group:view")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """What to change of a group. An empty description clears it; another parent moves the group with all below it."""

    owner_id: Patched[PersonId] = ABSENT
    name: Patched[str] = ABSENT
    description: Patched[str] = ABSENT
    default_role: Patched[str] = ABSENT
    parent_id: Patched[str] = ABSENT
    tags: Patched[tuple[str, ...]] = ABSENT

    def check(self) -> None:
        """Raise ``InvalidField`` when a value given can be no group's."""
        if self.name is not ABSENT:
            require_line(self.name, field="name", max_chars=MAX_NAME_CHARS)
        if self.description is not ABSENT:
            require_prose(self.description, field="description")
        if self.tags is not ABSENT:
            require_tags(self.tags)


class Groups:
    """The groups of all accounts, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource, *, sealer: Sealer, domains: Domains, roles: Roles) -> None:
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._domains = domains
        self._roles = roles
        self._trail = Trail[GroupFacts](
            clock, ids, object_type="group", name_of=lambda each: each.domain_id, fields_of=_audited
        )

    def get(self, unit: Unit, caller: Caller, group_id: str) -> ShownGroup:
        """Return a group, with its token for whoever may edit it; raise ``GroupNotFound`` or ``NotPermitted``."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "group:view")
        (shown,) = self._shown(unit, caller, tree, [domain])
        if shown.facts is None or not may(caller, tree, domain.id, "group:edit"):
            return shown
        return replace(shown, token=self._sealer.open(shown.facts.sealed_token, SEALED_FOR).decode())

    def lacks_token(self, unit: Unit, caller: Caller, group_id: str) -> bool:
        """Tell whether the caller may see the token of a group that has none yet, for it was made as a domain."""
        tree = unit.domains.tree(caller.account_id)
        if not may(caller, tree, group_id, "group:edit") or caller.only_reads:
            return False
        return not unit.groups.named(caller.account_id, (DomainId(group_id),))

    def give_token(self, unit: Unit, caller: Caller, group_id: str) -> None:
        """Give a group a token that has none."""
        if self.lacks_token(unit, caller, group_id):
            unit.groups.put(self._new_facts(caller, DomainId(group_id)))

    def page(self, unit: Unit, caller: Caller, *, after: str, limit: int) -> list[ShownGroup]:
        """Return groups that the caller sees, those of the own and all below them, in the order of their ids."""
        tree = unit.domains.tree(caller.account_id)
        found = _seen(tree, {grant.domain_id for grant in caller.grants if grant.allows(_VIEW)})
        start = bisect_right(found, after)
        return self._shown(unit, caller, tree, [tree.nodes[each] for each in found[start : start + limit]])

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        parent_id: str | None,
        name: str,
        description: str = "",
        tags: Sequence[str] = (),
    ) -> ShownGroup:
        """Make a group whose owner and administrator is the caller; without a parent anybody may.

        Raise ``GroupNotFound``, ``NotPermitted`` and ``InvalidField``.
        """
        tree = unit.domains.tree(caller.account_id)
        person_id = person_of(caller)
        parent = self._parent(caller, tree, parent_id)
        GroupChange(name=name, description=description, tags=tuple(tags)).check()
        _require_depth(len(tree.path(parent)), field="parentId")
        # Anybody may make groups, and all of an account are in memory together.
        require_room(unit, caller.account_id, GROUPS, used=len(tree.nodes) - 1)
        domain = Domain(
            account_id=caller.account_id,
            uid=self._ids.new(),
            id=DomainId(self._ids.new()),
            parent_id=parent,
            name=name,
            description=description or None,
            created_at_ms=self._clock.millis(),
            created_by=caller.user_name,
        )
        self._domains.place(unit, caller, domain)
        token = secrets.token_hex(_TOKEN_BYTES)
        facts = replace(self._new_facts(caller, domain.id, token), owner_id=person_id, tags=tuple(tags))
        unit.groups.put(facts)
        give(unit, caller, person_id, Grant(domain.id, GROUP_ADMINISTRATOR), now_ms=self._clock.millis())
        self._trail.made(unit, caller, "group.create", facts)
        return ShownGroup(
            domain=domain,
            facts=facts,
            person_id=person_id,
            role=SHOWN[GROUP_ADMINISTRATOR],
            parent_id=_shown_parent(tree, domain),
            devices=0,
            token=token,
        )

    def update(self, unit: Unit, caller: Caller, group_id: str, change: GroupChange) -> ShownGroup:
        """Change what is given of a group.

        Raise ``GroupNotFound``, ``NotPermitted``, ``OwnerOnly``, ``MemberNotFound``, ``RoleNotFound``,
        ``GroupMoveMakesLoop``, ``TopGroupStays`` and ``InvalidField``.
        """
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "group:edit")
        facts = unit.groups.named(caller.account_id, (domain.id,)).get(domain.id)
        before = facts or self._new_facts(caller, domain.id)
        change.check()
        tags, owner_id = patched(change.tags, before.tags), self._owner(unit, caller, before, change.owner_id)
        after = replace(before, tags=tags, owner_id=owner_id)
        if change.default_role is not ABSENT and change.default_role != before.default_role:
            self._roles.require_known(unit, tree, domain.id, change.default_role)
            after = replace(after, default_role=change.default_role)
        description = patched(change.description, domain.description) or None
        changed = replace(domain, name=patched(change.name, domain.name), description=description)
        if change.parent_id is not ABSENT and change.parent_id != domain.parent_id:
            changed = replace(changed, parent_id=_movable(caller, tree, domain, change.parent_id))
        if after != before or changed != domain or facts is None:
            after = replace(after, updated_by=caller.person_id, updated_at_ms=self._clock.millis())
            unit.groups.put(after)
        if _audited(after) != _audited(before):  # the domain's own entry tells of name and place
            self._trail.changed(unit, caller, "group.update", before, after)
        if changed.parent_id is not None and changed.parent_id != domain.parent_id:
            require_roles_still_count(unit, tree, domain.id, changed.parent_id, field="parent")
        if changed != domain:
            self._domains.put(unit, caller, domain, changed)
        return self.get(unit, caller, domain.id)

    def remove(self, unit: Unit, caller: Caller, group_id: str) -> Domain:
        """Remove a group in which there are neither groups nor devices; its members lose their place in it."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "group:delete")
        if domain.id == tree.root_id:
            raise TopGroupStays
        if tree.children(domain.id):
            raise GroupNotEmpty("groups below it")
        if unit.things.any_at(caller.account_id, (domain.id,)):
            raise GroupNotEmpty("devices")
        facts = unit.groups.named(caller.account_id, (domain.id,)).get(domain.id)
        holders = {each.person_id for each in unit.groups.holders(caller.account_id, (domain.id,))}
        self._domains.take_down(unit, caller, domain, frozenset((domain.id,)))
        if facts is not None:
            self._trail.removed(unit, caller, "group.remove", facts)
        for person_id in holders:
            unit.emit(PersonChanged(caller.account_id, person_id))
        return domain

    def _shown(self, unit: Unit, caller: Caller, tree: DomainTree, domains: Sequence[Domain]) -> list[ShownGroup]:
        ids = [each.id for each in domains]
        facts = unit.groups.named(caller.account_id, ids)
        devices = unit.groups.devices_at(caller.account_id, ids)
        made = made_roles(unit, caller, (grant.role for grant in caller.grants if grant.permissions is not None))
        return [
            ShownGroup(
                domain=each,
                facts=facts.get(each.id),
                person_id=person_of(caller),
                role=shown_role(standing(caller, tree, each.id)[0], made),
                parent_id=_shown_parent(tree, each),
                devices=devices.get(each.id, 0),
            )
            for each in domains
        ]

    def _parent(self, caller: Caller, tree: DomainTree, parent_id: str | None) -> DomainId:
        if parent_id is not None:
            return require(caller, tree, parent_id, "group:create", field="parentId").id
        # Anybody of the account may, whatever the rights; but neither a restricted account nor against its policies.
        if caller.only_reads:
            raise NotPermitted("group:create")
        for word in ("group:create", "domain:create"):
            require_no_policy(caller.grants, word)
        return tree.root_id

    def _owner(self, unit: Unit, caller: Caller, before: GroupFacts, asked: Patched[PersonId]) -> PersonId | None:
        """Return whose the group is: another one only by the owner's own hand, or where it has none."""
        if asked is ABSENT or asked == before.owner_id:
            return before.owner_id
        owner = None if before.owner_id is None else unit.people.membership(caller.account_id, before.owner_id)
        if owner is not None and caller.person_id != before.owner_id:
            raise OwnerOnly
        member = unit.groups.member(caller.account_id, before.domain_id, asked) if is_id(asked) else None
        if member is None or member.stage is not Stage.OPEN:
            raise MemberNotFound(field="ownerId")
        return asked

    def _new_facts(self, caller: Caller, domain_id: DomainId, token: str | None = None) -> GroupFacts:
        text = (token or secrets.token_hex(_TOKEN_BYTES)).encode()
        return GroupFacts(
            account_id=caller.account_id,
            domain_id=domain_id,
            token_hash=hashlib.sha256(text).digest(),
            sealed_token=self._sealer.seal(text, SEALED_FOR),
            created_by=caller.person_id if token is not None else None,
            updated_by=caller.person_id,
            updated_at_ms=self._clock.millis(),
        )


def person_of(caller: Caller) -> PersonId:
    """Return the person who calls; only people are in groups."""
    if caller.person_id is None:
        raise NotPermitted("call on behalf of nobody")
    return caller.person_id


def give(unit: Unit, caller: Caller, person_id: PersonId, grant: Grant, *, now_ms: int) -> None:
    """Give somebody of the account a role in a group, beside what else is held."""
    membership = unit.people.membership(caller.account_id, person_id)
    if membership is None:
        raise MemberNotFound
    unit.people.add_grant(caller.account_id, person_id, grant)
    unit.members.touch(caller.account_id, (person_id,), now_ms)
    unit.emit(PersonChanged(caller.account_id, person_id))


def made_roles(unit: Unit, caller: Caller, role_ids: Iterable[str]) -> Mapping[str, GroupRole]:
    """Return those of the roles that groups of the account have made, by id."""
    wanted = sorted(set(role_ids))
    return {each.id: each for each in unit.roles.named(caller.account_id, wanted)} if wanted else {}


def require_tags(tags: Sequence[str]) -> None:
    """Raise ``InvalidField`` unless these can be tags."""
    if len(tags) > MOST_TAGS:
        raise InvalidField("tags", f"holds more than {MOST_TAGS}")
    for tag in tags:
        require_line(tag, field="tags", max_chars=MAX_TAG_CHARS)


def _seen(tree: DomainTree, tops: AbstractSet[DomainId]) -> Sequence[DomainId]:
    """Return the ids of the granted groups and of all below them, in order."""
    if tree.root_id in tops:
        return tree.ordered
    highest = [
        top
        for top in tops & tree.nodes.keys()
        if not any(node.id in tops for node in tree.lineage(top) if node.id != top)
    ]
    return sorted(each for top in highest for each in tree.subtree(top))


def _require_depth(level: int, *, field: str) -> None:
    if level > MAX_DEPTH:
        raise InvalidField(field, f"groups would be nested more than {MAX_DEPTH} levels deep")


def _movable(caller: Caller, tree: DomainTree, domain: Domain, parent_id: str) -> DomainId:
    if domain.id == tree.root_id:
        raise TopGroupStays
    parent = require(caller, tree, parent_id, "group:create", field="parent")
    if tree.is_within(parent.id, domain.id):
        raise GroupMoveMakesLoop
    own = len(tree.path(domain.id))
    height = max(len(tree.path(each)) for each in tree.subtree(domain.id)) - own
    _require_depth(len(tree.path(parent.id)) + height, field="parent")
    return parent.id


def _shown_parent(tree: DomainTree, domain: Domain) -> DomainId | None:
    """Return the parent as it is shown: groups directly below the top of the account are roots of trees."""
    return None if domain.parent_id in {None, tree.root_id} else domain.parent_id


def _audited(facts: GroupFacts) -> dict[str, Any]:
    return {
        "owner_id": facts.owner_id,
        "administrator_role": facts.administrator_role,
        "default_role": facts.default_role,
        "tags": list(facts.tags),
    }
