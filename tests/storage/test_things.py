from dataclasses import replace

import pytest

from cloudstead.core.things.errors import ThingNameTaken
from factories.rows import certificate, domain, shadow, thing, thing_type

pytestmark = pytest.mark.usefixtures("tenants")


async def test_a_thing_comes_back_as_it_was_added(database):
    added = thing(description="Håndtak", label="λ", name="a:b_c-1")
    await database.write(lambda unit: unit.things.add(added))

    assert await database.read(lambda unit: unit.things.get("a1", "a:b_c-1")) == added
    assert await database.read(lambda unit: unit.things.get("a2", "a:b_c-1")) is None


async def test_a_thing_name_is_unique_in_its_account_and_free_in_others(database):
    def write(unit):
        unit.things.add(thing("u1", name="lamp"))
        unit.things.add(thing("u2", name="lamp", account_id="a2"))
        with pytest.raises(ThingNameTaken) as caught:
            unit.things.add(thing("u3", name="lamp"))
        return caught.value.name, unit.things.get("a1", "lamp").uid

    # The unit stays usable: whoever makes up names tries the next one.
    assert await database.write(write) == ("lamp", "u1")


async def test_replacing_writes_every_column_but_never_across_accounts(database):
    changed = thing(domain_id="sub", thing_type="t2", label="new", description="new", created_at_ms=2, created_by="new")

    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.thing_types.add(thing_type("t2"))
        unit.things.add(thing())
        unit.things.replace(changed)
        unit.things.replace(replace(thing(), account_id="a2", label="stolen"))

    await database.write(write)

    assert await database.read(lambda unit: unit.things.get("a1", "u1-name")) == changed
    assert await database.read(lambda unit: unit.things.get("a2", "u1-name")) is None


async def test_things_are_found_by_uid_across_accounts(database):
    def write(unit):
        unit.things.add(thing("u1"))
        unit.things.add(thing("u2", account_id="a2"))
        unit.things.add(thing("u3"))

    await database.write(write)

    found = await database.read(lambda unit: unit.things.by_uids({"u1", "u2", "nowhere"}))
    assert {each.uid: each for each in found} == {"u1": thing("u1"), "u2": thing("u2", account_id="a2")}
    assert list(await database.read(lambda unit: unit.things.by_uids([]))) == []


async def test_removing_a_thing_removes_its_shadow_and_its_certificates(database):
    def write(unit):
        for uid in ("u1", "u2"):
            unit.things.add(thing(uid))
            unit.shadows.save([shadow(uid)])
            unit.certificates.add(certificate(f"c-{uid}", thing_uid=uid))
        unit.things.remove("a1", "u1")

    await database.write(write)

    def look(unit):
        gone = unit.things.get("a1", "u1-name"), unit.certificates.get("c-u1"), list(unit.shadows.load(["u1"]))
        kept = unit.things.get("a1", "u2-name"), unit.certificates.get("c-u2"), list(unit.shadows.load(["u2"]))
        return gone, kept

    gone, kept = await database.read(look)
    assert gone == (None, None, [])
    assert kept == (thing("u2"), certificate("c-u2", thing_uid="u2"), [shadow("u2")])


async def test_a_thing_cannot_be_removed_through_another_account(database):
    def write(unit):
        unit.things.add(thing())
        unit.things.remove("a2", "u1")

    await database.write(write)

    assert await database.read(lambda unit: unit.things.get("a1", "u1-name")) == thing()
    assert list(await database.read(lambda unit: unit.things.pending_for_index(limit=9))) == []


async def things_at_domains(database):
    def write(unit):
        unit.domains.add(domain("s1", parent_id="root"))
        unit.domains.add(domain("s2", parent_id="root"))
        unit.domains.add(domain("s1", parent_id="root", account_id="a2"))
        unit.thing_types.add(thing_type("t2"))
        unit.things.add(thing("u1", name="c", domain_id="s1"))
        unit.things.add(thing("u2", name="B", domain_id="s1", thing_type="t2"))
        unit.things.add(thing("u3", name="a", domain_id="s2"))
        unit.things.add(thing("u4", name="d"))
        unit.things.add(thing("u5", name="foreign", domain_id="s1", account_id="a2"))

    await database.write(write)


