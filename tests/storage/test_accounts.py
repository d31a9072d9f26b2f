from dataclasses import fields, replace

import pytest

from cloudstead.core.accounts.errors import HostNameTaken
from cloudstead.core.accounts.model import AccountStatus, MqttProfile
from cloudstead.core.accounts.profile import AccountProfile
from factories.rows import account

EVERYTHING_SET = account(
    name="Ørsted & søn",
    parent_id="parent",
    status=AccountStatus.RESTRICTED,
    mqtt_profile=MqttProfile.STANDARD,
    printed_event_names=True,
)


async def test_an_account_comes_back_as_it_was_added(database):
    def add(unit):
        unit.accounts.add(account("parent"))
        unit.accounts.add(EVERYTHING_SET)

    await database.write(add)

    assert await database.read(lambda unit: unit.accounts.get("a1")) == EVERYTHING_SET


async def test_every_unique_name_leads_to_the_account(database):
    def add(unit):
        unit.accounts.add(account("a1"))
        unit.accounts.add(account("a2"))
        unit.accounts.add_host("a2", "two.example")

    await database.write(add)

    def look_up(unit):
        return [
            unit.accounts.by_host("two.example"),
            unit.accounts.by_function_suffix("a2-suffix"),
            unit.accounts.by_identity_pool("a2-pool"),
            unit.accounts.by_number("a2-number"),
        ]

    assert await database.read(look_up) == [account("a2")] * 4


async def test_nothing_is_found_under_a_name_that_nobody_has(database):
    def look_up(unit):
        return [
            unit.accounts.get("x"),
            unit.accounts.by_host("x"),
            unit.accounts.by_function_suffix("x"),
            unit.accounts.by_identity_pool("x"),
            unit.accounts.by_number("x"),
        ]

    assert await database.read(look_up) == [None] * 5


async def test_replacing_writes_every_column_and_touches_no_other_account(database):
    changed = account(
        name="new",
        number="new",
        stack="prod",
        function_suffix="new",
        identity_pool="new",
        user_pool="new",
        user_pool_client="new",
        created_at_ms=2,
        parent_id="a2",
        status=AccountStatus.SUSPENDED,
        mqtt_profile=MqttProfile.STANDARD,
        printed_event_names=True,
    )
    unchanged = {each.name for each in fields(changed) if getattr(changed, each.name) == getattr(account(), each.name)}

    def write(unit):
        unit.accounts.add(account("a1"))
        unit.accounts.add(account("a2"))
        unit.accounts.replace(changed)

    await database.write(write)

    assert unchanged == {"id"}
    assert await database.read(lambda unit: unit.accounts.get("a1")) == changed
    assert await database.read(lambda unit: unit.accounts.get("a2")) == account("a2")


async def test_accounts_are_listed_oldest_first(database):
    accounts = [account(f"a{number}", created_at_ms=when) for number, when in enumerate([30, 10, 20, 10])]

    def write(unit):
        for each in accounts:
            unit.accounts.add(each)

    await database.write(write)

    assert [each.id for each in await database.read(lambda unit: unit.accounts.all())] == ["a1", "a3", "a2", "a0"]


async def test_an_account_answers_to_several_hosts(database):
    def write(unit):
        unit.accounts.add(account())
        for host in ("b.example", "a.example", "b.example"):  # saying it twice changes nothing
            unit.accounts.add_host("a1", host)

    await database.write(write)

    assert await database.read(lambda unit: list(unit.accounts.hosts("a1"))) == ["a.example", "b.example"]


async def test_a_host_answers_for_one_account_only(database):
    def write(unit):
        unit.accounts.add(account("a1"))
        unit.accounts.add(account("a2"))
        unit.accounts.add_host("a1", "one.example")
        with pytest.raises(HostNameTaken) as caught:
            unit.accounts.add_host("a2", "one.example")
        return caught.value.host

    assert await database.write(write) == "one.example"
    assert await database.read(lambda unit: unit.accounts.by_host("one.example")) == account("a1")
    assert await database.read(lambda unit: list(unit.accounts.hosts("a2"))) == []


async def test_counters_count_from_one_for_each_account_and_name(database):
    def write(unit):
        unit.accounts.add(account("a1"))
        unit.accounts.add(account("a2"))
        return [unit.accounts.next_number(*key) for key in [("a1", "x"), ("a1", "x"), ("a1", "y"), ("a2", "x")]]

    assert await database.write(write) == [1, 2, 1, 1]
    assert await database.write(lambda unit: unit.accounts.next_number("a1", "x")) == 3


