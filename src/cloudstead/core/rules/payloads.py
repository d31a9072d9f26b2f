"""What templates may name: the payload of a rule (Cloud Connect 2.11, section 6.1, as printed there)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
    from cloudstead.core.rules.model import Rule
    from cloudstead.core.rules.resources import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An observation as rules see it: what one accepted update reported.

    ``offset`` is that of the update in the log, ``at_ms`` when it was received. ``thing_uid`` is empty for what is no
    live message: a dry run, an explanation.
    """

    account_id: AccountId
    thing_uid: ThingUid
    thing_name: ThingName
    thing_type: ThingTypeId
    domain_id: DomainId
    offset: int
    at_ms: int
    state: Mapping[str, Any]


def payload_of(rule: Rule, sighting: Sighting, found: Found) -> dict[str, Any]:
    """Return the payload of one hit."""
    resource: dict[str, Any] = {"name": found.name, "path": found.path, "value": found.value}
    if found.parent_id is not None:
        resource["parent"] = {"id": found.parent_id, "state": sighting.state[found.parent_id]}
    return {
        "resource": resource,
        "timestamp": sighting.at_ms,
        "rule": {"id": rule.id, "name": rule.name},
        "thing": {
            "thingName": sighting.thing_name,
            "thingType": sighting.thing_type,
            "domain": sighting.domain_id,
            "state": sighting.state,
        },
    }
