"""Shadows, and how far the log is reflected in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select

from cloudstead.core.shadows.model import Shadow
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, putting
from cloudstead.storage.sql.tables import checkpoints, shadows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import ThingUid
    from cloudstead.storage.sql.transaction import Transaction

_CHECKPOINT: Final = "shadows"

_LOAD = Statement(lambda words: select(shadows).where(words.any_of(shadows.c.thing_uid, "uids")), "uids")
_GET_CHECKPOINT = Statement(
    lambda _: select(checkpoints.c.offset).where(checkpoints.c.name == bindparam("name")), "name"
)
_PUT_CHECKPOINT = putting(checkpoints, "name")


class SqlShadows:
    """Shadows across accounts, for the message path (``core.shadows.ports.ShadowStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def load(self, uids: Collection[ThingUid]) -> Sequence[Shadow]:
        """Return the stored shadows of these things, in any order; those that have none are left out. One query."""
        return [_shadow(row) for row in self._transaction.rows(_LOAD, list(uids))]

    def save(self, shadows: Collection[Shadow]) -> None:
        """Insert or replace shadows; those whose thing is gone are passed over. One statement."""
        self._transaction.save_shadows([_values(shadow) for shadow in shadows])

    def checkpoint(self) -> int:
        """Return the offset up to which every record is reflected in the stored shadows; 0 at the beginning."""
        row = self._transaction.row(_GET_CHECKPOINT, _CHECKPOINT)
        return 0 if row is None else int(row[0])

    def set_checkpoint(self, offset: int) -> None:
        """Move the checkpoint on, in the same transaction as the shadows that it speaks of."""
        self._transaction.change(_PUT_CHECKPOINT, _CHECKPOINT, offset)


def _values(shadow: Shadow) -> tuple[object, ...]:
    return (
        shadow.thing_uid,
        shadow.account_id,
        shadow.version,
        shadow.offset,
        shadow.updated_at_s,
        to_text(shadow.desired),
        to_text(shadow.reported),
        to_text(shadow.desired_metadata),
        to_text(shadow.reported_metadata),
    )


def _shadow(row: Sequence[Any]) -> Shadow:
    thing_uid, account_id, version, offset, updated_at_s, *sections = row
    return Shadow(thing_uid, account_id, version, offset, updated_at_s, *map(from_text, sections))
