"""What can go wrong with searches and with the index.

::

    CloudsteadError
    ├── SearchRefused          the search is malformed, breaks a rule or asks for too much
    │   ├── SearchTooSlow      it took longer than a search may
    │   └── TooManySearches    too many of the account's searches wait already
    └── IndexUnavailable       the store of the index failed
        └── IndexBehind        it works again, and does not hold everything yet
"""

from __future__ import annotations

from typing import ClassVar

from cloudstead.core.errors import CloudsteadError


class SearchRefused(CloudsteadError):
    """A search that is not answered; `reason` is a sentence for its author."""

    code: ClassVar[str] = "search_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SearchTooSlow(SearchRefused):
    """A search that was stopped because it took too long."""

    code: ClassVar[str] = "search_too_slow"

    def __init__(self, limit_ms: int) -> None:
        super().__init__(f"The search took longer than {limit_ms} ms.")
        self.limit_ms = limit_ms


class TooManySearches(SearchRefused):
    """A search that was turned away because too many of its account wait for their turn."""

    code: ClassVar[str] = "too_many_searches"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} searches of this account wait already: try again when they are answered.")
        self.limit = limit


class IndexUnavailable(CloudsteadError):
    """The store of the index failed; what was not indexed stays in the log and is indexed later."""

    code: ClassVar[str] = "index_unavailable"

    def __init__(self, doing: str) -> None:
        super().__init__(f"The observation store failed while {doing}.")
        self.doing = doing


class IndexBehind(IndexUnavailable):
    """The index lacks something that was acknowledged, after it had failed for a while."""

    code: ClassVar[str] = "index_behind"

    def __init__(self, count: int) -> None:
        super().__init__("catching up")
        self.args = (f"{count} messages are still to be indexed: try again when all of them can be found.",)
        self.count = count