async def test_a_counter_falls_back_when_its_transaction_is_undone(database):
    await database.write(lambda unit: unit.accounts.add(account()))

    def fail(unit):
        unit.accounts.next_number("a1", "x")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)

    assert await database.write(lambda unit: unit.accounts.next_number("a1", "x")) == 1


async def test_names_are_compared_byte_by_byte(database):
    def write(unit):
        unit.accounts.add(account())
        for host in ("a.example", "B.example", "é.example", "Z.example"):
            unit.accounts.add_host("a1", host)
        return list(unit.accounts.hosts("a1")), unit.accounts.by_host("b.example")

    assert await database.write(write) == (["B.example", "Z.example", "a.example", "é.example"], None)


async def test_accounts_are_due_a_while_before_their_end_at_it_and_then_no_more(database):
    day_ms = 24 * 60 * 60 * 1000
    profiles = {
        "endless": AccountProfile(account_id="endless"),
        "chosen": AccountProfile(account_id="chosen", expires_at_ms=100 * day_ms, expiration_warning_threshold=60),
        "warned": AccountProfile(account_id="warned", expires_at_ms=100 * day_ms, warned_of_ms=100 * day_ms),
        "moved": AccountProfile(account_id="moved", expires_at_ms=100 * day_ms, warned_of_ms=99 * day_ms),
        "over": AccountProfile(account_id="over", expires_at_ms=1, status_before_end=AccountStatus.RESTRICTED),
    }

    def add(unit):
        for name, profile in profiles.items():
            unit.accounts.add(account(name))
            unit.accounts.put_profile(profile)

    await database.write(add)

    async def due(now_ms, limit=9):
        return await database.read(lambda unit: [each.account.id for each in unit.accounts.due(now_ms, limit=limit)])

    assert await due(40 * day_ms - 1) == []
    assert await due(40 * day_ms) == ["chosen"]
    assert await due(70 * day_ms) == ["chosen", "moved"]
    assert await due(100 * day_ms) == ["chosen", "moved", "warned"]
    assert await due(100 * day_ms, limit=2) == ["chosen", "moved"]
    found = await database.read(lambda unit: {name: unit.accounts.profile(name) for name in profiles})
    assert found == profiles


async def test_what_is_due_is_taken_by_one_and_due_again_when_the_profile_is_stored(database):
    profile = AccountProfile(account_id="a1", expires_at_ms=10, warned_of_ms=10)

    def add(unit):
        unit.accounts.add(account("a1"))
        unit.accounts.add(account("a2"))
        unit.accounts.put_profile(profile)
        unit.accounts.put_profile(replace(profile, account_id="a2"))

    def take(unit, account_id, now_ms):
        return unit.accounts.take_due(account_id, now_ms)

    await database.write(add)
    assert not await database.write(lambda unit: take(unit, "a1", 9))
    assert await database.write(lambda unit: take(unit, "a1", 10))
    assert not await database.write(lambda unit: take(unit, "a1", 10))
    assert [each.account.id for each in await database.read(lambda unit: unit.accounts.due(10, limit=9))] == ["a2"]
    await database.write(lambda unit: unit.accounts.put_profile(profile))
    assert await database.write(lambda unit: take(unit, "a1", 10))


async def test_accounts_come_in_pages_with_the_hosts_of_all_of_them(database):
    def add(unit):
        for name in ("a2", "a1", "a3"):
            unit.accounts.add(account(name))
        for account_id, host in (("a2", "b.example"), ("a2", "a.example"), ("a3", "c.example")):
            unit.accounts.add_host(account_id, host)

    await database.write(add)

    def pages(unit):
        return [[each.id for each in unit.accounts.page(after, limit=2)] for after in (None, "a2", "a3")]

    assert await database.read(pages) == [["a1", "a2"], ["a3"], []]
    assert await database.read(lambda unit: unit.accounts.hosts_of(["a1", "a2"])) == {"a2": ["a.example", "b.example"]}
    assert await database.read(lambda unit: unit.accounts.hosts_of([])) == {}
    assert await database.read(lambda unit: unit.accounts.numbers_of(["a3", "a9"])) == {"a3": account("a3").number}
