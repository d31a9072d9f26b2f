from dataclasses import replace

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.people.errors import UserNameTaken
from factories.rows import ROOT_READ, account, domain, membership, person

pytestmark = pytest.mark.usefixtures("tenants")

EVERYTHING_SET = person(
    first_name="Åse",
    last_name="Å",
    is_enabled=False,
    created_at_ms=5,
    failed_logins=3,
    locked_until_ms=1_700_000_000_000,
)


async def test_a_person_comes_back_by_id_and_by_user_name(database):
    await database.write(lambda unit: unit.people.add(EVERYTHING_SET))

    assert await database.read(lambda unit: unit.people.get("p1")) == EVERYTHING_SET
    assert await database.read(lambda unit: unit.people.by_user_name("a1", "p1-name")) == EVERYTHING_SET


async def test_nobody_is_found_where_there_is_nobody(database):
    assert await database.read(lambda unit: unit.people.get("p1")) is None
    assert await database.read(lambda unit: unit.people.by_user_name("a1", "p1-name")) is None
    assert await database.read(lambda unit: unit.people.membership("a1", "p1")) is None


async def test_a_user_name_is_unique_in_its_account_and_free_in_others(database):
    def write(unit):
        unit.people.add(person("p1", user_name="ada"))
        unit.people.add(person("p2", user_name="ada", account_id="a2"))
        with pytest.raises(UserNameTaken) as caught:
            unit.people.add(person("p3", user_name="ada"))
        return caught.value.user_name

    assert await database.write(write) == "ada"
    assert (await database.read(lambda unit: unit.people.by_user_name("a2", "ada"))).id == "p2"
    assert await database.read(lambda unit: unit.people.get("p3")) is None


async def test_replacing_writes_every_column(database):
    def write(unit):
        unit.people.add(person())
        unit.people.replace(EVERYTHING_SET)

    await database.write(write)

    assert await database.read(lambda unit: unit.people.get("p1")) == EVERYTHING_SET


async def test_what_signing_in_changes_is_written_of_that_person_and_nothing_else(database):
    signed_in = replace(person(), password_hash="new", failed_logins=2, locked_until_ms=7, last_login_at_ms=9)

    def write(unit):
        unit.people.add(person())
        unit.people.add(person("p2"))
        unit.people.note_sign_in(replace(signed_in, first_name="Somebody else"))

    await database.write(write)

    assert await database.read(lambda unit: unit.people.get("p1")) == signed_in
    assert await database.read(lambda unit: unit.people.get("p2")) == person("p2")


async def test_grants_keep_their_order(database):
    grants = (Grant("sub", "ReadWrite"), ROOT_READ, Grant("sub", "Administrator"))

    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.people.add(person())
        unit.people.put_membership(membership("p1", *grants))

    await database.write(write)

    assert await database.read(lambda unit: unit.people.membership("a1", "p1")) == membership("p1", *grants)


async def test_putting_a_membership_again_replaces_its_grants(database):
    def write(unit):
        unit.people.add(person())
        unit.people.put_membership(membership("p1", ROOT_READ, Grant("root", "ReadWrite")))
        unit.people.put_membership(membership("p1", Grant("root", "Administrator")))

    await database.write(write)

    expected = membership("p1", Grant("root", "Administrator"))
    assert await database.read(lambda unit: unit.people.membership("a1", "p1")) == expected


async def test_a_membership_may_have_no_grants_yet(database):
    def write(unit):
        unit.people.add(person())
        unit.people.put_membership(membership("p1"))

    await database.write(write)

    assert await database.read(lambda unit: unit.people.membership("a1", "p1")) == membership("p1")


async def test_a_person_may_be_a_member_of_several_accounts(database):
    def write(unit):
        unit.people.add(person())
        unit.people.put_membership(membership("p1", ROOT_READ))
        unit.people.put_membership(membership("p1", Grant("root", "ReadWrite"), account_id="a2"))

    await database.write(write)

    assert (await database.read(lambda unit: unit.people.membership("a1", "p1"))).grants == (ROOT_READ,)
    assert (await database.read(lambda unit: unit.people.membership("a2", "p1"))).grants == (
        Grant("root", "ReadWrite"),
    )


async def test_only_home_grants_make_somebody_be_at_a_domain(database):
    def write(unit):
        unit.domains.add(domain("home", parent_id="root"))
        unit.domains.add(domain("other", parent_id="root"))
        unit.people.add(person())
        unit.people.put_membership(membership("p1", Grant("home", "Read"), Grant("other", "Read")))

    await database.write(write)

    def ask(unit):
        asked = [["home"], ["other"], ["root", "home"], [], ["nowhere"]]
        return [unit.people.any_at("a1", domain_ids) for domain_ids in asked], unit.people.any_at("a2", ["home"])

    assert await database.read(ask) == ([True, False, True, False, False], False)


async def test_a_grant_dies_with_its_domain_and_a_later_domain_of_that_id_does_not_wake_it(database):
    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.people.add(person())
        unit.people.put_membership(membership("p1", ROOT_READ, Grant("sub", "Administrator")))
        unit.domains.remove("a1", ["sub"])
        unit.domains.add(domain("sub", parent_id="root"))

    await database.write(write)

    assert (await database.read(lambda unit: unit.people.membership("a1", "p1"))).grants == (ROOT_READ,)


async def test_a_person_of_an_account_that_is_not_there_is_refused(database):
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await database.write(lambda unit: unit.people.add(person(account_id="nowhere")))

    assert await database.read(lambda unit: unit.accounts.get("a1")) == account()
