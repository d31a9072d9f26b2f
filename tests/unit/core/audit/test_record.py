from __future__ import annotations

import pytest

from cloudstead.core.audit.record import record
from cloudstead.core.paging import PageRequest


async def recorded(tenant, *, caller=None, **fields):
    def write(unit):
        record(
            unit,
            caller or tenant.caller,
            clock=tenant.clock,
            ids=tenant.ids,
            operation="thing.update",
            object_type="thing",
            object_id="pump",
            **fields,
        )

    await tenant.database.write(write)
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest()))
    return page.items[-1]


async def test_an_entry_says_who_did_what_from_where_and_when(tenant):
    entry = await recorded(tenant, caller=tenant.caller.seen_from("192.0.2.7"))
    assert entry.account_id == tenant.account.id
    assert entry.principal == f"person:{tenant.administrator.id}"
    assert (entry.operation, entry.object_type, entry.object_id) == ("thing.update", "thing", "pump")
    assert (entry.source_address, entry.at_ms) == ("192.0.2.7", tenant.clock.millis())


async def test_of_a_change_only_what_differs_is_kept(tenant):
    entry = await recorded(
        tenant, before={"a": 1, "b": 2, "gone": 3, "none": None}, after={"a": 1, "b": 4, "new": 5, "none": None}
    )
    assert (entry.before, entry.after) == ({"b": 2, "gone": 3}, {"b": 4, "new": 5})


async def test_of_a_change_that_changed_nothing_nothing_is_kept(tenant):
    entry = await recorded(tenant, before={"a": 1}, after={"a": 1})
    assert (entry.before, entry.after) == (None, None)


async def test_what_was_made_and_what_was_removed_is_kept_whole(tenant):
    assert (await recorded(tenant, after={"a": 1})).after == {"a": 1}
    assert (await recorded(tenant, before={"a": 1})).before == {"a": 1}


@pytest.mark.parametrize("name", ["password", "password_hash", "clientSecret", "sealed_private_key", "refreshToken"])
async def test_secrets_are_hidden_though_their_change_is_seen(tenant, name):
    entry = await recorded(tenant, before={name: "old"}, after={name: "new"})
    assert (entry.before, entry.after) == ({name: "(hidden)"}, {name: "(hidden)"})


async def test_secrets_are_hidden_however_deep(tenant):
    entry = await recorded(tenant, after={"actions": [{"config": {"token": "t", "url": "u"}}], "pair": ("a", "b")})
    assert entry.after == {"actions": [{"config": {"token": "(hidden)", "url": "u"}}], "pair": ["a", "b"]}
