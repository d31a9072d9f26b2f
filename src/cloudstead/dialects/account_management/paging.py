"""Lists: how a page is asked for, and its envelope.

A cursor is the id of the last entity seen; ids are compared, not looked up, so a cursor outlives its entity.
``total_count`` is always sent, whether it was asked for or not: clients read it either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct

from cloudstead.core.paging import MAX_PAGE_SIZE, PageRequest
from cloudstead.dialects.account_management.filters import require_known
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cloudstead.core.paging import Page
    from cloudstead.web.call import Call

T = TypeVar("T")
W = TypeVar("W")
Q = TypeVar("Q", bound="ListQuery")


class ListQuery(Struct, kw_only=True):
    """The query of a list; shapes of lists with filters add a field for each."""

    limit: Annotated[int, Meta(ge=2, le=MAX_PAGE_SIZE)] = 50
    after: Annotated[str, Meta(pattern="^[0-9a-f]{0,32}$")] | None = None
    order: Literal["ASC", "DESC"] = "ASC"
    include: str = ""

    @property
    def page(self) -> PageRequest:
        """The page that is asked for."""
        return PageRequest(self.limit, self.after or None, descending=self.order == "DESC")


def list_query(call: Call[Any], shape: type[Q], *, extras: Collection[str] = ("total_count",)) -> Q:
    """Return the query of a list; raise ``FieldInvalid`` for an unknown filter or an unknown word of ``include``."""
    require_known(call, shape)
    query = call.options(shape)
    included(query.include, extras=extras)
    return query


def included(text: str, *, extras: Collection[str]) -> frozenset[str]:
    """Return the words of ``include``; blanks around the commas are tolerated, for some clients send them."""
    words = frozenset(part.strip() for part in text.split(",") if part.strip())
    unknown = sorted(words - set(extras))
    if unknown:
        raise FieldInvalid("include", f"{unknown[0]!r} is not known here, only {', '.join(sorted(extras))}")
    return words


def envelope(query: ListQuery, page: Page[T], write: Callable[[T], W]) -> ListOf[W]:
    """Return a page in its envelope, each entity as ``write`` shows it; the page has to know its total."""
    if page.total is None:
        raise ValueError("a page of this dialect tells how many there are")
    return ListOf(
        data=[write(each) for each in page.items],
        has_more=page.after is not None,
        limit=query.limit,
        order=query.order,
        after=query.after,
        total_count=page.total,
    )
