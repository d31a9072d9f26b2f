"""What can go wrong with a search: one error for what the caller wrote, one for what it would cost."""


class SearchInvalid(Exception):
    """The search cannot be read or cannot be answered; `reason` is Elasticsearch's own sentence where it has one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyBuckets(SearchInvalid):
    """The aggregations would answer with more buckets than one answer may carry."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Trying to create too many buckets. Must be less than or equal to: [{limit}].")
        self.limit = limit


def crossed_bounds(name: str, low: object, high: object) -> SearchInvalid:
    """Make the refusal of bounds of which the first lies after the second."""
    return SearchInvalid(
        f"[extended_bounds.min][{low}] cannot be greater than [extended_bounds.max][{high}] for histogram aggregation"
        f" [{name}]",
    )
