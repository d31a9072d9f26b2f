"""How things and domains are spelt in topics, and who may use which.

Three spellings: ``$aws/things/NAME/shadow/...`` for devices; ``thing-update.../sub1/sub2/NAME`` for people, where the
root domain is left out (Cloud Connect 2.11, section 9.1); ``event/root/sub1`` for life-cycle events, where it is kept
(section 1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.shadows.changes import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloudstead.core.ids import DomainId, ThingName

UPDATE_FAMILY: Final = "thing-update"
FAMILIES: Final = frozenset(
    {
        UPDATE_FAMILY,
        "thing-update-accepted",
        "thing-update-rejected",
        "thing-update-delta",
        "thing-update-documents",
    }
)
MAX_DOMAIN_LEVELS: Final = 6
"""Levels below the root in a topic (Cloud Connect 2.11, section 9.2)."""

_EVENTS: Final = "event"
_WILDCARDS: Final = ("+", "#")


def own_topics(name: ThingName) -> str:
    """Return the topic below which everything of a thing's own is said."""
    return f"$aws/things/{name}"


class ThingTopics:
    """Every topic of one thing, spelt once.

    ``asked``, ``accepted`` and ``rejected`` (by verb), ``delta`` and ``documents`` are all topics of one kind of
    message, the thing's own first; the families' are missing where the thing lies too deep to have any.
    """

    __slots__ = ("accepted", "asked", "delta", "documents", "prefix", "rejected", "requests")

    def __init__(self, name: ThingName, path: Sequence[DomainId]) -> None:
        """Spell the topics of thing ``name`` at the domain with ``path`` (ids from the root, root included)."""
        self.prefix = f"{own_topics(name)}/shadow/"
        self.requests = {f"{self.prefix}{verb.value}": verb for verb in Verb}
        is_reachable = len(path) - 1 <= MAX_DOMAIN_LEVELS
        tail = "/".join((*path[1:], name))

        def with_family(verb: Verb, word: str) -> tuple[str, ...]:
            own = f"{self.prefix}{verb.value}{word and '/'}{word}"
            has_family = verb is Verb.UPDATE and is_reachable
            return (own, f"{UPDATE_FAMILY}{word and '-'}{word}/{tail}") if has_family else (own,)

        self.asked = {verb: with_family(verb, "") for verb in Verb}
        self.accepted = {verb: with_family(verb, "accepted") for verb in Verb}
        self.rejected = {verb: with_family(verb, "rejected") for verb in Verb}
        self.delta = with_family(Verb.UPDATE, "delta")
        self.documents = with_family(Verb.UPDATE, "documents")

    @property
    def family_update(self) -> str | None:
        """Where people publish updates of the thing; ``None`` where it lies too deep to have such a topic."""
        _, *family = self.asked[Verb.UPDATE]
        return family[0] if family else None


def domain_topic(path: Sequence[DomainId]) -> str:
    """Spell a domain's path with a slash at both ends, the root left out: ``/`` for the root, ``/sub1/sub2/``."""
    return "/".join(("", *path[1:], ""))


def event_topic(path: Sequence[DomainId]) -> str:
    """Spell the topic of the life-cycle events of a domain: ``event/root/sub1``."""
    return "/".join((_EVENTS, *path))


def split_family_topic(topic: str) -> tuple[str, tuple[str, ...], str] | None:
    """Split ``thing-update/sub1/NAME`` into family, domain ids below the root and thing name, or return ``None``."""
    family, *levels = topic.split("/")
    if family not in FAMILIES or not levels:
        return None
    return family, tuple(levels[:-1]), levels[-1]


def device_may_subscribe(topic_filter: str, topics: ThingTopics) -> bool:
    """Tell whether a device may use the filter: only below its own thing's shadow."""
    return topic_filter.startswith(topics.prefix)


def person_may_subscribe(topic_filter: str, granted: Iterable[Sequence[DomainId]]) -> bool:
    """Tell whether somebody who may read at the domains with these paths may use the filter.

    The levels before the first wildcard have to lead to a granted domain or below it, so that nothing outside can
    match (Cloud Connect 2.11, section 9.4).
    """
    first, *levels = topic_filter.split("/")
    fixed = _before_wildcard(levels)
    if first == _EVENTS:
        return any(len(path) == 1 or fixed[: len(path)] == list(path) for path in granted)
    if first not in FAMILIES or not levels:
        return False
    return any(_is_family_filter_within(levels, fixed, list(path[1:])) for path in granted)


def things_only(topic_filter: str) -> str:
    """Return what to subscribe with where somebody asks for ``topic_filter``.

    ``thing-update/sub1/#`` asks for every thing of ``sub1`` and of the domains below it (Cloud Connect 2.11, section
    9.1). But ``x/#`` matches ``x`` as well (MQTT 5, section 4.7.1.2), and so the topic of a thing that is called
    ``sub1`` and belongs to the domain above. As the last level is always a thing, ``x/+/#`` matches what is meant.
    """
    family, _, rest = topic_filter.partition("/")
    if family in FAMILIES and rest.endswith("/#"):
        return f"{topic_filter[:-1]}+/#"
    return topic_filter


def _is_family_filter_within(levels: list[str], fixed: list[str], path: list[DomainId]) -> bool:
    # The last level is always a thing, so a filter has to go at least one level further than the domain.
    return len(levels) > len(path) and fixed[: len(path)] == path


def _before_wildcard(levels: list[str]) -> list[str]:
    for position, level in enumerate(levels):
        if level in _WILDCARDS:
            return levels[:position]
    return levels
