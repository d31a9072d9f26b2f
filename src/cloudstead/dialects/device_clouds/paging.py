"""How a page of clouds is asked for: everything of it stands in the query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.clouds.listing import DEFAULT_LIMIT, MAX_LIMIT, CloudQuery
from cloudstead.dialects.device_clouds.shapes.clouds import FIELDS, described
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.model import CloudId
    from cloudstead.web.call import Call


class FindQuery(Struct, kw_only=True):
    """The query of a search."""

    hidden: bool = False
    filter: str | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    next: str | None = None
    prev: str | None = None
    index: Literal["primary", "gs1"] = "primary"
    where: str | None = None
    log: bool = False


class IdPageQuery(Struct, kw_only=True):
    """The query of other lists."""

    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    next: str | UnsetType = UNSET


def find_query(call: Call[Actor], cloud_id: CloudId | None) -> tuple[FindQuery, CloudQuery]:
    """Return the query as it was sent, and as core takes it; raise ``FieldInvalid``."""
    _require_once(call)
    sent = call.options(FindQuery)
    return sent, CloudQuery(
        describe=described,
        fields=FIELDS,
        id=cloud_id,
        where=sent.where,
        filter=sent.filter,
        index=sent.index,
        limit=sent.limit,
        next=sent.next,
        prev=sent.prev,
    )


def _require_once(call: Call[Any]) -> None:
    """Raise ``FieldInvalid`` for an option that is given twice, of which only one would count."""
    seen = set()
    for name, _ in call.query.multi_items():
        if name in seen:
            raise FieldInvalid(name, "is given more than once")
        seen.add(name)
