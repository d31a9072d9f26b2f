"""How many optional clauses must match: the forms of `minimum_should_match`."""

import re

from cloudstead.search.errors import SearchInvalid

_AMOUNT = re.compile(r"[+-]?\d{1,9}%?$")


def least_of(clauses: int, written: str) -> int:
    """Work out a minimum for so many optional clauses; it is never more than there are.

    A number counts from none, a negative one from all of them, a percentage likewise, rounded down. `3<90%` holds for
    more than three clauses, with fewer all must match; several of these are tried from left to right.
    """
    plain = re.sub(r"\s*<\s*", "<", written.strip())
    if "<" not in plain:
        return _least(clauses, plain, written)
    least = clauses
    for step in plain.split():
        above, _, amount = step.partition("<")
        if not above.isascii() or not above.isdigit():
            raise _unreadable(written)
        if clauses <= int(above[:10]):
            break
        least = _least(clauses, amount, written)
    return least


def check(written: str) -> str:
    """Refuse a minimum that could not be read; return it."""
    least_of(1_000_000_000, written)
    return written


def _least(clauses: int, amount: str, written: str) -> int:
    if not _AMOUNT.match(amount):
        raise _unreadable(written)
    if amount.endswith("%"):
        # Towards zero, as Lucene does it.
        part = int(clauses * int(amount[:-1]) / 100)
        least = clauses + part if amount.startswith("-") else part
    else:
        least = clauses + int(amount) if amount.startswith("-") else int(amount)
    return min(clauses, max(0, least))


def _unreadable(written: str) -> SearchInvalid:
    return SearchInvalid(f"failed to parse minimum_should_match [{written[:80]}]")
