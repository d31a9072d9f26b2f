import pytest

from cloudstead.core.jobs.model import Job
from cloudstead.core.rules.errors import RuleIdTaken
from cloudstead.core.rules.model import Filter
from cloudstead.core.rules.ports import StateKey
from cloudstead.core.rules.thresholds import ThresholdState
from factories.rows import domain, thing
from factories.rules import rule

pytestmark = pytest.mark.usefixtures("tenants")

EVERYTHING_SET = rule(
    "r2",
    "ne",
    'ø "x"',
    resource="pump.temp",
    names=("a", "b"),
    count=3,
    interval_ms=2**40,
    description="d",
    is_enabled=False,
    sealed=bytes(range(256)),
    since_offset=2**50,
    created_at_ms=9,
)


async def test_a_rule_comes_back_as_it_was_added(database):
    await database.write(lambda unit: unit.rules.add(EVERYTHING_SET))

    assert await database.read(lambda unit: unit.rules.get("a1", "r2")) == EVERYTHING_SET
    assert await database.read(lambda unit: unit.rules.get("a2", "r2")) is None


@pytest.mark.parametrize("value", [None, True, 0, -1.5, 2**60, "", "50"])
async def test_a_value_keeps_its_type(database, value):
    await database.write(lambda unit: unit.rules.add(rule(value=value, operator="eq")))
    found = await database.read(lambda unit: unit.rules.get("a1", "r1").expression.value)

    assert (found, type(found)) == (value, type(value))


async def test_replacing_writes_every_column_and_touches_no_other_rule(database):
    def write(unit):
        unit.rules.add(rule("r2"))
        unit.rules.add(rule("r2", account_id="a2"))
        unit.rules.replace(EVERYTHING_SET)
        return unit.rules.get("a1", "r2"), unit.rules.get("a2", "r2")

    assert await database.write(write) == (EVERYTHING_SET, rule("r2", account_id="a2"))


async def test_an_id_is_unique_in_its_account_and_free_in_others(database):
    def write(unit):
        unit.rules.add(rule())
        unit.rules.add(rule(account_id="a2"))
        with pytest.raises(RuleIdTaken) as caught:
            unit.rules.add(rule(uid="another"))
        return caught.value.rule_id, unit.rules.count("a1")

    assert await database.write(write) == ("r1", 1)


async def test_rules_of_one_account_are_listed_by_id_and_enabled_ones_of_all(database):
    def write(unit):
        for rule_id in ("z", "B", "b"):
            unit.rules.add(rule(rule_id, is_enabled=rule_id != "b"))
        unit.rules.add(rule("foreign", account_id="a2"))
        return [each.id for each in unit.rules.all("a1")], {each.id for each in unit.rules.enabled()}

    assert await database.write(write) == (["B", "b", "z"], {"B", "z", "foreign"})


async def test_a_rule_is_removed_from_its_own_account_only(database):
    def write(unit):
        unit.rules.add(rule())
        unit.rules.remove("a2", "a1-r1")
        first = unit.rules.get("a1", "r1")
        unit.rules.remove("a1", "a1-r1")
        return first, unit.rules.get("a1", "r1")

    assert await database.write(write) == (rule(), None)


async def test_a_rule_goes_with_its_domain(database):
    def write(unit):
        unit.domains.add(domain("sub1", parent_id="root"))
        unit.rules.add(rule(domain="sub1"))
        unit.domains.remove("a1", ["sub1"])
        return unit.rules.all("a1")

    assert rule(domain="sub1").filter == Filter("sub1", "1", ())
    assert await database.write(write) == []


async def test_the_offset_begins_at_nothing_and_is_apart_from_that_of_the_shadows(database):
    def write(unit):
        before = unit.rules.offset()
        unit.shadows.set_checkpoint(5)
        unit.rules.set_offset(2**50)
        return before, unit.rules.offset(), unit.shadows.checkpoint()

    assert await database.write(write) == (0, 2**50, 5)


KEY = StateKey("a1-r1", "u1")


