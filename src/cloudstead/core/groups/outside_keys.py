"""Credentials of outside systems that a group works with: one for each type, sealed, and never shown again."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.audit.record import Trail
from cloudstead.core.errors import InvalidField
from cloudstead.core.groups.access import require
from cloudstead.core.groups.errors import OutsideKeyExists, OutsideKeyNotFound
from cloudstead.core.groups.model import OutsideKey
from cloudstead.core.patch import ABSENT, Patched
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

MAX_NAME_CHARS: Final = 255
MAX_TOKEN_CHARS: Final = 4096
MOST_TYPES: Final = 50
SEALED_FOR: Final = "outside-key"

_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class OutsideKeys:
    """The credentials of all groups, as callers may store and drop them."""

    def __init__(self, clock: Clock, ids: IdSource, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer
        self._trail = Trail[OutsideKey](
            clock,
            ids,
            object_type="outside-key",
            name_of=lambda each: f"{each.domain_id}/{each.type}",
            fields_of=_audited,
        )

    def add(self, unit: Unit, caller: Caller, group_id: str, *, kind: str, token: str, name: str) -> OutsideKey:
        """Store a credential; raise ``OutsideKeyExists`` where the group has one of that type."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "apikey:edit")
        if _TYPE.fullmatch(kind) is None:
            raise InvalidField("type", "needs 1 to 64 letters, digits, '.', '_' or '-'")
        require_line(name, field="name", max_chars=MAX_NAME_CHARS)
        if unit.outside_keys.get(caller.account_id, domain.id, kind) is not None:
            raise OutsideKeyExists(kind)
        if unit.outside_keys.count(caller.account_id, domain.id) >= MOST_TYPES:
            raise InvalidField("type", f"the group has {MOST_TYPES} keys already")
        now_ms = self._clock.millis()
        key = OutsideKey(
            account_id=caller.account_id,
            domain_id=domain.id,
            type=kind,
            name=name,
            sealed_token=self._sealed(token),
            created_by=caller.person_id,
            updated_by=caller.person_id,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        unit.outside_keys.put(key)
        self._trail.made(unit, caller, "outside-key.create", key)
        return key

    def update(
        self,
        unit: Unit,
        caller: Caller,
        group_id: str,
        *,
        kind: str,
        token: Patched[str] = ABSENT,
        name: Patched[str] = ABSENT,
    ) -> OutsideKey:
        """Change a credential; what is not given stays. Raise ``OutsideKeyNotFound``."""
        before = self._found(unit, caller, group_id, kind)
        after = before
        if name is not ABSENT:
            require_line(name, field="name", max_chars=MAX_NAME_CHARS)
            after = replace(after, name=name)
        if token is not ABSENT:
            after = replace(after, sealed_token=self._sealed(token))
        after = replace(after, updated_by=caller.person_id, updated_at_ms=self._clock.millis())
        unit.outside_keys.put(after)
        self._trail.changed(unit, caller, "outside-key.update", before, after)
        return after

    def remove(self, unit: Unit, caller: Caller, group_id: str, *, kind: str) -> OutsideKey:
        """Drop a credential; raise ``OutsideKeyNotFound``."""
        key = self._found(unit, caller, group_id, kind)
        unit.outside_keys.remove(caller.account_id, key.domain_id, kind)
        self._trail.removed(unit, caller, "outside-key.remove", key)
        return key

    def _found(self, unit: Unit, caller: Caller, group_id: str, kind: str) -> OutsideKey:
        domain = require(caller, unit.domains.tree(caller.account_id), group_id, "apikey:edit")
        key = unit.outside_keys.get(caller.account_id, domain.id, kind) if _TYPE.fullmatch(kind) else None
        if key is None:
            raise OutsideKeyNotFound
        return key

    def _sealed(self, token: str) -> bytes:
        if not 1 <= len(token) <= MAX_TOKEN_CHARS:
            raise InvalidField("token", f"needs 1 to {MAX_TOKEN_CHARS} characters")
        return self._sealer.seal(token.encode("utf-8", "surrogatepass"), SEALED_FOR)


def _audited(key: OutsideKey) -> dict[str, Any]:
    # Seals of one text differ, so this tells of a change without a word of the credential.
    return {"name": key.name, "sealed_token": key.sealed_token.hex()}
