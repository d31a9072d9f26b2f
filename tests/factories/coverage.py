"""Which operation is proven by which kind of test: read by the house test that misses the ones that are not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["success", "refusal", "malformed"]
KINDS: Final[frozenset[Kind]] = frozenset({"success", "refusal", "malformed"})

COVERED: Final[dict[str, set[Kind]]] = defaultdict(set)


def covers(label: str, kind: Kind):
    """Mark a test as proof of one kind for the operation with that label."""
    return covers_each([label], kind)


def covers_each(labels: Iterable[str], kind: Kind):
    """Mark a test as proof of one kind for several operations, over which it is parametrised."""
    assert kind in KINDS, kind
    for label in labels:
        COVERED[label].add(kind)
    return lambda test: test
