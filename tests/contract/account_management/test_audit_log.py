"""The audit log, which is ours: who sees which changes, and what of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloudstead.core.ids import AccountId
from factories.account_management import NOBODY
from factories.coverage import covers_each
from factories.rows import audit_entry

BOTH = ["list_audit_log", "list_account_audit_log"]


async def log_of(world, name="list_audit_log", by="admin", **query):
    answer = await world.call(name, by, query=query)
    assert answer.status == 200, answer.body
    return answer.body


async def made(world, by="admin", name="a key"):
    answer = await world.call("create_api_key", by, body={"name": name})
    assert answer.status == 201
    return answer.body


@covers_each(["list_audit_log"], "success")
async def test_a_change_is_told_with_who_whence_which_and_how_it_was(world):
    key = await made(world, "developer")
    renamed = await world.call("update_api_key", apikey_id=key["id"], body={"name": "renamed"})
    assert renamed.status == 200
    first, second = (await log_of(world, object_id__eq=key["id"]))["data"]
    assert {name: first[name] for name in ("principal", "user_name", "source_address", "operation", "before")} == {
        "principal": f"key:{world.key_ids['developer']}",
        "user_name": "developer",
        "source_address": "192.0.2.7",
        "operation": "api-key.create",
        "before": None,
    }
    assert (second["principal"], second["user_name"]) == (
        f"key:{world.key_ids['admin']}",
        world.people["admin"].user_name,
    )
    assert (second["before"]["name"], second["after"]["name"]) == ("a key", "renamed")
    assert second["at"] == f"{world.tenant.clock.now():%Y-%m-%dT%H:%M:%S}.{world.tenant.clock.millis() % 1000:03}Z"


async def test_who_comes_with_a_login_token_is_named_too(world):
    await made(world, await world.token("admin"))
    entry = (await log_of(world, limit=2, order="DESC"))["data"][0]
    person = world.people["admin"]
    assert (entry["principal"], entry["user_name"]) == (f"person:{person.id}", person.user_name)


async def test_no_secret_is_told(world):
    key = await made(world)
    await world.call("reset_api_key_secret", apikey_id=key["id"], body={"name": "reset"})
    told = str(await log_of(world, limit=1000))
    assert key["key"][-32:] not in told
    assert all(text[-32:] not in told for text in world.keys.values())


@covers_each(["list_account_audit_log"], "success")
async def test_a_parent_reads_what_was_done_in_its_tenant_and_a_tenant_is_not_told_who_is_who_above(world):
    theirs = await made(world, "tenant_admin")
    body = {"name": "from above"}
    assert (await world.call("update_account_api_key", apikey_id=theirs["id"], body=body)).status == 200
    above = await log_of(world, "list_account_audit_log", object_id__eq=theirs["id"])
    below = await log_of(world, by="tenant_admin", object_id__eq=theirs["id"])
    assert [each["user_name"] for each in above["data"]] == ["tenant_admin", world.people["admin"].user_name]
    assert [each["user_name"] for each in below["data"]] == ["tenant_admin", None]
    assert {each["account_id"] for each in above["data"]} == {world.below.id}
    assert [each["id"] for each in above["data"]] == [each["id"] for each in below["data"]]


async def test_no_account_sees_the_entries_of_another(world):
    keys = {name: await made(world, name) for name in ("admin", "tenant_admin", "stranger")}
    accounts = {"admin": world.top, "tenant_admin": world.below, "stranger": world.other}
    for name, account in accounts.items():
        entries = (await log_of(world, by=name, limit=1000))["data"]
        assert {each["account_id"] for each in entries} == {account.id}
        assert keys[name]["id"] in {each["object_id"] for each in entries}
        for other in keys.keys() - {name}:
            assert (await log_of(world, by=name, object_id__eq=keys[other]["id"]))["total_count"] == 0


async def test_whoever_has_left_keeps_the_principal_and_loses_the_name(world):
    await made(world, await world.token("tenant_developer"))
    gone = world.people["tenant_developer"].id
    await world.call("update_account_user", user_id=gone, body={"status": "INACTIVE"})
    assert (await world.call("delete_account_user", user_id=gone)).status == 204
    entries = (await log_of(world, by="tenant_admin", principal__eq=f"person:{gone}"))["data"]
    assert {(each["operation"], each["user_name"]) for each in entries} == {("api-key.create", None)}


async def test_filters_leave_what_is_all_of_what_is_asked(world):
    key = await made(world)
    await world.call("delete_api_key", apikey_id=key["id"])
    by_developer = await made(world, "developer")
    whole = (await log_of(world, limit=1000))["data"]
    for name, attribute, value in (
        ("operation__eq", "operation", "api-key.create"),
        ("object_type__eq", "object_type", "api-key"),
        ("object_id__eq", "object_id", key["id"]),
        ("principal__eq", "principal", f"key:{world.key_ids['developer']}"),
    ):
        found = await log_of(world, **{name: value})
        expected = [each["id"] for each in whole if each[attribute] == value]
        assert expected
        assert [each["id"] for each in found["data"]] == expected, name
        assert found["total_count"] == len(expected)
    both = {"operation__eq": "api-key.create", "principal__eq": f"key:{world.key_ids['developer']}"}
    assert [each["object_id"] for each in (await log_of(world, **both))["data"]] == [by_developer["id"]]


async def test_times_are_exact_to_the_millisecond_on_both_sides(world):
    start = world.tenant.clock.now().replace(microsecond=0) + timedelta(days=1)
    ms = timedelta(milliseconds=1)

    def add(unit):
        for number in range(3):
            at_ms = (start + number * ms - datetime(1970, 1, 1, tzinfo=UTC)) // ms
            entry_id = f"{at_ms:012x}{number:020}"  # as ids are made: the time comes first
            unit.audit.add(audit_entry(entry_id, account_id=AccountId(world.top.id), at_ms=at_ms))

    await world.tenant.database.write(add)

    async def found(**query):
        return [int(each["id"][12:]) for each in (await log_of(world, object_id__eq="u1", **query))["data"]]

    second = (start + ms).isoformat()
    assert await found(at__gte=second) == [1, 2]
    assert await found(at__lte=second) == [0, 1]
    assert await found(at__gte=second, at__lte=second) == [1]
    assert await found(at__gte=(start + ms * 0.5).isoformat()) == [1, 2]
    assert await found(at__lte=(start + ms * 0.5).isoformat()) == [0]
    assert await found(at__gte="0001-01-01T00:00:00+14:00", at__lte="9999-12-31T23:59:59-14:00") == [0, 1, 2]


async def test_pages_follow_one_another_both_ways(world):
    whole = [each["id"] for each in (await log_of(world, limit=1000))["data"]]
    assert whole == sorted(whole)
    for order, expected in (("ASC", whole), ("DESC", whole[::-1])):
        seen, query = [], {"limit": 2, "order": order}
        while True:
            page = await log_of(world, **query)
            seen += [each["id"] for each in page["data"]]
            assert page["total_count"] == len(whole)
            if not page["has_more"]:
                break
            query["after"] = seen[-1]
        assert seen == expected


@covers_each(BOTH, "refusal")
async def test_only_administrators_read_it_and_nobody_upwards(world):
    assert (await world.call("list_audit_log", "developer")).refused == (403, "access_denied")
    assert (await world.call("list_audit_log", "tenant_developer")).refused == (403, "access_denied")
    for by, account, refused in (
        ("developer", world.below, (403, "access_denied")),
        ("developer", world.top, (403, "access_denied")),
        ("tenant_admin", world.below, (403, "access_denied")),
        ("tenant_admin", world.top, (404, "not_found")),
        ("stranger", world.below, (404, "not_found")),
        ("stranger", world.top, (404, "not_found")),
    ):
        assert (await world.call("list_account_audit_log", by, account_id=account.id)).refused == refused, (by, account)
    for name in BOTH:
        for credential in (None, "inactive", "deleted", "nonsense"):
            assert (await world.call(name, credential)).refused == (401, "invalid_auth")


@covers_each(BOTH, "malformed")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "1"}, "limit"),
        ({"limit": "9" * 400}, "limit"),
        ({"after": "there"}, "after"),
        ({"order": "UP"}, "order"),
        ({"include": "secrets"}, "include"),
        ({"operation__like": "x"}, "operation__like"),
        ({"user_name__eq": "x"}, "user_name__eq"),
        ({"operation__eq": "a\0b"}, "operation__eq"),
        ({"operation__eq": ["api-key.create", "api-key.update"]}, "operation__eq"),
        ({"object_id__eq": "x" * 301}, "object_id__eq"),
        ({"at__gte": "yesterday"}, "at__gte"),
        ({"at__gte": "2026-11-20T12:00:00"}, "at__gte"),
        ({"at__lte": "10000-01-01T00:00:00Z"}, "at__lte"),
        ({"at__lte": ""}, "at__lte"),
    ],
)
async def test_a_query_that_cannot_be_is_refused(world, query, field):
    for name in BOTH:
        refused = await world.call(name, query=query)
        assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field])
    for account_id in (NOBODY, "me", "%00", "x" * 5000):
        assert (await world.call("list_account_audit_log", account_id=account_id)).refused == (404, "not_found")
