from dataclasses import replace

import pytest

from cloudstead.core.access.permissions import BUILT_IN_ROLES, permissions_of
from cloudstead.core.caller import Grant
from cloudstead.core.groups.model import DeviceFacts, GroupFacts, Holder, OutsideKey
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.listing import Category, PeopleQuery, PeopleScope
from cloudstead.core.people.model import Stage
from cloudstead.core.people.standing import Standing
from cloudstead.core.roles.errors import RoleNameTaken
from cloudstead.core.roles.model import GroupRole
from factories.rows import audit_entry, certificate, domain, membership, person, thing

pytestmark = pytest.mark.usefixtures("tenants")

FACTS = GroupFacts(
    account_id="a1",
    domain_id="d1",
    owner_id="p1",
    administrator_role="group-administrator",
    default_role="r1",
    tags=("a", "é"),
    token_hash=b"h1",
    sealed_token=b"sealed",
    created_by="p1",
    updated_by="p2",
    updated_at_ms=5,
)
ROLE = GroupRole(
    id="r1",
    account_id="a1",
    domain_id="d1",
    name="watcher",
    description="d",
    words=("group:view", "device:view"),
    created_at_ms=1,
    created_by="p1",
    updated_at_ms=2,
)
KEY = OutsideKey(
    account_id="a1",
    domain_id="d1",
    type="sigfox",
    name="k",
    sealed_token=b"sealed",
    created_by="p1",
    updated_by=None,
    created_at_ms=1,
    updated_at_ms=2,
)


@pytest.fixture
async def filled(database):
    def write(unit):
        for each in ("d1", "d2"):
            unit.domains.add(domain(each, parent_id="root"))
        unit.people.add(person())

    await database.write(write)
    return database


async def test_what_a_group_has_comes_back_and_goes_with_its_domain(filled):
    def write(unit):
        unit.groups.put(FACTS)
        unit.groups.put(replace(FACTS, default_role="r2"))
        unit.roles.add(ROLE)
        unit.outside_keys.put(KEY)
        found = unit.groups.named("a1", ["d1", "d2"]), unit.groups.by_token(b"h1"), unit.groups.by_token(b"h2")
        unit.domains.remove("a1", ["d1"])
        return (
            found,
            unit.groups.named("a1", ["d1"]),
            unit.roles.named("a1", ["r1"]),
            unit.outside_keys.count("a1", "d1"),
        )

    kept = replace(FACTS, default_role="r2")
    assert await filled.write(write) == (({"d1": kept}, kept, None), {}, [], 0)


async def test_a_group_outlives_its_owner(filled):
    def write(unit):
        unit.groups.put(FACTS)
        unit.people.remove(["p1"])
        return unit.groups.named("a1", ["d1"])["d1"].owner_id

    assert await filled.write(write) is None


async def test_roles_are_named_apart_in_their_group_and_listed_in_the_order_of_their_ids(filled):
    def write(unit):
        unit.roles.add(ROLE)
        unit.roles.add(replace(ROLE, id="r0", name="other"))
        unit.roles.add(replace(ROLE, id="r2", domain_id="d2"))
        for role in (replace(ROLE, id="r3"), None):
            with pytest.raises(RoleNameTaken):
                unit.roles.add(role) if role else unit.roles.replace(replace(ROLE, name="other"))
        unit.roles.replace(replace(ROLE, words=("group:view",), updated_at_ms=9))
        unit.roles.remove("a2", "r0")
        return [each.id for each in unit.roles.at("a1", ["d1"])], unit.roles.named("a1", ["r1", "r9"])

    assert await filled.write(write) == (["r0", "r1"], [replace(ROLE, words=("group:view",), updated_at_ms=9)])


async def test_the_places_of_roles_are_where_they_are_held_or_named(filled):
    def write(unit):
        unit.roles.add(ROLE)
        unit.roles.add(replace(ROLE, id="r2", domain_id="d2"))
        unit.groups.put(replace(FACTS, default_role="r2", administrator_role="r2"))
        unit.people.put_membership(membership("p1", Grant("d2", "r1"), Grant("d1", "r1"), Grant("d1", "group-viewer")))
        return sorted(unit.roles.places("a1", ["r1", "r2", "r3"])), unit.roles.places("a2", ["r1", "r2"])

    assert await filled.write(write) == ([("r1", "d1"), ("r1", "d2"), ("r2", "d1")], [])


async def test_a_role_is_used_by_whoever_holds_it_and_by_the_group_that_names_it(filled):
    def write(unit):
        unit.roles.add(ROLE)
        before = unit.roles.is_used("a1", "r1")
        unit.people.put_membership(membership("p1", Grant("d2", "r1")))
        held = unit.roles.is_used("a1", "r1")
        unit.people.put_membership(membership("p1"))
        unit.groups.put(FACTS)
        return before, held, unit.roles.is_used("a1", "r1"), unit.roles.is_used("a2", "r1")

    assert await filled.write(write) == (False, True, True, False)


async def test_a_grant_of_a_role_that_somebody_has_made_comes_with_what_it_holds(filled):
    def write(unit):
        unit.roles.add(ROLE)
        unit.people.put_membership(membership("p1", Grant("d1", "r1"), Grant("root", "Read"), Grant("d2", "gone")))
        (member,) = unit.people.members("a1", ["p1-name"])
        return unit.people.membership("a1", "p1").grants, member.grants

    for grants in await filled.write(write):
        assert [grant.held for grant in grants[::2]] == [permissions_of(ROLE.words), None]
        assert grants[1].permissions is None


