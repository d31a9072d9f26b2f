"""Pages of people, what is stored for them, and what goes with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.people.listing import Category, Counts, PeopleQuery, PeopleScope, SortKey
from cloudstead.core.people.model import Member
from factories.rows import api_key, domain, membership, person, refresh_token

EVERYBODY = PeopleScope(None)
NORTH = Grant("north", "ReadWrite")
ROOT = Grant("root", "Read")


@pytest.fixture
async def crowd(database, tenants):
    def add(unit):
        unit.domains.add(domain("north", parent_id="root"))
        for each in (
            person("p1", user_name="bob", last_name="Zed", email="b@x"),
            person("p2", user_name="ann", first_name="Ann", last_name="Åberg", email="z@x"),
            person("p3", user_name="cid", last_name="Zed", is_confirmed=False),
            person("p4", user_name="dan", city="100%_\\"),
        ):
            unit.people.add(each)
        unit.people.put_membership(membership("p1", NORTH, ROOT))
        unit.people.put_membership(membership("p2", ROOT))
        unit.people.put_membership(membership("p3"))
        unit.people.put_membership(membership("p4"))
        unit.people.add(person("f1", account_id="a2", user_name="bob", last_name="Zed"))
        unit.people.put_membership(membership("f1", Grant("root", "Read"), account_id="a2"))

    await database.write(add)


@pytest.fixture
def page(database, crowd):
    async def page(scope=EVERYBODY, **query):
        asked = PeopleQuery(**{"category": Category.ALL, **query})
        members = await database.scan(lambda unit: unit.people.page("a1", scope, asked))
        return [each.person.user_name for each in members]

    return page


@pytest.fixture
def count(database, crowd):
    async def count(scope=EVERYBODY, **query):
        return await database.scan(lambda unit: unit.people.count("a1", scope, PeopleQuery(**query)))

    return count


async def test_a_page_holds_whole_people_with_their_home(database, crowd):
    (found,) = await database.read(
        lambda unit: unit.people.page("a1", EVERYBODY, PeopleQuery(category=Category.ACTIVE, page=2, size=1))
    )
    assert found == Member(person("p1", user_name="bob", last_name="Zed", email="b@x"), (NORTH,))


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        (Category.ALL, ["ann", "bob", "cid", "dan"]),
        (Category.ACTIVE, ["ann", "bob"]),
        (Category.PENDING, ["dan"]),
        (Category.UNCONFIRMED, ["cid"]),
    ],
)
async def test_categories_divide_the_people(page, count, category, expected):
    assert await page(category=category) == expected
    assert (await count()).of(category) == len(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (SortKey.LAST_NAME, ["dan", "bob", "cid", "ann"]),
        (SortKey.EMAIL, ["bob", "cid", "dan", "ann"]),
        (SortKey.ROLE, ["cid", "dan", "ann", "bob"]),
        (SortKey.DOMAIN, ["cid", "dan", "bob", "ann"]),
        (SortKey.CITY, ["ann", "bob", "cid", "dan"]),
    ],
)
async def test_both_engines_agree_on_every_order(page, sort, expected):
    assert await page(sort=sort) == expected


@pytest.mark.parametrize("sort", list(SortKey))
async def test_pages_of_any_order_hold_everybody_once(page, sort):
    found = [name for number in (1, 2, 3, 4, 5) for name in await page(sort=sort, page=number, size=1)]
    assert sorted(found) == ["ann", "bob", "cid", "dan"]
    assert found == await page(sort=sort)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZED", ["bob", "cid"]),
        ("åBERG", ["ann"]),
        ("ann åberg", ["ann"]),
        ("%", ["dan"]),
        ("_", ["dan"]),
        ("\\", ["dan"]),
        ("north", ["bob"]),
        ("' OR 1=1 --", []),
    ],
)
async def test_free_text_is_taken_literally_but_for_its_case(page, count, text, expected):
    assert await page(free_text=text) == expected
    assert (await count(free_text=text)).all == len(expected)


async def test_free_text_finds_roles_by_the_names_that_they_are_given(page):
    assert await page(free_text="whatever", roles=("Read",)) == ["ann"]


async def test_who_has_no_home_is_in_no_domain(page, count):
    scope = PeopleScope(["north", "nowhere"])
    assert await page(scope) == ["bob"]
    assert await page(scope, free_text="zed") == ["bob"]
    assert await count(scope) == Counts(active=1)
    assert await count(PeopleScope([])) == Counts()


async def test_what_is_found_follows_what_is_changed(database, page):
    await database.write(lambda unit: unit.people.replace(replace(unit.people.get("p1"), company="Widgets")))
    assert await page(free_text="widgets") == ["bob"]
    assert await page(free_text="nobody@") == []


async def test_several_are_read_with_all_their_grants(database, crowd):
    found = await database.read(lambda unit: unit.people.members("a1", ["bob", "dan", "nobody"]))
    assert [(each.person.id, each.grants) for each in found] == [("p1", (NORTH, ROOT)), ("p4", ())]


async def test_what_is_stored_for_somebody_is_replaced_as_a_whole(database, crowd):
    assert await database.read(lambda unit: unit.people.user_data("p1")) is None
    for data in ({"a": [1, None, {"ö": 1.5}]}, {"b": 2}):
        await database.write(lambda unit, data=data: unit.people.put_user_data("p1", data))
        assert await database.read(lambda unit: unit.people.user_data("p1")) == data


async def test_whoever_is_removed_leaves_nothing_behind_and_nobody_else_goes(database, crowd):
    def fill(unit):
        unit.api_keys.add(api_key("k1", ROOT, owner_id="p1"))
        unit.api_keys.add(api_key("k2", ROOT, owner_id="p2"))
        unit.refresh_tokens.add(refresh_token(b"h1"))
        unit.people.put_user_data("p1", {})

    await database.write(fill)
    assert await database.read(lambda unit: unit.api_keys.ids_of(["p1", "p4"])) == ["k1"]
    await database.write(lambda unit: unit.people.remove(["p1"]))

    def left(unit):
        return (
            unit.people.get("p1"),
            unit.people.membership("a1", "p1"),
            unit.api_keys.get("k1"),
            unit.refresh_tokens.get(b"h1"),
            unit.people.user_data("p1"),
            unit.api_keys.get("k2") is not None,
            unit.people.get("f1") is not None,
        )

    assert await database.read(left) == (None, None, None, None, None, True, True)


async def test_the_refresh_tokens_of_one_person_are_dropped_together(database, crowd):
    def fill(unit):
        for token_hash, owner in ((b"h1", "p1"), (b"h2", "p1"), (b"h3", "p2")):
            unit.refresh_tokens.add(refresh_token(token_hash, person_id=owner))

    await database.write(fill)
    assert await database.write(lambda unit: unit.refresh_tokens.drop_of("p1")) == 2
    assert await database.read(lambda unit: unit.refresh_tokens.get(b"h3")) is not None
