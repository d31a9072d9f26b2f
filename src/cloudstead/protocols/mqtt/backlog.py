"""The messages that wait for a session: bounded by number and bytes, the least useful one goes first."""

from collections import OrderedDict, deque

from cloudstead.protocols.mqtt.message import Delivery


class Backlog:
    """A queue in order of arrival that makes room for what is new.

    When it is full, QoS 0 messages go first, then the oldest message of the same topic (a newer state replaces an older
    one), then the oldest of all. Every operation costs the same however long the queue is.
    """

    __slots__ = ("_acknowledged", "_next", "_unacknowledged", "_waiting", "bytes", "max_bytes", "max_messages")

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.bytes = 0
        self._next = 0
        # An OrderedDict, because taking from the front of a long plain dict walks over all that was taken before.
        self._waiting: OrderedDict[int, Delivery] = OrderedDict()
        self._unacknowledged: OrderedDict[int, None] = OrderedDict()
        self._acknowledged: dict[str, deque[int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, delivery: Delivery, room: int | None = None) -> int:
        """Append a message; return how many were dropped to make room (the new one itself, if it can never fit).

        ``room`` is by how many bytes the queue may grow where that is less than its own bound allows.
        """
        size = delivery.message.size
        max_bytes = self.max_bytes if room is None else min(self.max_bytes, self.bytes + max(0, room))
        if size > max_bytes or self.max_messages < 1:
            return 1
        dropped = 0
        while len(self._waiting) >= self.max_messages or self.bytes + size > max_bytes:
            self._drop_one(delivery.message.topic)
            dropped += 1
        number = self._next
        self._next = number + 1
        self._waiting[number] = delivery
        self.bytes += size
        if delivery.qos:
            self._acknowledged.setdefault(delivery.message.topic, deque()).append(number)
        else:
            self._unacknowledged[number] = None
        return dropped

    def peek(self) -> Delivery:
        """Return the oldest message and leave it there."""
        return self._waiting[next(iter(self._waiting))]

    def pop(self) -> Delivery:
        """Take the oldest message."""
        return self._take(next(iter(self._waiting)))

    def _drop_one(self, topic: str) -> None:
        if self._unacknowledged:
            self._take(next(iter(self._unacknowledged)))
        elif topic in self._acknowledged:
            self._take(self._acknowledged[topic][0])
        else:
            self.pop()

    def _take(self, number: int) -> Delivery:
        delivery = self._waiting.pop(number)
        self.bytes -= delivery.message.size
        if delivery.qos:
            # Messages of one topic leave in order, whichever way they leave: the number is the first of its topic.
            numbers = self._acknowledged[delivery.message.topic]
            numbers.popleft()
            if not numbers:
                del self._acknowledged[delivery.message.topic]
        else:
            del self._unacknowledged[number]
        return delivery
