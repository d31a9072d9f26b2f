"""Names that look like others, or are read from their end, are refused wherever one is taken."""

from __future__ import annotations

import pytest

UNSEEN = "ad\u202emin"
PERSON = {"email": "new@cloud.example", "username": "newcomer"}
TENANT = {"end_market": "IoT", "admin_email": "first@below.example", "admin_name": "firstborn"}


@pytest.mark.parametrize(
    ("operation", "body", "field"),
    [
        ("create_api_key", {"name": UNSEEN}, "name"),
        ("create_group", {"name": UNSEEN}, "name"),
        ("create_user", {**PERSON, "full_name": UNSEEN}, "full_name"),
        ("create_user", {**PERSON, "address": UNSEEN}, "address"),
        ("create_user", {**PERSON, "email": f"{UNSEEN}@cloud.example"}, "email"),
        ("create_account", {**TENANT, "display_name": UNSEEN}, "display_name"),
        ("create_account", {**TENANT, "company": UNSEEN}, "company"),
        ("create_account", {**TENANT, "admin_full_name": UNSEEN}, "admin_full_name"),
        ("update_my_account", {"custom_fields": {UNSEEN: "x"}}, "custom_fields"),
    ],
)
async def test_a_name_with_what_nobody_can_see_is_refused_by_field_and_character(world, operation, body, field):
    refused = await world.call(operation, body=body)

    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field])
    assert "U+202E (RIGHT-TO-LEFT OVERRIDE)" in str(refused.body)
    assert "\u202e" not in str(refused.body)
