"""Topic names and filters (MQTT 5, section 4.7): what is valid, what matches, and a tree that finds matches."""

from collections.abc import Callable
from typing import Generic, TypeVar

from cloudstead.protocols.mqtt.errors import TopicInvalid

SHARE_PREFIX = "$share/"
MAX_TOPIC_BYTES = 65_535

T = TypeVar("T")


def is_wild(text: str) -> bool:
    """Tell whether the text holds a wildcard character."""
    return "+" in text or "#" in text


def check_topic(topic: str) -> None:
    """Refuse what cannot be a topic name; raises TopicInvalid."""
    if not topic:
        raise TopicInvalid("topic name is empty")
    if is_wild(topic):
        raise TopicInvalid("topic name holds a wildcard")
    _check_text(topic)


def check_filter(text: str) -> None:
    """Refuse what cannot be a topic filter, shared or not; raises TopicInvalid."""
    _check_text(text)
    if text.startswith(SHARE_PREFIX):
        group, slash, topic_filter = text[len(SHARE_PREFIX) :].partition("/")
        if not group or not slash or is_wild(group):
            raise TopicInvalid("share name is not valid")
    else:
        topic_filter = text
    if not topic_filter:
        raise TopicInvalid("topic filter is empty")
    if not is_wild(topic_filter):
        return
    levels = topic_filter.split("/")
    for place, level in enumerate(levels, start=1):
        if "+" in level and level != "+":
            raise TopicInvalid("+ must stand for a whole level")
        if "#" in level and (level != "#" or place != len(levels)):
            raise TopicInvalid("# must be the whole last level")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise TopicInvalid("topic holds a NUL")
    if len(text) * 4 > MAX_TOPIC_BYTES and len(text.encode()) > MAX_TOPIC_BYTES:
        raise TopicInvalid("topic is longer than 65,535 bytes")


def split_share(text: str) -> tuple[str | None, str]:
    """Split `$share/group/filter` into group and filter; the group of any other filter is None."""
    if not text.startswith(SHARE_PREFIX):
        return None, text
    group, _, topic_filter = text[len(SHARE_PREFIX) :].partition("/")
    return group, topic_filter


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a filter (without its share prefix) matches a topic name."""
    if topic[0] == "$" and topic_filter[0] in "+#":
        return False  # MQTT-4.7.2-1: wildcards at the first level do not reach topics that begin with $
    wanted = topic_filter.split("/")
    levels = topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in {"+", levels[place]}:
            return False
    return len(wanted) == len(levels)


class _Node(Generic[T]):
    __slots__ = ("any_below", "any_child", "children", "here")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.any_child: _Node[T] | None = None
        self.here: T | None = None
        self.any_below: T | None = None

    def is_empty(self) -> bool:
        return not self.children and self.any_child is None and self.here is None and self.any_below is None


def _walk(topic_filter: str) -> tuple[list[str], bool]:
    """Return the levels down to the node of a filter, and whether its value stands for everything below that node."""
    levels = topic_filter.split("/")
    if levels[-1] == "#":
        levels.pop()
        return levels, True
    return levels, False


class TopicTree(Generic[T]):
    """Holds one value per topic filter and finds all values whose filter matches a topic.

    Filters without wildcards live in a dict, the others in a trie. What a topic matched is remembered; a filter
    without wildcards that comes or goes forgets only its own topic, so connecting devices do not disturb the rest.
    Beyond `cached_topics` the memory starts anew. `matched` is that memory, one object for the tree's whole life, for
    who looks there first: it may be read and not altered.
    """

    __slots__ = ("_cached_topics", "_exact", "_make", "_root", "matched")

    def __init__(self, make: Callable[[], T], *, cached_topics: int = 65_536) -> None:
        self._make = make
        self._cached_topics = cached_topics
        self._exact: dict[str, T] = {}
        self._root: _Node[T] = _Node()
        self.matched: dict[str, tuple[T, ...]] = {}

    def at(self, topic_filter: str) -> T:
        """Return the value of this filter, made when it is new."""
        if is_wild(topic_filter):
            return self._at_wildcard(topic_filter)
        value = self._exact.get(topic_filter)
        if value is None:
            value = self._exact[topic_filter] = self._make()
            self.matched.pop(topic_filter, None)
        return value

    def find(self, topic_filter: str) -> T | None:
        """Return the value of this very filter."""
        if not is_wild(topic_filter):
            return self._exact.get(topic_filter)
        path = self._path(topic_filter)
        if path is None:
            return None
        return path[-1].any_below if topic_filter[-1] == "#" else path[-1].here

    def drop(self, topic_filter: str) -> None:
        """Forget this filter and its value."""
        if not is_wild(topic_filter):
            self._exact.pop(topic_filter, None)
            self.matched.pop(topic_filter, None)
            return
        path = self._path(topic_filter)
        if path is None:
            return
        levels, below = _walk(topic_filter)
        if below:
            path[-1].any_below = None
        else:
            path[-1].here = None
        self.matched.clear()
        for depth in range(len(levels), 0, -1):
            if not path[depth].is_empty():
                break
            if levels[depth - 1] == "+":
                path[depth - 1].any_child = None
            else:
                del path[depth - 1].children[levels[depth - 1]]

    def match(self, topic: str) -> tuple[T, ...]:
        """Return the values of all filters that match; raises TopicInvalid for what is no topic name."""
        found = self.matched.get(topic)
        if found is None:
            check_topic(topic)
            if len(self.matched) >= self._cached_topics:
                self.matched.clear()
            found = self.matched[topic] = self._search(topic)
        return found

    def is_empty(self) -> bool:
        """Tell whether no filter is held."""
        return not self._exact and self._root.is_empty()

    def _at_wildcard(self, topic_filter: str) -> T:
        node = self._root
        levels, below = _walk(topic_filter)
        for level in levels:
            if level == "+":
                child = node.any_child = node.any_child or _Node()
            else:
                child = node.children.setdefault(level, _Node())
            node = child
        value = node.any_below if below else node.here
        if value is None:
            value = self._make()
            if below:
                node.any_below = value
            else:
                node.here = value
            self.matched.clear()
        return value

    def _path(self, topic_filter: str) -> list[_Node[T]] | None:
        path = [self._root]
        for level in _walk(topic_filter)[0]:
            child = path[-1].any_child if level == "+" else path[-1].children.get(level)
            if child is None:
                return None
            path.append(child)
        return path

    def _search(self, topic: str) -> tuple[T, ...]:
        found = []
        exact = self._exact.get(topic)
        if exact is not None:
            found.append(exact)
        # Level by level instead of by recursion: the frontier holds every trie node that matches so far.
        frontier = [self._root]
        wildcards = topic[0] != "$"
        for level in topic.split("/"):
            reached = []
            for node in frontier:
                if wildcards and node.any_below is not None:
                    found.append(node.any_below)
                if wildcards and node.any_child is not None:
                    reached.append(node.any_child)
                child = node.children.get(level)
                if child is not None:
                    reached.append(child)
            frontier = reached
            wildcards = True
            if not frontier:
                return tuple(found)
        for node in frontier:
            if node.here is not None:
                found.append(node.here)
            if node.any_below is not None:  # "a/#" matches "a" as well
                found.append(node.any_below)
        return tuple(found)
