import pytest

from cloudstead.core.domains.errors import DomainIdTaken
from factories.rows import domain

pytestmark = pytest.mark.usefixtures("tenants")

EVERYTHING_SET = domain(
    "sub",
    parent_id="root",
    description="Südhof",
    data={"nested": {"list": [1, 2.5, None, "x\u0000y", "😀"]}},
    domain_metadata=[{"key": "k", "type": "string"}],
    thing_type_metadata=[],
    settings={},
    created_at_ms=7,
    created_by="ada",
)


async def tree_of(database, account_id="a1"):
    return await database.read(lambda unit: unit.domains.tree(account_id))


async def test_a_domain_comes_back_as_it_was_added(database):
    await database.write(lambda unit: unit.domains.add(EVERYTHING_SET))

    assert (await tree_of(database)).get("sub") == EVERYTHING_SET


async def test_absent_and_empty_metadata_stay_apart(database):
    def write(unit):
        unit.domains.add(domain("inherits", parent_id="root", settings=None, domain_metadata=None))
        unit.domains.add(domain("says nothing", parent_id="root", settings={}, domain_metadata=[]))

    await database.write(write)

    tree = await tree_of(database)
    assert (tree.get("inherits").settings, tree.get("inherits").domain_metadata) == (None, None)
    assert (tree.get("says nothing").settings, tree.get("says nothing").domain_metadata) == ({}, [])


async def test_the_tree_has_every_domain_of_the_account_and_none_of_another(database):
    def write(unit):
        unit.domains.add(domain("s1", parent_id="root"))
        unit.domains.add(domain("s2", parent_id="s1"))
        unit.domains.add(domain("x", parent_id="root", account_id="a2"))

    await database.write(write)

    tree = await tree_of(database)
    assert tree.path("s2") == ("root", "s1", "s2")
    assert set(tree.nodes) == {"root", "s1", "s2"}
    assert set((await tree_of(database, "a2")).nodes) == {"root", "x"}


async def test_an_unchanged_tree_is_built_once(database):
    assert await tree_of(database) is await tree_of(database)


async def test_every_change_is_seen_at_once(database):
    await database.write(lambda unit: unit.domains.add(EVERYTHING_SET))
    added = await tree_of(database)
    await database.write(lambda unit: unit.domains.replace(domain("sub", parent_id="root")))
    replaced = await tree_of(database)
    await database.write(lambda unit: unit.domains.remove("a1", ["sub"]))
    removed = await tree_of(database)

    assert added.get("sub") == EVERYTHING_SET
    assert replaced.get("sub") == domain("sub", parent_id="root")
    assert removed.get("sub") is None
    assert added.version < replaced.version < removed.version


async def test_a_unit_sees_its_own_changes_and_nobody_else_does_before_the_commit(database):
    before = await tree_of(database)

    def change_and_fail(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        assert unit.domains.tree("a1").get("sub") is not None
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(change_and_fail)
    await database.write(lambda unit: unit.domains.add(domain("other", parent_id="root")))

    after = await tree_of(database)  # the version that was undone must not come back with the tree of that time
    assert set(before.nodes) == {"root"}
    assert set(after.nodes) == {"root", "other"}


async def test_a_changed_tree_leaves_the_trees_of_others_alone(database):
    other = await tree_of(database, "a2")
    await database.write(lambda unit: unit.domains.add(domain("sub", parent_id="root")))

    assert await tree_of(database, "a2") is other


async def test_a_domain_id_is_unique_in_its_account_and_free_in_others(database):
    def write(unit):
        unit.domains.add(domain("sub", parent_id="root"))
        unit.domains.add(domain("sub", parent_id="root", account_id="a2"))
        with pytest.raises(DomainIdTaken) as caught:
            unit.domains.add(domain("sub", parent_id="root"))
        return caught.value.domain_id

    assert await database.write(write) == "sub"


async def test_a_subtree_is_removed_in_one_go_whatever_the_order_of_its_ids(database):
    def write(unit):
        for domain_id, parent_id in (("m", "root"), ("a", "m"), ("z", "m")):
            unit.domains.add(domain(domain_id, parent_id=parent_id))
        unit.domains.add(domain("m", parent_id="root", account_id="a2"))
        unit.domains.remove("a1", ["m", "z", "a"])

    await database.write(write)

    assert set((await tree_of(database)).nodes) == {"root"}
    assert set((await tree_of(database, "a2")).nodes) == {"root", "m"}


async def test_a_domain_moves_below_another(database):
    def write(unit):
        unit.domains.add(domain("s1", parent_id="root"))
        unit.domains.add(domain("s2", parent_id="root"))
        unit.domains.replace(domain("s2", parent_id="s1"))

    await database.write(write)

    assert (await tree_of(database)).path("s2") == ("root", "s1", "s2")