@pytest.fixture
async def ruled(database, tenants):
    def write(unit):
        unit.things.add(thing())
        unit.things.add(thing("u2"))
        unit.rules.add(rule())
        unit.rules.add(rule("r2"))

    await database.write(write)
    return database


async def test_states_are_kept_by_rule_and_thing(ruled):
    states = {
        KEY: ThresholdState(3, None),
        StateKey("a1-r1", "u2"): ThresholdState(0, 2**50),
        StateKey("a1-r2", "u1"): ThresholdState(1, 1),
    }

    def write(unit):
        unit.rules.save_states(states)
        unit.rules.save_states({KEY: ThresholdState(4, 7)})
        known = unit.rules.states([KEY, StateKey("a1-r2", "u1"), StateKey("a1-r2", "u2")])
        return known, unit.rules.states_of("u1")

    known, of_thing = await ruled.write(write)
    assert known == {KEY: ThresholdState(4, 7), StateKey("a1-r2", "u1"): ThresholdState(1, 1)}
    assert of_thing == {"a1-r1": ThresholdState(4, 7), "a1-r2": ThresholdState(1, 1)}


async def test_states_of_what_is_gone_are_passed_over(ruled):
    gone = {StateKey("gone", "u1"): ThresholdState(1), StateKey("a1-r1", "gone"): ThresholdState(1)}

    def write(unit):
        unit.rules.save_states({**gone, KEY: ThresholdState(1)})
        return unit.rules.states([*gone, KEY])

    assert await ruled.write(write) == {KEY: ThresholdState(1)}


@pytest.mark.parametrize(
    "forget",
    [
        lambda unit: unit.rules.remove("a1", "a1-r1"),
        lambda unit: unit.things.remove("a1", "u1"),
        lambda unit: unit.rules.drop_states("a1-r1"),
    ],
    ids=["rule", "thing", "states"],
)
async def test_states_go_with_their_rule_or_thing(ruled, forget):
    def write(unit):
        unit.rules.save_states({KEY: ThresholdState(1)})
        forget(unit)
        return unit.rules.states([KEY])

    assert await ruled.write(write) == {}


async def test_refusals_are_added_up_for_rules_that_are_there(ruled):
    def write(unit):
        unit.rules.add_refused({"a1-r1": 2, "gone": 5})
        unit.rules.add_refused({"a1-r1": 3, "a1-r2": 1})
        return [unit.rules.refused(uid) for uid in ("a1-r1", "a1-r2", "gone")]

    assert await ruled.write(write) == [5, 1, 0]


async def test_rules_that_are_gone_are_told_from_those_that_are_there(ruled):
    assert await ruled.read(lambda unit: unit.rules.known({"a1-r1", "a1-r2", "gone"})) == {"a1-r1", "a1-r2"}


def job(job_id, cause, *, account_id="a1", **others):
    return Job(
        id=job_id,
        account_id=account_id,
        kind="webhook",
        lane=job_id,
        payload=b"",
        created_at_ms=1,
        due_at_ms=1,
        cause=cause,
        **others,
    )


async def test_what_waits_is_counted_by_cause_and_account(ruled):
    def write(unit):
        unit.jobs.add(
            [
                job("01", "rule:r1"),
                job("02", "rule:r1"),
                job("03", "rule:r2"),
                job("04", "rule:r1", account_id="a2"),
                job("05", None),
            ]
        )
        return unit.rules.waiting("a1", ["rule:r1", "rule:r2", "rule:r3"]), unit.rules.waiting("a2", ["rule:r2"])

    assert await ruled.write(write) == ({"rule:r1": 2, "rule:r2": 1}, {})
    [first] = await ruled.write(lambda unit: unit.jobs.claim("webhook", 1, now_ms=5, leased_until_ms=9))
    await ruled.write(lambda unit: unit.jobs.bury(first, None, now_ms=6))
    waiting = await ruled.read(lambda unit: unit.rules.waiting("a1", ["rule:r1"]))
    assert waiting == {"rule:r1": 1 if first.cause == "rule:r1" and first.account_id == "a1" else 2}
