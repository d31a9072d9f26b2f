"""The rules of FIND: what a search must hold before the index is asked (Cloud Connect 2.11, section 8)."""

from __future__ import annotations

from cloudstead.core.observations.errors import SearchRefused
from cloudstead.search import ParsedSearch, SearchInvalid, parse_search


def parse_observation_search(body: object) -> ParsedSearch:
    """Read a search over observations.

    It must hold a range on `timestamp` with a lower end, in its query or in its top-level filter, because clients put
    it in either; inside `must_not` or `should` it bounds nothing and does not count.
    """
    search = parse_thing_search(body)
    if not search.lower_bounded("timestamp"):
        raise SearchRefused("the query must contain a range on [timestamp] with at least [gte]")
    return search


def parse_thing_search(body: object) -> ParsedSearch:
    """Read a search over things; a `global` aggregation is refused with everything else that cannot be read."""
    try:
        return parse_search(body)
    except SearchInvalid as error:
        raise SearchRefused(error.reason) from error
