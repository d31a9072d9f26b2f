"""What people may do with shadows and topics, whatever the wire: checked here once.

Devices need no door: their certificate decides account and thing, and they have nothing but their own topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.ids import DomainId, ThingName
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.shadows.errors import no_shadow
from cloudstead.core.spine.errors import TopicForbidden
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.spine.topics import UPDATE_FAMILY, split_family_topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.spine.authors import AuthoredChange
    from cloudstead.core.spine.requests import Answer
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory, ThingEntry
    from cloudstead.core.unit import Database

_READ: Final = Permission("shadow:read")
_WRITE: Final = Permission("shadow:write")
_PUBLISH: Final = Permission("thing-topic:publish")
_SUBSCRIBE: Final = Permission("thing-topic:subscribe")
_HEAR_EVENTS: Final = Permission("event:subscribe")


class ShadowDoor:
    """Shadows by the name of their thing. Every call raises ``ShadowRejected`` for what the shadow service refuses.

    A thing outside of the caller's reach looks like one without a shadow.
    """

    def __init__(self, spine: Spine, directory: ThingDirectory) -> None:
        self._spine = spine
        self._directory = directory

    async def get(self, caller: Caller, name: ThingName, payload: bytes = b"") -> Answer:
        """Return the accepted document of a get."""
        return await self._ask(caller, _READ, name, Verb.GET, payload)

    async def update(self, caller: Caller, name: ThingName, payload: bytes) -> Answer:
        """Change the shadow and return the accepted document, once the change is on disk and applied."""
        return await self._ask(caller, _WRITE, name, Verb.UPDATE, payload)

    async def delete(self, caller: Caller, name: ThingName, payload: bytes = b"") -> Answer:
        """Remove the shadow and return the accepted document."""
        return await self._ask(caller, _WRITE, name, Verb.DELETE, payload)

    async def history(
        self, caller: Caller, name: ThingName, *, before_offset: int | None, limit: int
    ) -> tuple[AuthoredChange, ...]:
        """Return who asked what of the shadow, newest first: every update and delete, rejected ones too.

        It shows the thing of that name as it is now, not an earlier one. ``before_offset`` continues a page.
        """
        entry = await self._reachable(caller, _READ, name)
        return await self._spine.history(entry, before_offset=before_offset, limit=limit)

    async def _ask(self, caller: Caller, permission: Permission, name: ThingName, verb: Verb, payload: bytes) -> Answer:
        entry = await self._reachable(caller, permission, name)
        return await self._spine.ask(entry, verb, payload, principal=caller.principal)

    async def _reachable(self, caller: Caller, permission: Permission, name: ThingName) -> ThingEntry:
        caller.require(permission)
        entry = await self._directory.find(caller.account_id, name)
        if entry is None:
            raise no_shadow(name)
        # The entry keeps its domain's path, so that no request has to ask the state store for the tree.
        if not any(grant.domain_id in entry.path and grant.allows(permission) for grant in caller.grants):
            raise no_shadow(name)
        return entry


class TopicDoor:
    """The thing-update and event topics for people (Cloud Connect 2.11, section 9)."""

    def __init__(self, spine: Spine, directory: ThingDirectory, database: Database) -> None:
        self._spine = spine
        self._directory = directory
        self._database = database

    async def paths(self, caller: Caller) -> tuple[tuple[DomainId, ...], ...]:
        """Return the paths (ids from the root, root included) of the domains below which the caller may subscribe."""
        tree = await self._database.read(lambda unit: unit.domains.tree(caller.account_id))
        return subscribable_paths(caller, tree)

    async def target(self, caller: Caller, topic: str) -> ThingEntry | None:
        """Return the thing whose shadow a publish on ``topic`` changes; ``None`` where there is no such thing there.

        Raise ``TopicForbidden`` for a topic that is not for publishing or lies outside of the caller's reach, and
        ``NotPermitted`` for a caller who may not publish at all.
        """
        split = split_family_topic(topic)
        if split is None or split[0] != UPDATE_FAMILY:
            raise TopicForbidden(topic)
        caller.require(_PUBLISH)
        _, levels, name = split
        tree = await self._database.read(lambda unit: unit.domains.tree(caller.account_id))
        path = (tree.root_id, *(DomainId(level) for level in levels))
        if not _leads_into(path, Reach.of(caller, _PUBLISH, tree)):
            raise TopicForbidden(topic)
        entry = await self._directory.find(caller.account_id, ThingName(name))
        return entry if entry is not None and entry.topics.family_update == topic else None

    async def publish(self, caller: Caller, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish as ``caller``; with QoS 1 return once it is on disk. A topic without a thing changes nothing.

        Raise ``ShadowUnavailable`` when it could not be stored, or when too much waits already.
        """
        entry = await self.target(caller, topic)
        if entry is None:
            return
        request = ShadowRequest(entry, Verb.UPDATE, payload, principal=caller.principal, origin=Origin.PERSON, qos=qos)
        await self._spine.send(request)


def subscribable_paths(caller: Caller, tree: DomainTree) -> tuple[tuple[DomainId, ...], ...]:
    """Return the paths of the domains at which the caller holds the right to subscribe; empty when nowhere."""
    return tuple(
        tree.path(grant.domain_id)
        for grant in caller.grants
        if grant.allows(_SUBSCRIBE) and grant.allows(_HEAR_EVENTS) and grant.domain_id in tree.nodes
    )


def _leads_into(path: Sequence[DomainId], reach: Reach) -> bool:
    """Tell whether a spelt path passes through a granted domain at that domain's true place in the tree."""
    return any(
        tuple(path[: len(own)]) == own
        for own in (reach.tree.path(top) for top in reach.tops if top in reach.tree.nodes)
    )
