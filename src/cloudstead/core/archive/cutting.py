"""Which message goes into which object: pure, and the same whenever the same log is read.

Slots of five minutes begin at the full hour, so that no object holds anything of two hours, whatever folder it lies in.
A file is closed when a message belongs to another slot or would not fit; besides, when its slot is over and everything
in the log was seen.
"""

from __future__ import annotations

from array import array
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.shadows.changes import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
    from cloudstead.core.spine.records import ShadowRecord
    from cloudstead.core.spine.requests import ShadowRequest

PERIOD_MS: Final = 5 * 60 * 1000
MAX_BYTES: Final = 5 << 20  # Amazon Data Firehose counts a megabyte as 1,048,576 bytes

_HELD_BYTES: Final = 90
"""What a message takes beside its payload: the bytes object, its place in a list, five columns."""


class Thing(NamedTuple):
    """As much of a thing as a record of the log says."""

    account_id: AccountId
    uid: ThingUid
    name: ThingName


class LoggedMessage(NamedTuple):
    """A record of the log in the form of a request, for ``Cutter.take``."""

    thing: Thing
    thing_type: ThingTypeId
    domain_id: DomainId
    verb: Verb
    payload: bytes
    principal: str
    origin: int
    received_ms: int

    @classmethod
    def of(cls, record: ShadowRecord) -> LoggedMessage:
        """Return the record in this form."""
        return cls(
            Thing(record.account_id, record.thing_uid, record.thing_name),
            record.thing_type,
            record.domain_id,
            record.verb,
            record.payload,
            record.principal,
            record.origin,
            record.received_ms,
        )


class Held:
    """Messages in memory, column by column."""

    __slots__ = ("offsets", "origins", "payloads", "principals", "received_ms", "things")

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.offsets = array("Q")
        self.received_ms = array("Q")
        self.things = array("I")
        self.principals = array("I")
        self.origins = array("B")

    @property
    def bytes(self) -> int:
        """About how much memory they take."""
        return sum(map(len, self.payloads)) + _HELD_BYTES * len(self.payloads)

    def extend(self, later: Held) -> None:
        """Put the messages of another one behind these."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(later, name))


class OpenFile:
    """The messages of one account that will become an object.

    ``size`` counts the payloads as received. ``parts`` is how many pieces of it wait outside of memory, before what is
    ``held``. Things and principals are numbered as they come.
    """

    __slots__ = (
        "account_id",
        "ends_ms",
        "first_ms",
        "first_offset",
        "held",
        "known_principals",
        "known_things",
        "last_ms",
        "last_offset",
        "parts",
        "size",
    )

    def __init__(self, account_id: AccountId, first_offset: int, first_ms: int, *, ends_ms: int) -> None:
        self.account_id = account_id
        self.first_offset = self.last_offset = first_offset
        self.first_ms = self.last_ms = first_ms
        self.ends_ms = ends_ms
        self.size = 0
        self.parts = 0
        self.held = Held()
        self.known_things: dict[tuple[ThingUid, ThingName, ThingTypeId, DomainId], int] = {}
        self.known_principals: dict[str, int] = {}


class Cutter:
    """Open files by account, and those that were closed, in the order in which they were."""

    def __init__(self, *, period_ms: int = PERIOD_MS, max_bytes: int = MAX_BYTES) -> None:
        self._period_ms = period_ms
        self._max_bytes = max_bytes
        self._open: dict[AccountId, OpenFile] = {}
        self.closed: deque[OpenFile] = deque()
        self.held_bytes = 0

    def take(self, first_offset: int, messages: Iterable[ShadowRequest | LoggedMessage]) -> None:
        """Put messages with successive offsets where they belong; what is no update passes by."""
        update = Verb.UPDATE
        files = self._open
        held_bytes = 0
        for offset, message in enumerate(messages, first_offset):
            if message.verb is not update:
                continue
            thing = message.thing
            payload = message.payload
            size = len(payload)
            at_ms = message.received_ms
            file = files.get(thing.account_id)
            if (
                file is None
                or not file.ends_ms - self._period_ms <= at_ms < file.ends_ms
                or file.size + size > self._max_bytes
            ):
                file = self._turn(thing.account_id, offset, at_ms)
            file.last_offset = offset
            file.last_ms = at_ms
            file.size += size
            held_bytes += size + _HELD_BYTES
            held = file.held
            known = (thing.uid, thing.name, message.thing_type, message.domain_id)
            number = file.known_things.get(known)
            if number is None:
                number = file.known_things[known] = len(file.known_things)
            held.things.append(number)
            number = file.known_principals.get(message.principal)
            if number is None:
                number = file.known_principals[message.principal] = len(file.known_principals)
            held.principals.append(number)
            held.payloads.append(payload)
            held.offsets.append(offset)
            held.received_ms.append(at_ms)
            held.origins.append(message.origin)
        self.held_bytes += held_bytes

    def close_before(self, now_ms: int) -> None:
        """Close the files whose slots are over."""
        for account_id in [account_id for account_id, file in self._open.items() if file.ends_ms <= now_ms]:
            self.closed.append(self._open.pop(account_id))

    def open_file(self, account_id: AccountId) -> OpenFile | None:
        """Return the file that is open for an account."""
        return self._open.get(account_id)

    def largest(self) -> OpenFile | None:
        """Return the open file with the most in memory."""
        return max(self._open.values(), key=lambda file: len(file.held.payloads), default=None)

    def first_offsets(self, *, but: int = 0) -> Iterator[int]:
        """Yield where the files begin that are open or closed, ``but`` for so many that were closed first."""
        yield from (file.first_offset for file in self._open.values())
        yield from (file.first_offset for file in islice(self.closed, but, None))

    def release(self, held_bytes: int) -> None:
        """Count bytes that have left the memory."""
        self.held_bytes -= held_bytes

    def _turn(self, account_id: AccountId, offset: int, at_ms: int) -> OpenFile:
        full = self._open.get(account_id)
        if full is not None:
            self.closed.append(full)
        ends_ms = at_ms - at_ms % self._period_ms + self._period_ms
        file = self._open[account_id] = OpenFile(account_id, offset, at_ms, ends_ms=ends_ms)
        return file


def above(
    floors: Mapping[AccountId, int], records: Iterable[tuple[int, ShadowRecord]]
) -> Iterator[tuple[int, LoggedMessage]]:
    """Yield the messages of the records, but for those that are in an object already."""
    for offset, record in records:
        if offset > floors.get(record.account_id, 0):
            yield offset, LoggedMessage.of(record)
