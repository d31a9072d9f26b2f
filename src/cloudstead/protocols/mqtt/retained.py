"""The last retained message of each topic in one space, found by filter (MQTT 5, section 3.3.1.3)."""

from cloudstead.protocols.mqtt.message import Message
from cloudstead.protocols.mqtt.topics import is_wild


class _Node:
    __slots__ = ("children", "message")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.message: Message | None = None


class RetainedMessages:
    """Bounded by number and bytes: what does not fit is not remembered, what is there is never pushed out."""

    __slots__ = ("_by_topic", "_root", "bytes", "max_bytes", "max_messages")

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.bytes = 0
        self._by_topic: dict[str, Message] = {}
        self._root = _Node()

    def __len__(self) -> int:
        return len(self._by_topic)

    def put(self, message: Message) -> bool:
        """Remember the message instead of the one before; an empty payload forgets. Tell whether there was room."""
        self._forget(message.topic)
        if not message.payload:
            return True
        if len(self._by_topic) >= self.max_messages or self.bytes + message.size > self.max_bytes:
            return False
        node = self._root
        for level in message.topic.split("/"):
            node = node.children.setdefault(level, _Node())
        node.message = message
        self._by_topic[message.topic] = message
        self.bytes += message.size
        return True

    def forget_below(self, topic: str) -> None:
        """Forget the messages on a topic and on those below it."""
        node: _Node | None = self._root
        for level in topic.split("/"):
            node = None if node is None else node.children.get(level)
        if node is not None:
            for message in _below(node, hide_dollar=False):
                self._forget(message.topic)

    def find(self, topic_filter: str, now: float) -> list[Message]:
        """Return the messages whose topic matches the filter; those that have expired are forgotten on the way."""
        if is_wild(topic_filter):
            found = _search(self._root, topic_filter.split("/"))
        else:
            message = self._by_topic.get(topic_filter)
            found = [] if message is None else [message]
        live = []
        for message in found:
            if message.is_expired(now):
                self._forget(message.topic)
            else:
                live.append(message)
        return live

    def _forget(self, topic: str) -> None:
        message = self._by_topic.pop(topic, None)
        if message is None:
            return
        self.bytes -= message.size
        levels = topic.split("/")
        path = [self._root]
        for level in levels:
            path.append(path[-1].children[level])
        path[-1].message = None
        for depth in range(len(levels), 0, -1):
            if path[depth].message is not None or path[depth].children:
                break
            del path[depth - 1].children[levels[depth - 1]]


def _search(root: _Node, levels: list[str]) -> list[Message]:
    frontier = [root]
    for depth, level in enumerate(levels):
        if level == "#":
            return [message for node in frontier for message in _below(node, hide_dollar=not depth)]
        reached: list[_Node] = []
        for node in frontier:
            if level == "+":
                reached.extend(child for name, child in node.children.items() if depth or name[:1] != "$")
            elif level in node.children:
                reached.append(node.children[level])
        frontier = reached
    return [node.message for node in frontier if node.message is not None]


def _below(top: _Node, *, hide_dollar: bool) -> list[Message]:
    """Return the messages at and below a node; wildcards at the first level do not reach `$` topics (MQTT-4.7.2-1)."""
    found = [] if top.message is None else [top.message]
    waiting = [child for name, child in top.children.items() if not (hide_dollar and name[:1] == "$")]
    while waiting:
        node = waiting.pop()
        if node.message is not None:
            found.append(node.message)
        waiting.extend(node.children.values())
    return found
