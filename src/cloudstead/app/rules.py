"""Rules put together: the book that the message path reads, and what callers may do with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.mail.letters import Letters
from cloudstead.core.rules.book import RuleBook
from cloudstead.core.rules.deliveries import Dispatch
from cloudstead.core.rules.follower import RuleFollower
from cloudstead.core.rules.outbox import Outbox
from cloudstead.core.rules.outgoing import Outgoing
from cloudstead.core.rules.registry import Rules
from cloudstead.core.rules.sealed import InstructionSeal
from cloudstead.core.webhooks.calls import WebhookCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.app.tasks import Tasks
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Database


@dataclass(frozen=True, slots=True)
class RuleRooms:
    """Everything that there is of rules."""

    rules: Rules
    outbox: Outbox
    follower: RuleFollower


async def start_rules(
    sealer: Sealer,
    *,
    database: Database,
    clock: Clock,
    ids: IdSource,
    bus: EventBus,
    tasks: Tasks,
    newest_offset: Callable[[], int],
    may_lead: Callable[[str], bool],
) -> RuleRooms:
    """Read the rules that are in force and follow what happens to them; to be called before the spine is made.

    ``newest_offset`` tells the last offset that is in the log, ``may_lead`` whether webhooks may go to a host.
    """
    seal = InstructionSeal(sealer, os.urandom)
    dispatch = Dispatch(WebhookCalls(sealer, clock=clock, ids=ids), Letters(sealer, clock=clock, ids=ids))
    book = RuleBook()
    book.listen(bus)
    follower = RuleFollower(
        book, database=database, outgoing=Outgoing(seal, dispatch), spawn=tasks.keep, report=tasks.report
    )
    await follower.start()
    rules = Rules(clock, ids, seal, newest_offset=newest_offset, may_lead=may_lead)
    return RuleRooms(rules, Outbox(clock, ids), follower)
