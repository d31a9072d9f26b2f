"""Policy groups, profiles of accounts and pages of keys, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstead.core.accounts.listing import AccountQuery
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.profile import AccountProfile, FeaturePolicy, MfaStatus, Tier
from cloudstead.core.caller import Grant
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.model import Stage
from cloudstead.core.people.standing import ResidentFilter
from cloudstead.core.policygroups.errors import PolicyGroupNameTaken
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind, PolicyGroup
from factories.rows import ROOT_READ, account, api_key, domain, membership, person

pytestmark = pytest.mark.usefixtures("tenants")

ALL = PageRequest(limit=100)
ADMINISTRATORS = PolicyGroup(id="01", account_id="a1", name="Administrators", kind=GroupKind.ADMINISTRATORS)


def group(group_id="g1", *grants, **others):
    return replace(PolicyGroup(id=group_id, account_id="a1", name=f"Group {group_id}", grants=grants), **others)


async def test_a_group_comes_back_with_its_grants_in_order_and_through_its_own_account_only(database):
    kept = group("g1", Grant("sub", "ReadWrite"), ROOT_READ, version=3, updated_at_ms=7)

    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.policy_groups.add(kept)

    await database.write(write)
    assert await database.read(lambda unit: unit.policy_groups.get("a1", "g1")) == kept
    assert await database.read(lambda unit: unit.policy_groups.get("a2", "g1")) is None
    changed = replace(kept, name="Crew", grants=(ROOT_READ,), version=4)
    await database.write(lambda unit: unit.policy_groups.replace(changed))
    assert await database.read(lambda unit: unit.policy_groups.get("a1", "g1")) == changed


async def test_a_name_is_there_once_in_an_account(database):
    def write(unit):
        unit.policy_groups.add(group("g1", name="Crew"))
        unit.policy_groups.add(group("g2", name="Staff"))
        unit.policy_groups.add(group("g3", name="Crew", account_id="a2"))

    await database.write(write)
    for wrong in (
        lambda unit: unit.policy_groups.add(group("g4", name="Crew")),
        lambda unit: unit.policy_groups.replace(group("g2", name="Crew")),
    ):
        with pytest.raises(PolicyGroupNameTaken):
            await database.write(wrong)


async def test_who_holds_the_administrator_role_at_the_root_is_in_that_group_and_nobody_else(database):
    def members(unit):
        return (
            tuple(each.person.id for each in unit.members.page("a1", ALL, ResidentFilter(group_id="01")).items),
            tuple(key.id for key in unit.policy_groups.keys_in("01", ALL).items),
        )

    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.policy_groups.add(ADMINISTRATORS)
        for name, grant in (("p1", ADMINISTRATOR_GRANT), ("p2", Grant("sub", "Administrator")), ("p3", ROOT_READ)):
            unit.people.add(person(name))
            unit.people.put_membership(membership(name, ROOT_READ, grant))
        unit.api_keys.add(api_key("k1", ADMINISTRATOR_GRANT))
        unit.api_keys.add(api_key("k2", ROOT_READ))

    await database.write(write)
    assert await database.read(members) == (("p1",), ("k1",))

    def swap(unit):
        unit.people.put_membership(membership("p1", ROOT_READ))
        unit.people.put_membership(membership("p3", ADMINISTRATOR_GRANT))
        unit.api_keys.replace(api_key("k1", ROOT_READ))
        unit.api_keys.replace(api_key("k2", ROOT_READ, ADMINISTRATOR_GRANT))

    await database.write(swap)
    assert await database.read(members) == (("p3",), ("k2",))


async def test_members_hold_what_their_groups_give_while_they_are_there(database):
    def write(unit):
        unit.policy_groups.add(group("g1", ROOT_READ))
        unit.policy_groups.add(group("g2", Grant("root", "ReadWrite")))
        for name in ("p1", "p2"):
            unit.people.add(person(name))
            unit.people.put_membership(membership(name))
        unit.api_keys.add(api_key("k1"))
        both = (group("g1"), group("g2"))
        unit.policy_groups.put_people(both, ["p1"])
        unit.policy_groups.put_people(both, ["p1"])
        unit.policy_groups.put_keys(both, ["k1"])

    await database.write(write)

    def read(unit):
        groups = unit.policy_groups
        return (
            groups.grants_of_people("a1", ["p1", "p2"]),
            groups.grants_of_people("a2", ["p1"]),
            groups.grants_of_key("k1"),
            groups.ids_of_people("a1", ["p1", "p2"]),
            groups.ids_of_keys(["k1"]),
            groups.count_known("a1", ["p1", "p2", "p3"]),
            [each.group.id for each in groups.page_of_person("a1", "p1", ALL).items],
            [each.group.id for each in groups.page_of_key("k1", ALL).items],
            [(each.people, each.keys) for each in groups.page("a1", ALL).items],
            [member.group_grants for member in unit.people.members("a1", ["p1-name"])],
        )

    given = (ROOT_READ, Grant("root", "ReadWrite"))
    assert await database.read(read) == (
        {"p1": given, "p2": ()},
        {"p1": ()},
        given,
        {"p1": ["g1", "g2"], "p2": []},
        {"k1": ["g1", "g2"]},
        2,
        ["g1", "g2"],
        ["g1", "g2"],
        [(1, 1), (1, 1)],
        [given],
    )

    def leave(unit):
        unit.policy_groups.take_people(["g1"], ["p1", "p2"])
        unit.policy_groups.remove("a1", "g2")
        unit.api_keys.remove("a1", "k1")

    await database.write(leave)
    assert await database.read(lambda unit: unit.policy_groups.grants_of_people("a1", ["p1"])) == {"p1": ()}
    assert await database.read(lambda unit: unit.policy_groups.keys_in("g1", ALL).total) == 0


async def test_pages_follow_the_last_id_in_both_directions_and_know_their_total(database):
    def write(unit):
        for number in range(5):
            unit.api_keys.add(api_key(f"{number}", ROOT_READ, owner_id=None))

    await database.write(write)

    def page(**asked):
        def read(unit):
            found = unit.api_keys.page("a1", PageRequest(**asked))
            return [key.id for key in found.items], found.after, found.total

        return database.read(read)

    assert await page(limit=2) == (["0", "1"], "1", 5)
    assert await page(limit=3, after="1") == (["2", "3", "4"], None, 5)
    assert await page(limit=2, descending=True) == (["4", "3"], "3", 5)
    assert await page(limit=2, after="11", descending=True) == (["1", "0"], None, 5)
    assert (await database.read(lambda unit: unit.api_keys.page("a2", PageRequest()))).total == 0


async def test_the_last_use_only_moves_on(database):
    await database.write(lambda unit: unit.api_keys.add(api_key()))
    for noted, kept in ((5, 5), (3, 5), (9, 9)):
        await database.write(lambda unit, at=noted: unit.api_keys.note_uses({"k1": at, "gone": at}))
        assert (await database.read(lambda unit: unit.api_keys.get("k1"))).last_used_at_ms == kept


async def test_a_profile_comes_back_whole_and_an_account_without_one_has_an_empty_one(database):
    profile = AccountProfile(
        account_id="a1",
        tier=Tier.FREE,
        end_market="IoT",
        country="Ísland",
        mfa_status=MfaStatus.ENFORCED,
        idle_timeout=5,
        aliases=("Alias-One", "alias.two"),
        notification_emails=("a@b.example",),
        custom_fields={"a": "1"},
        limits={"cert-count": "3"},
        policies=(FeaturePolicy(feature="rule", action="create", allow=False),),
        admin_id="p1",
        expires_at_ms=1,
        version=4,
        updated_at_ms=9,
    )
    await database.write(lambda unit: unit.accounts.put_profile(profile))
    assert await database.read(lambda unit: unit.accounts.profile("a1")) == profile
    assert await database.read(lambda unit: unit.accounts.profile("a2")) == AccountProfile(account_id="a2")
    again = replace(profile, tier=Tier.COMMERCIAL, aliases=())
    await database.write(lambda unit: unit.accounts.put_profile(again))
    assert await database.read(lambda unit: unit.accounts.profile("a1")) == again


async def test_tenants_are_found_by_everything_that_a_list_filters_by(database):
    def write(unit):
        for name, status, country in (
            ("t1", AccountStatus.ACTIVE, "Ísland"),
            ("t2", AccountStatus.SUSPENDED, "50% Land_"),
            ("t3", AccountStatus.ACTIVE, "Norway"),
        ):
            unit.accounts.add(account(name, parent_id="a1", status=status))
            tier = Tier.FREE if name == "t3" else Tier.COMMERCIAL
            unit.accounts.put_profile(AccountProfile(account_id=name, country=country, end_market=name, tier=tier))

    await database.write(write)

    async def found(**filters):
        query = AccountQuery(parent_id="a1", **filters)
        page = await database.read(lambda unit: unit.accounts.tenants(query, ALL))
        assert page.total == len(page.items)
        return [each.account.id for each in page.items]

    assert await found() == ["t1", "t2", "t3"]
    assert await found(country_like="ÍSL") == ["t1"]
    assert await found(country_like="0%") == ["t2"]
    assert await found(country_like="d_") == ["t2"]
    assert await found(statuses=(AccountStatus.SUSPENDED,)) == ["t2"]
    assert await found(not_statuses=(AccountStatus.SUSPENDED,), tier="0") == ["t3"]
    assert await found(end_market="t1", tier="0") == []
    assert await database.read(lambda unit: unit.accounts.count_tenants("a1")) == 3
    assert await database.read(lambda unit: unit.accounts.count_tenants("a2")) == 0


async def test_grants_of_several_people_and_keys_are_replaced_at_once(database):
    def write(unit):
        unit.policy_groups.add(replace(group("g1"), kind=GroupKind.ADMINISTRATORS))
        for name in ("p1", "p2", "p3"):
            unit.people.add(person(name))
            unit.people.put_membership(membership(name, ADMINISTRATOR_GRANT))
        unit.people.put_grants([membership("p1", ROOT_READ), membership("p2", ROOT_READ, ADMINISTRATOR_GRANT)])
        for name in ("k1", "k2"):
            unit.api_keys.add(api_key(name))
        unit.api_keys.replace(api_key("k1", ROOT_READ), api_key("k2", ADMINISTRATOR_GRANT, name="second"))
        unit.policy_groups.touch([group("g1")], 77)

    await database.write(write)

    def read(unit):
        held = {each.person_id: each.grants for each in unit.people.memberships("a1", ["p1", "p2", "p3", "nobody"])}
        touched = unit.policy_groups.get("a1", "g1")
        return (
            held,
            unit.policy_groups.ids_of_people("a1", ["p1", "p2", "p3"]),
            unit.policy_groups.ids_of_keys(["k1", "k2"]),
            unit.api_keys.get("k2").name,
            (touched.version, touched.updated_at_ms),
        )

    assert await database.read(read) == (
        {"p1": (ROOT_READ,), "p2": (ROOT_READ, ADMINISTRATOR_GRANT), "p3": (ADMINISTRATOR_GRANT,)},
        {"p1": [], "p2": ["g1"], "p3": ["g1"]},
        {"k1": [], "k2": ["g1"]},
        "second",
        (2, 77),
    )


async def test_of_the_people_in_a_group_those_are_counted_who_could_act(database):
    def write(unit):
        unit.policy_groups.add(group("g1"))
        for person_id, state in {
            "p1": {},
            "p2": {"is_enabled": False},
            "p3": {"is_confirmed": False},
            "p4": {},
        }.items():
            unit.people.add(person(person_id, user_name=person_id, **state))
            unit.people.put_membership(
                replace(membership(person_id), stage=Stage.SHUT if person_id == "p4" else Stage.OPEN)
            )
        unit.policy_groups.put_people([group("g1")], ["p1", "p2", "p3", "p4"])

    await database.write(write)
    counts = [
        await database.read(lambda unit, w=w: unit.policy_groups.count_able("g1", without=w))
        for w in ([], ["p1"], ["p2"])
    ]
    assert counts == [1, 0, 1]
