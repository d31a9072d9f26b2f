"""Names that look like others, or are read from their end, are refused wherever one is taken."""

from __future__ import annotations

import pytest

from factories.rules import WIRE_RULE

UNSEEN = "la\u200bmp"
DOMAIN = {"id": "new", "parentId": "north", "name": "New"}
THING = {"thingType": "type-north", "domain": "north"}
TYPE = {"id": "new", "domain": "north", "label": "New"}
PERSON = {"userName": "new", "password": "demo", "firstName": "N", "lastName": "N", "email": "new@cloud.example"}


@pytest.mark.parametrize(
    ("label", "good", "field"),
    [
        ("AuthLambda.SIGN_UP", PERSON, "userName"),
        ("AuthLambda.SIGN_UP", PERSON, "lastName"),
        ("DomainLambda.CREATE", DOMAIN, "id"),
        ("DomainLambda.CREATE", DOMAIN, "name"),
        ("RuleLambda.CREATE", WIRE_RULE, "name"),
        ("RuleLambda.CREATE", WIRE_RULE, "id"),
        ("ThingLambda.CREATE", THING, "thingName"),
        ("ThingLambda.UPDATE", {"thingName": "thing-north", "domain": "north"}, "label"),
        ("ThingTypeLambda.CREATE", TYPE, "id"),
        ("ThingTypeLambda.CREATE", TYPE, "label"),
        ("UserLambda.CREATE", {**PERSON, "roleName": "Read", "domainName": "north"}, "userName"),
        ("UserLambda.CREATE", {**PERSON, "roleName": "Read", "domainName": "north"}, "company"),
    ],
)
async def test_a_name_with_what_nobody_can_see_is_refused_with_its_property(world, label, good, field):
    payload = {"action": label.partition(".")[2], "attributes": {**good, field: UNSEEN}}

    answer = await world.invoke(label, payload, caller=world.administrator)

    assert answer.told == ("INVALID_ARGUMENTS", field)
    assert "\u200b" not in answer.error["message"]
