import pytest

from cloudstead.core.paging import PageRequest
from factories.rows import audit_entry

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