async def test_members_are_those_with_a_grant_in_the_group_itself_each_by_the_last(filled):
    def write(unit):
        for name, *grants in (
            ("p1", Grant("root", "Read")),
            ("p2", Grant("d1", "Read"), Grant("d1", "group-viewer")),
            ("p3", Grant("d1", "group-installer")),
            ("p4", Grant("d1", "group-viewer")),
        ):
            if name != "p1":
                unit.people.add(person(name, is_enabled=name != "p4"))
            unit.people.put_membership(membership(name, *grants))
        unit.members.put(
            Standing(account_id="a1", person_id="p3", stage=Stage.INVITED, created_at_ms=7, updated_at_ms=8)
        )
        pages = [unit.groups.members("a1", "d1", after=after, limit=2) for after in ("", "p3")]
        one = unit.groups.member("a1", "d1", "p3"), unit.groups.member("a1", "d1", "p1")
        return pages, one, unit.groups.holders("a1", ["d1", "root"])

    (first, second), (invited, missing), holders = await filled.write(write)
    assert [(each.person.id, each.role, each.stage) for each in (*first, *second)] == [
        ("p2", "group-viewer", Stage.OPEN),
        ("p3", "group-installer", Stage.INVITED),
        ("p4", "group-viewer", Stage.OPEN),
    ]
    assert (invited.created_at_ms, invited.updated_at_ms, missing) == (7, 8, None)
    assert sorted(holders) == [
        Holder("p1", "root", "Read"),
        Holder("p2", "d1", "Read"),
        Holder("p2", "d1", "group-viewer"),
    ]


async def test_a_grant_is_put_behind_those_that_are_there(filled):
    def write(unit):
        unit.people.put_membership(membership("p1", Grant("root", "Read")))
        for place in ("d1", "d2"):
            unit.people.add_grant("a1", "p1", Grant(place, "group-viewer"))
        return [(grant.domain_id, grant.role) for grant in unit.people.membership("a1", "p1").grants]

    assert await filled.write(write) == [("root", "Read"), ("d1", "group-viewer"), ("d2", "group-viewer")]


async def test_a_list_of_people_knows_what_a_role_of_their_own_making_holds(filled):
    def write(unit):
        unit.roles.add(ROLE)
        for name, *grants in (("q0", Grant("d1", "r1")), ("q1", Grant("d1", "Read")), ("q2",)):
            unit.people.add(person(name))
            unit.people.put_membership(membership(name, *grants))
        page = unit.people.page("a1", PeopleScope(None), PeopleQuery(category=Category.ALL))
        return {each.person.id: each.home and each.home.held for each in page if each.person.id != "p1"}

    read = BUILT_IN_ROLES["Read"].permissions
    assert await filled.write(write) == {"q0": permissions_of(ROLE.words), "q1": read, "q2": None}


async def test_outside_keys_are_one_of_a_type_in_a_group(filled):
    def write(unit):
        unit.outside_keys.put(KEY)
        unit.outside_keys.put(replace(KEY, name="renamed"))
        unit.outside_keys.put(replace(KEY, type="actility"))
        found = unit.outside_keys.get("a1", "d1", "sigfox"), unit.outside_keys.count("a1", "d1")
        unit.outside_keys.remove("a1", "d1", "sigfox")
        return found, unit.outside_keys.get("a1", "d1", "sigfox"), unit.outside_keys.get("a2", "d1", "actility")

    assert await filled.write(write) == ((replace(KEY, name="renamed"), 2), None, None)


async def test_many_things_are_added_moved_counted_paged_and_removed(filled):
    things = [thing(f"u{number}", name=f"n{number}", domain_id="d1") for number in range(4)]
    facts = [
        DeviceFacts(thing_uid=each.uid, account_id="a1", tags=("t",), created_by="p1", updated_at_ms=3)
        for each in things
    ]

    def write(unit):
        unit.things.add_each(things)
        unit.device_facts.put(facts)
        unit.certificates.add(certificate("c1", thing_uid="u0"))
        unit.things.replace_each([replace(each, domain_id="d2") for each in things[2:]])
        told = (
            unit.things.taken("a1", ["n0", "n9"]),
            unit.groups.devices_at("a1", ["d1", "d2", "root"]),
            [each.uid for each in unit.things.page_at("a1", "d1", after="n0", limit=5)],
            unit.device_facts.of_things(["u1", "u9"]),
        )
        revoked = unit.certificates.revoke_of_each("a1", ["u0", "u1"], 5)
        unit.things.remove_each("a2", ["u2"])
        unit.things.remove_each("a1", ["u0", "u1"])
        left = [each.uid for each in unit.things.by_uids(["u0", "u1", "u2"])]
        return told, list(revoked), left, unit.device_facts.of_things(["u0", "u1"])

    told, revoked, left, gone = await filled.write(write)
    assert told == ({"n0"}, {"d1": 2, "d2": 2}, ["u1"], {"u1": facts[1]})
    assert (revoked, left, gone) == (["c1"], ["u2"], {})


async def test_entries_of_the_trail_are_added_together(filled):
    entries = [audit_entry(f"0{number}") for number in range(3)]

    def write(unit):
        unit.audit.add_each(entries)
        return unit.audit.page("a1", PageRequest())

    assert list((await filled.write(write)).items) == entries
