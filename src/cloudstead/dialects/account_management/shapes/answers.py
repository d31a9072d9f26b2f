"""Answers of every area: lists, acknowledgements, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from cloudstead.web.call import Call

T = TypeVar("T")

Kind = Literal["user", "api-key", "group", "policy", "account"]


class ListOf(Struct, Generic[T], kw_only=True):
    """One page; ``after`` is the cursor that it was asked with."""

    data: list[T]
    has_more: bool
    limit: int
    total_count: int
    object: Literal["list"] = "list"
    order: Literal["ASC", "DESC"] = "ASC"
    after: str | None = None


class UpdatedResponse(Struct, kw_only=True):
    """The acknowledgement of a change that does not show the entity; ``object`` is its kind."""

    id: str
    object: Kind
    request_id: str
    code: int = 200
    type: Literal["success"] = "success"
    message: str = "success"


class FieldFault(Struct):
    """One attribute that failed."""

    name: str
    message: str


class ErrorResponse(Struct, kw_only=True, omit_defaults=True):
    """The body of every refusal. ``fields`` is a list even for one: clients rely on it."""

    object: str
    code: int
    type: str
    message: str
    request_id: str
    fields: list[FieldFault] = []


def updated(call: Call[Any], kind: Kind, entity_id: str) -> UpdatedResponse:
    """Return the acknowledgement of a change of one entity."""
    return UpdatedResponse(id=entity_id, object=kind, request_id=call.request_id)
