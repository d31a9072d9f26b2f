"""The life of a cloud as a table: from a state, by an event, to a state, and what is seen of it on the wire.

What the table does not have cannot happen: ``moved`` raises ``CloudStateForbids``, which callers see as a conflict.
``enabled`` and ``suspended`` are switches beside the state and change nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cloudstead.core.clouds.errors import CloudStateForbids
from cloudstead.core.clouds.model import CloudState, CloudType, StackStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.clouds.model import Cloud


class CloudEvent(StrEnum):
    """What happens to a cloud."""

    WAITED_FOR = "waitForTemplate"
    CONNECTED = "connect"
    CONNECT_FAILED = "connect with an error"
    DISCONNECTED = "connect with connected false"
    PROVISION = "provision"
    PROVISIONED = "provisioned"
    PROVISION_FAILED = "provisioning failed"
    UPDATE = "updateStack"
    UPDATED = "stack updated"
    ROLLED_BACK = "stack update rolled back"
    REMOVE = "remove"
    REMOVE_FAILED = "removing failed"


@dataclass(frozen=True, slots=True)
class Move:
    """Where an event leads, and what it does to ``status`` and ``connected`` (``None`` leaves them as they are)."""

    to: CloudState
    status: StackStatus | None = None
    connected: bool | None = None


_S: Final = CloudState
_E: Final = CloudEvent
_ALIVE: Final = tuple(state for state in CloudState if state is not CloudState.REMOVING)


def _rows() -> dict[tuple[CloudState, CloudEvent], Move]:
    rows: dict[tuple[CloudState, CloudEvent], Move] = {}

    def row(states: tuple[CloudState, ...], event: CloudEvent, move: Move) -> None:
        rows.update(dict.fromkeys([(state, event) for state in states], move))

    row((_S.DRAFT,), _E.WAITED_FOR, Move(_S.LAUNCHING, StackStatus.REVIEW_IN_PROGRESS))
    # A stack that could not be made says that it goes, and its owner may start another one from the same link.
    row(
        (_S.DRAFT, _S.LAUNCHING, _S.ERROR, _S.DISCONNECTED),
        _E.CONNECTED,
        Move(_S.CONNECTED, StackStatus.CREATE_COMPLETE, connected=True),
    )
    row((_S.UPDATING,), _E.CONNECTED, Move(_S.READY, StackStatus.UPDATE_COMPLETE))
    row(tuple(CloudState), _E.CONNECT_FAILED, Move(_S.ERROR))
    row((_S.REMOVING,), _E.CONNECT_FAILED, Move(_S.REMOVING))
    row(_ALIVE, _E.DISCONNECTED, Move(_S.DISCONNECTED, StackStatus.DELETE_IN_PROGRESS, connected=False))
    # A stack that goes while we remove the cloud is what we asked for.
    row((_S.REMOVING,), _E.DISCONNECTED, Move(_S.REMOVING, StackStatus.DELETE_IN_PROGRESS, connected=False))
    row((_S.CONNECTED, _S.READY, _S.ERROR), _E.PROVISION, Move(_S.PROVISIONING))
    row((_S.PROVISIONING,), _E.PROVISION, Move(_S.PROVISIONING))
    row((_S.PROVISIONING,), _E.PROVISIONED, Move(_S.READY))
    row((_S.PROVISIONING,), _E.PROVISION_FAILED, Move(_S.ERROR))
    row((_S.READY,), _E.UPDATE, Move(_S.UPDATING, StackStatus.UPDATE_IN_PROGRESS))
    row((_S.UPDATING,), _E.UPDATED, Move(_S.READY, StackStatus.UPDATE_COMPLETE))
    row((_S.UPDATING,), _E.ROLLED_BACK, Move(_S.READY, StackStatus.UPDATE_ROLLBACK_COMPLETE))
    row(_ALIVE, _E.REMOVE, Move(_S.REMOVING, StackStatus.DELETE_IN_PROGRESS))
    row((_S.REMOVING,), _E.REMOVE_FAILED, Move(_S.REMOVING))
    return rows


MOVES: Final[Mapping[tuple[CloudState, CloudEvent], Move]] = _rows()
"""Every row. The record of a cloud that is removed goes away, so no row leads there."""

BORN: Final[Mapping[CloudType, Move]] = {
    CloudType.DEDICATED: Move(_S.DRAFT, connected=False),
    CloudType.HOSTED: Move(_S.CONNECTED, StackStatus.CREATE_COMPLETE, connected=True),
    CloudType.HOST: Move(_S.CONNECTED, StackStatus.CREATE_COMPLETE, connected=True),
    CloudType.LOCAL: Move(_S.CONNECTED, StackStatus.CREATE_COMPLETE, connected=True),
}
"""How a cloud begins."""


def may(cloud: Cloud, event: CloudEvent) -> bool:
    """Tell whether the event can happen to the cloud."""
    return (cloud.state, event) in MOVES and (event is not CloudEvent.PROVISION or cloud.connected)


def moved(cloud: Cloud, event: CloudEvent) -> Cloud:
    """Return the cloud after the event; raise ``CloudStateForbids``."""
    if not may(cloud, event):
        raise CloudStateForbids(cloud.state, event, is_connected=cloud.connected)
    move = MOVES[cloud.state, event]
    return replace(
        cloud,
        state=move.to,
        status=cloud.status if move.status is None else move.status.value,
        connected=cloud.connected if move.connected is None else move.connected,
    )
