import pytest

from cloudstead.core.audit.model import AuditFilter
from cloudstead.core.paging import PageRequest
from factories.rows import api_key, audit_entry, membership, person

pytestmark = pytest.mark.usefixtures("tenants")


async def add(database, *entries):
    def write(unit):
        for entry in entries:
            unit.audit.add(entry)

    await database.write(write)


async def page_of(database, account_id="a1", **request):
    return await database.read(lambda unit: unit.audit.page(account_id, PageRequest(**request)))


async def test_an_entry_comes_back_as_it_was_added(database):
    everything = audit_entry(source_address="::1", before={"name": "x"}, after={"name": None, "list": [1]})
    await add(database, everything, audit_entry("02"))

    assert (await page_of(database)).items == (everything, audit_entry("02"))


async def test_pages_follow_one_another_in_the_order_of_time(database):
    ids = [f"{number:02}" for number in range(1, 6)]
    await add(database, *(audit_entry(entry_id) for entry_id in reversed(ids)))

    first = await page_of(database, limit=2)
    second = await page_of(database, limit=2, after=first.after)
    third = await page_of(database, limit=2, after=second.after)

    assert [[each.id for each in page.items] for page in (first, second, third)] == [["01", "02"], ["03", "04"], ["05"]]
    assert third.after is None


async def test_pages_may_go_backwards(database):
    await add(database, *(audit_entry(entry_id) for entry_id in ("01", "02", "0f")))

    first = await page_of(database, limit=2, descending=True)
    second = await page_of(database, limit=2, descending=True, after=first.after)

    assert [each.id for each in first.items] == ["0f", "02"]
    assert ([each.id for each in second.items], second.after) == (["01"], None)


async def test_a_page_that_ends_with_the_last_entry_has_no_successor(database):
    await add(database, audit_entry("01"), audit_entry("02"))

    assert (await page_of(database, limit=2)).after is None


async def test_an_account_sees_its_own_entries_only(database):
    await add(database, audit_entry("01"), audit_entry("02", account_id="a2"), audit_entry("01", account_id="a2"))

    assert [each.id for each in (await page_of(database)).items] == ["01"]
    assert [each.id for each in (await page_of(database, "a2")).items] == ["01", "02"]


async def test_filters_leave_what_is_all_of_what_is_asked_and_count_it(database):
    first, second, third, fourth = (f"{at_ms:012x}{'7':0<20}" for at_ms in (1, 5, 6, 7))
    await add(
        database,
        audit_entry(first),
        audit_entry(second, operation="remove_thing", at_ms=5),
        audit_entry(third, object_type="person", object_id="ada", at_ms=6),
        audit_entry(fourth, principal="key:k1", at_ms=7),
    )

    async def found(**wanted):
        page = await database.read(lambda unit: unit.audit.page("a1", PageRequest(limit=2), AuditFilter(**wanted)))
        return [each.id for each in page.items], page.total

    assert await found() == ([first, second], 4)
    assert await found(operation="remove_thing") == ([second], 1)
    assert await found(object_type="person") == ([third], 1)
    assert await found(object_id="u1") == ([first, second], 3)
    assert await found(principal="key:k1") == ([fourth], 1)
    assert await found(since_ms=5) == ([second, third], 3)
    assert await found(since_ms=5, until_ms=5) == ([second], 1)
    assert await found(operation="create_thing", object_id="u1", principal="person:p1", until_ms=9**12) == ([first], 1)


async def test_times_leave_what_was_noted_then_though_the_clock_was_set_back_since(database):
    hour_ms = 60 * 60 * 1000
    noon_ms = 1_000 * hour_ms
    ids = {name: f"{noon_ms + at_ms:012x}{'7':0<20}" for name, at_ms in (("before", -1), ("noon", 0), ("ahead", 1))}
    await add(
        database,
        audit_entry(ids["before"], at_ms=noon_ms - 1),
        audit_entry(ids["noon"], at_ms=noon_ms),
        audit_entry(ids["ahead"], at_ms=noon_ms - hour_ms),
    )

    async def found(**wanted):
        page = await database.read(lambda unit: unit.audit.page("a1", PageRequest(limit=9), AuditFilter(**wanted)))
        return [each.id for each in page.items]

    assert await found(since_ms=noon_ms) == [ids["noon"]]
    assert await found(until_ms=noon_ms - 1) == [ids["before"], ids["ahead"]]
    assert await found(until_ms=noon_ms - hour_ms) == [ids["ahead"]]
    assert await found(since_ms=2**62) == []


async def test_people_and_keys_of_the_accounts_are_named(database):
    def write(unit):
        unit.people.add(person("p1", user_name="ada"))
        unit.people.put_membership(membership("p1"))
        unit.api_keys.add(api_key("k1", owner_id="p1"))
        unit.api_keys.add(api_key("k2", owner_id=None, name="machine"))

    await database.write(write)
    principals = ["person:p1", "key:k1", "key:k2", "person:gone", "key:gone", "thing:vm", "p1", ""]

    async def named(*account_ids):
        return await database.read(lambda unit: dict(unit.audit.user_names(account_ids, principals)))

    assert await named("a1") == await named("a2", "a1") == {"person:p1": "ada", "key:k1": "ada", "key:k2": "machine"}
    assert await named("a2") == {}