async def test_names_are_ordered_and_bounded(database):
    await things_at_domains(database)

    def names(domain_ids, limit=99):
        return database.read(lambda unit: list(unit.things.names("a1", domain_ids, limit=limit)))

    assert await names({"s1", "s2"}) == ["B", "a", "c"]
    assert await names({"s1", "s2"}, limit=2) == ["B", "a"]
    assert await names({"s1"}) == ["B", "c"]
    assert await names(set()) == []


async def test_a_domain_knows_whether_it_has_things(database):
    await things_at_domains(database)

    def ask(unit):
        return [unit.things.any_at("a1", [each]) for each in ("root", "s1", "s2", "nowhere")], unit.things.any_at(
            "a2", ["s2", "root"]
        )

    assert await database.read(ask) == ([True, True, True, False], False)


async def test_things_are_counted_by_type(database):
    await things_at_domains(database)

    def count(unit):
        asked = (None, ["s1"], ["s1", "s2"], [])
        return [dict(unit.things.count_by_type("a1", domain_ids)) for domain_ids in asked]

    assert await database.read(count) == [{"t1": 3, "t2": 1}, {"t1": 1, "t2": 1}, {"t1": 2, "t2": 1}, {}]


async def test_marks_tell_the_index_what_to_read_again_in_order(database):
    def write(unit):
        for uid, account_id in (("u1", "a1"), ("u2", "a2"), ("u3", "a1")):
            unit.things.add(thing(uid, account_id=account_id))
        for uid in ("u3", "u1", "u2", "u3"):
            unit.things.mark_for_index([uid])

    await database.write(write)

    marks = list(await database.read(lambda unit: unit.things.pending_for_index(limit=99)))
    assert [(each.uid, each.account_id, each.name, each.thing.uid) for each in marks] == [
        ("u3", "a1", "u3-name", "u3"),
        ("u1", "a1", "u1-name", "u1"),
        ("u2", "a2", "u2-name", "u2"),
        ("u3", "a1", "u3-name", "u3"),
    ]
    assert sorted(each.mark for each in marks) == [each.mark for each in marks]
    assert len(await database.read(lambda unit: unit.things.pending_for_index(limit=2))) == 2


async def test_only_the_named_marks_are_cleared_and_their_numbers_never_come_again(database):
    def mark(unit):
        unit.things.mark_for_index(["u1"])
        return [each.mark for each in unit.things.pending_for_index(limit=99)]

    await database.write(lambda unit: unit.things.add(thing()))
    (first,) = await database.write(mark)
    (_, second) = await database.write(mark)
    await database.write(lambda unit: unit.things.clear_index_marks([first, second]))
    (third,) = await database.write(mark)
    await database.write(lambda unit: unit.things.clear_index_marks([first]))

    assert third > second > first
    left = await database.read(lambda unit: unit.things.pending_for_index(limit=99))
    assert [each.mark for each in left] == [third]


async def test_a_removed_thing_leaves_a_mark_so_that_the_index_forgets_it(database):
    def write(unit):
        unit.things.add(thing())
        unit.things.remove("a1", "u1")

    await database.write(write)

    (mark,) = await database.read(lambda unit: unit.things.pending_for_index(limit=99))
    assert (mark.account_id, mark.uid, mark.name, mark.thing) == ("a1", "u1", "u1-name", None)


async def test_a_mark_is_undone_with_its_transaction(database):
    await database.write(lambda unit: unit.things.add(thing()))

    def fail(unit):
        unit.things.mark_for_index(["u1"])
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)

    assert list(await database.read(lambda unit: unit.things.pending_for_index(limit=99))) == []


@pytest.mark.parametrize("broken", [{"thing_type": "nowhere"}, {"domain_id": "nowhere"}])
async def test_a_thing_belongs_to_a_type_and_a_domain_that_are_there(database, broken):
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await database.write(lambda unit: unit.things.add(thing(**broken)))


async def test_all_things_of_an_account_are_marked_at_once_and_nobody_elses(database):
    def write(unit):
        for account_id, uid in (("a1", "u1"), ("a1", "u2"), ("a2", "u3")):
            unit.things.add(thing(uid, account_id=account_id))
        return unit.things.mark_all_for_index("a1")

    assert await database.write(write) == 2
    marks = await database.read(lambda unit: unit.things.pending_for_index(limit=9))
    assert sorted(mark.uid for mark in marks) == ["u1", "u2"]
