"""Hits on their way from the spine into the store: none twice, none lost (``core.spine.ports.Follower``).

Values are compared as updates are applied, on the event loop, by the rules in force at that moment. Everything else
follows in the transaction that stores the hits: thresholds are counted there, in the order of offsets, from what is
stored, so they survive whatever happens to the process. That transaction moves the rules' own offset on as well. It is
written by the spine together with the shadows, or by ourselves some 100 ms after a hit, whichever comes first.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.rules.outgoing import Hit
from cloudstead.core.rules.payloads import Sighting
from cloudstead.core.rules.rests import Rests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from cloudstead.core.ids import DomainId
    from cloudstead.core.rules.book import AccountRules, RuleBook
    from cloudstead.core.rules.model import Rule
    from cloudstead.core.rules.outgoing import Outgoing
    from cloudstead.core.rules.resources import Found
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.unit import Database, Unit

MAX_PENDING: Final = 100_000
"""Hits that may wait to be stored before the doors stop reading: five seconds of a busy installation where all hit."""

_LONGEST_PAUSE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Unplaced:
    """An observation of a thing that has left its domain since; where that domain is now, the store knows."""

    rules: AccountRules
    sighting: Sighting
    whole: Mapping[str, Any]

    def hits(self, unit: Unit) -> list[Hit]:
        tree = unit.domains.tree(self.sighting.account_id)
        if self.sighting.domain_id not in tree.nodes:
            return []
        return _hits(self.rules, self.sighting, tree.path(self.sighting.domain_id), self.whole)


class RuleFollower:
    """Watches every observation. Lives on the event loop; its writes come one after another."""

    def __init__(
        self,
        book: RuleBook,
        *,
        database: Database,
        outgoing: Outgoing,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
        interval_s: float = 0.1,
        max_pending: int = MAX_PENDING,
    ) -> None:
        """``spawn`` starts tasks that the application watches; ``report`` is told what failed and is tried again."""
        self._book = book
        self._database = database
        self._outgoing = outgoing
        self._spawn = spawn
        self._report = report
        self._interval_s = interval_s
        self._max_pending = max_pending
        self._pending: list[Hit | _Unplaced] = []
        self._storing: list[Hit | _Unplaced] = []
        self._seen = 0
        self._turn = asyncio.Lock()
        self._is_writing_soon = False
        self._rests = Rests()
        self.offset = 0
        self.hits = 0

    async def start(self) -> None:
        """Read the rules and how far they have come; to be called before the spine starts."""
        rules, self.offset = await self._database.read(lambda unit: (unit.rules.enabled(), unit.rules.offset()))
        self._seen = self.offset
        self._book.fill(rules)

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be stored that nothing should be added."""
        return len(self._pending) >= self._max_pending

    @property
    def waits_from(self) -> int | None:
        """The offset of the first hit that is not stored yet; ``None`` when everything seen so far is."""
        waiting = self._storing or self._pending
        return waiting[0].sighting.offset if waiting else None

    def observed(self, request: ShadowRequest, reported: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
        """Find out which rules an accepted update hits."""
        rules = self._book.of(request.thing.account_id)
        if rules is None or request.offset <= self.offset:
            return
        self._seen = request.offset
        thing = request.thing
        path = thing.path
        if path[-1] != request.domain_id:
            self._keep([_Unplaced(rules, _sighting(request, reported), whole)])
            return
        plan = rules.plan(request.thing_type, path)
        if plan is None:
            return
        matches = plan.hits(thing.name, reported, whole)
        if matches:
            self._hit(_sighting(request, reported), matches)

    def _hit(self, sighting: Sighting, matches: Sequence[tuple[Rule, Found]]) -> None:
        hits = [Hit(rule, sighting, found) for rule, found in matches if rule.since_offset < sighting.offset]
        awake = [hit for hit in hits if not self._rests.cover(hit.rule, sighting.thing_uid, sighting.at_ms)]
        self.hits += len(hits) - len(awake)
        self._keep(awake)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[Unit], None]]:
        """Give what waits as work for a unit; when the context ends with an exception, it waits again.

        The work looks at the stored offset first: a transaction that was told to have failed may have been made.
        """
        async with self._turn:
            pending, self._pending = self._pending, []
            self._storing = pending
            ran: list[Hit] = []
            try:
                yield partial(self._store, pending, self._seen, ran)
            except BaseException:
                self._pending[:0] = pending
                raise
            finally:
                self._storing = []
            for hit in ran:
                self._rests.note(hit.rule, hit.sighting.thing_uid, hit.sighting.at_ms)

    async def settle(self) -> None:
        """Return when all hits so far are stored; raise what hinders it."""
        async with self.turn() as work:
            await self._database.write(work)

    def _keep(self, found: Sequence[Hit | _Unplaced]) -> None:
        self._pending += found
        self.hits += len(found)
        if self._pending and not self._is_writing_soon:
            self._is_writing_soon = True
            self._spawn(self._write_soon())

    async def _write_soon(self) -> None:
        attempt = 0
        try:
            while True:
                await asyncio.sleep(min(_LONGEST_PAUSE_S, self._interval_s * 2**attempt))
                if not self._pending:
                    return  # the spine was first
                try:
                    await self.settle()
                except Exception as error:  # noqa: BLE001 - the worker's edge: told, and tried again
                    attempt = min(attempt + 1, 10)
                    self._report("storing the hits of rules", error)
                else:
                    return
        finally:
            self._is_writing_soon = False
            if self._pending and attempt == 0:
                self._keep(())

    def _store(self, pending: Sequence[Hit | _Unplaced], seen: int, ran: list[Hit], unit: Unit) -> None:
        """Store what waits; ``ran`` is told which hits ran, and counts once the transaction has been made."""
        if not pending:
            return
        stored = unit.rules.offset()
        hits: list[Hit] = []
        for each in pending:
            if each.sighting.offset > stored:
                hits += [each] if isinstance(each, Hit) else each.hits(unit)
        ran[:] = self._outgoing.store(unit, hits) if hits else ()
        unit.rules.set_offset(max(stored, seen))


def _hits(rules: AccountRules, sighting: Sighting, path: tuple[DomainId, ...], whole: Mapping[str, Any]) -> list[Hit]:
    plan = rules.plan(sighting.thing_type, path)
    if plan is None:
        return []
    return [
        Hit(rule, sighting, found)
        for rule, found in plan.hits(sighting.thing_name, sighting.state, whole)
        if rule.since_offset < sighting.offset
    ]


def _sighting(request: ShadowRequest, reported: Mapping[str, Any]) -> Sighting:
    thing = request.thing
    return Sighting(
        account_id=thing.account_id,
        thing_uid=thing.uid,
        thing_name=thing.name,
        thing_type=request.thing_type,
        domain_id=request.domain_id,
        offset=request.offset,
        at_ms=request.received_ms,
        state=reported,
    )
