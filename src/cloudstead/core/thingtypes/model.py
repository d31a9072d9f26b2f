"""A thing type with its view modes and learnt resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, DomainId, ThingTypeId

JsonObject = dict[str, Any]

DEFAULT_VIEW: Final = "DefaultView"
"""The view mode that every new type has (Cloud Connect 2.11, section 12.1.1.2)."""


def default_view_modes() -> JsonObject:
    """Return the view modes of a new type: the default one, with no widgets."""
    return {DEFAULT_VIEW: {"id": DEFAULT_VIEW, "label": "Default view", "thingWidgets": [], "collectionWidgets": []}}


@dataclass(frozen=True, slots=True)
class ThingType:
    """A kind of things. It belongs to a domain and may be used at that domain and below.

    ``resources`` is keyed as rules name a resource (Cloud Connect 2.11, section 6.1): ``temp`` of a thing,
    ``pump.temp`` or ``untyped.temp`` of a sub-thing; each value says which ``type`` of JSON value was seen last.
    """

    account_id: AccountId
    id: ThingTypeId
    domain_id: DomainId
    label: str
    description: str | None = None
    data: JsonObject | None = None
    resources: JsonObject = field(default_factory=dict)
    view_mode: str = DEFAULT_VIEW
    view_modes: JsonObject = field(default_factory=default_view_modes)
    extra: JsonObject = field(default_factory=dict)  # whatever UPDATE_ATTRIBUTE put beside the known attributes
    created_at_ms: int = 0
