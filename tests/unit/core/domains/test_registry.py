from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstead.core.access.permissions import permissions_of
from cloudstead.core.caller import Grant
from cloudstead.core.domains.errors import (
    DomainHasPeople,
    DomainHasThings,
    DomainIdTaken,
    DomainMoveMakesLoop,
    DomainNotFound,
    RootIsFixed,
)
from cloudstead.core.domains.events import DomainMoved
from cloudstead.core.domains.registry import MAX_DEPTH, DomainChange, Domains
from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
from cloudstead.core.paging import PageRequest
from cloudstead.core.roles.model import GroupRole
from cloudstead.core.thingtypes.events import ThingTypeRemoved
from cloudstead.core.thingtypes.registry import ThingTypes


@pytest.fixture
async def domains(tenant):
    for domain_id, parent_id in (("a", "root"), ("b", "a"), ("c", "b"), ("d", "root")):
        await tenant.add_domain(domain_id, parent_id=parent_id)
    return Domains(tenant.clock, tenant.ids)


@pytest.fixture
def update(tenant, domains):
    async def change(domain_id, *, caller=None, **fields):
        return await tenant.database.write(
            lambda unit: domains.update(
                unit, caller or tenant.caller, domain_id=domain_id, change=DomainChange(**fields)
            )
        )

    return change


@pytest.fixture
def create(tenant, domains):
    async def make(domain_id="new", parent_id="a", *, name="New", caller=None, **fields):
        return await tenant.database.write(
            lambda unit: domains.create(
                unit, caller or tenant.caller, domain_id=domain_id, parent_id=parent_id, name=name, **fields
            )
        )

    return make


def caller_at(tenant, *domain_ids, role="ReadWrite"):
    return tenant.caller_of(None, *(Grant(each, role) for each in domain_ids))


@pytest.mark.parametrize(
    ("granted", "tops"),
    [(("b",), ("b",)), (("d", "a"), ("d", "a")), (("b", "a"), ("a",)), (("a", "gone"), ("a",)), (("gone",), ())],
)
async def test_a_caller_sees_what_lies_below_the_widest_grants_the_own_domain_first(tenant, domains, granted, tops):
    visible = await tenant.database.read(lambda unit: domains.visible(unit, caller_at(tenant, *granted)))
    assert visible.tops == tops


async def test_who_holds_no_grant_sees_nothing(tenant, domains):
    with pytest.raises(NotPermitted):
        await tenant.database.read(lambda unit: domains.visible(unit, caller_at(tenant)))


async def test_metadata_and_settings_come_from_the_nearest_domain_above_that_has_some(tenant, domains, update):
    field = {"id": "f", "label": "F", "type": "text", "more": 1}
    await update("a", domain_metadata=[field], settings={"theme": "dark"})
    await update("b", settings={"theme": "light"})
    found = await tenant.database.read(lambda unit: domains.get(unit, tenant.caller, domain_id="c"))
    assert found.domain_metadata == [{"id": "f", "label": "F", "type": "text"}]
    assert found.settings == {"theme": "light"}
    assert found.thing_type_metadata is None


@pytest.mark.parametrize("nothing", [None, {}])
async def test_cleared_settings_are_inherited_again(tenant, domains, update, nothing):
    await update("root", settings={"theme": "dark"})
    await update("a", settings={"theme": "light"})
    await update("a", settings=nothing)
    found = await tenant.database.read(lambda unit: domains.get(unit, tenant.caller, domain_id="a"))
    assert found.settings == {"theme": "dark"}


@pytest.mark.parametrize(
    "metadata",
    [
        ["x"],
        [{"id": "f", "label": "F"}],
        [{"id": "f", "label": "F", "type": "date"}],
        [{"label": "F", "type": "text"}],
        [{"id": "", "label": "F", "type": "text"}],
        [{"id": "f", "label": "F", "type": "text"}, {"id": "f", "label": "G", "type": "text"}],
    ],
)
@pytest.mark.parametrize("field", ["domain_metadata", "thing_type_metadata"])
async def test_malformed_metadata_is_refused(update, metadata, field):
    with pytest.raises(InvalidField) as refused:
        await update("a", **{field: metadata})
    assert refused.value.field == field


@pytest.mark.parametrize(
    "domain_id", ["", " ", "a/b", "a+", "#", "attributes", "errorMessage", "x\0y", "tab\t", "x" * 129]
)
async def test_an_id_has_to_be_a_level_of_topics_and_no_word_of_the_tree(create, domain_id):
    with pytest.raises(InvalidField) as refused:
        await create(domain_id)
    assert refused.value.field == "id"


@pytest.mark.parametrize("domain_id", ["telenor.no", "North Sea", "490", "Åsgård"])
async def test_an_id_may_hold_blanks_dots_and_letters_of_any_language(create, domain_id):
    assert (await create(domain_id)).id == domain_id


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"parent_id": "nowhere"}, DomainNotFound),
        ({"parent_id": "d"}, OutOfReach),
        ({"domain_id": "d"}, DomainIdTaken),
        ({"name": ""}, InvalidField),
        ({"description": "x" * 5000}, InvalidField),
        ({"data": {"x": "y" * 70_000}}, InvalidField),
    ],
)
async def test_a_new_domain_needs_a_free_id_and_a_parent_within_reach(tenant, create, arguments, error):
    with pytest.raises(error):
        await create(**{"caller": caller_at(tenant, "a"), **arguments})


async def test_a_move_is_told_with_the_new_path(tenant, update):
    await update("b", parent_id="d")
    assert tenant.events == [DomainMoved(tenant.account.id, "b", ("root", "d", "b"))]


async def test_naming_the_present_parent_is_no_move_even_when_it_is_out_of_reach(tenant, update):
    changed = await update("a", caller=caller_at(tenant, "a"), parent_id="root", name="A")
    assert changed.name == "A"
    assert tenant.events == []


@pytest.mark.parametrize(
    ("domain_id", "parent_id", "error"),
    [
        ("a", "c", DomainMoveMakesLoop),
        ("a", "a", DomainMoveMakesLoop),
        ("root", "a", RootIsFixed),
        ("b", "nowhere", DomainNotFound),
        ("nowhere", "a", DomainNotFound),
    ],
)
async def test_a_move_must_not_cut_off_the_tree(update, domain_id, parent_id, error):
    with pytest.raises(error):
        await update(domain_id, parent_id=parent_id)


@pytest.mark.parametrize(("domain_id", "parent_id", "field"), [("d", "a", "id"), ("b", "d", "parent_id")])
async def test_both_ends_of_a_move_have_to_be_within_reach(tenant, update, domain_id, parent_id, field):
    with pytest.raises(OutOfReach) as refused:
        await update(domain_id, caller=caller_at(tenant, "a"), parent_id=parent_id)
    assert refused.value.field == field


async def test_a_move_asks_for_the_right_to_create_where_it_leads(tenant, update):
    def may(domain_id, *words):
        return Grant(domain_id, "made", permissions=permissions_of(words))

    mover = tenant.caller_of(None, may("a", "group:edit"), may("d", "group:edit"))
    with pytest.raises(NotPermitted):
        await update("b", caller=mover, parent_id="d")
    mover = tenant.caller_of(None, may("a", "group:edit", "group:create"), may("d", "group:edit"))
    with pytest.raises(OutOfReach):
        await update("b", caller=mover, parent_id="d")
    mover = tenant.caller_of(None, may("a", "group:edit"), may("d", "group:edit", "group:create"))
    assert (await update("b", caller=mover, parent_id="d")).parent_id == "d"


async def test_a_domain_is_not_moved_away_from_a_role_that_somebody_holds_in_it(tenant, update):
    role = GroupRole(
        id="r" * 32,
        account_id=tenant.account.id,
        domain_id="a",
        name="Reader",
        description="",
        words=("group:view",),
        created_at_ms=0,
        created_by=None,
        updated_at_ms=0,
    )
    await tenant.database.write(lambda unit: unit.roles.add(role))
    await tenant.add_person("holder", Grant("c", role.id))
    with pytest.raises(InvalidField, match="parent_id: the role 'Reader'"):
        await update("b", parent_id="d")
    await update("a", parent_id="d")


async def test_a_tree_has_a_bottom(tenant, create, update):
    parent = "d"
    for level in range(2, MAX_DEPTH + 1):
        await create(f"l{level}", parent)
        parent = f"l{level}"
    with pytest.raises(InvalidField):
        await create("one too many", parent)
    with pytest.raises(InvalidField):
        await update("a", parent_id=f"l{MAX_DEPTH - 2}")


async def test_removing_a_domain_removes_what_is_below_it_with_its_thing_types(tenant, domains):
    types = ThingTypes(tenant.clock, tenant.ids)

    def work(unit):
        types.create(unit, tenant.caller, thing_type_id="C", domain_id="c", label="C")
        domains.remove(unit, tenant.caller, domain_id="a")

    await tenant.database.write(work)
    tree = await tenant.database.read(lambda unit: unit.domains.tree(tenant.account.id))
    assert set(tree.nodes) == {"root", "d"}
    assert [each.path for each in tenant.events if type(each) is ThingTypeRemoved] == [("root", "a", "b", "c")]


async def test_a_domain_stays_while_things_are_below_it(tenant, domains):
    await tenant.add_thing("t", domain_id="c")
    with pytest.raises(DomainHasThings):
        await tenant.database.write(lambda unit: domains.remove(unit, tenant.caller, domain_id="a"))


async def test_a_domain_stays_while_things_elsewhere_have_one_of_its_types(tenant, domains, update):
    types = ThingTypes(tenant.clock, tenant.ids)
    await tenant.database.write(
        lambda unit: types.create(unit, tenant.caller, thing_type_id="1", domain_id="a", label="A")
    )
    await tenant.add_thing("t", domain_id="b")
    await update("b", parent_id="d")
    with pytest.raises(DomainHasThings):
        await tenant.database.write(lambda unit: domains.remove(unit, tenant.caller, domain_id="a"))


async def test_a_domain_stays_while_it_is_somebodys_home(tenant, domains):
    await tenant.add_person("bob", Grant("c", "Read"))
    with pytest.raises(DomainHasPeople):
        await tenant.database.write(lambda unit: domains.remove(unit, tenant.caller, domain_id="a"))


async def test_the_root_stays(tenant, domains):
    with pytest.raises(RootIsFixed):
        await tenant.database.write(lambda unit: domains.remove(unit, tenant.caller, domain_id="root"))


async def test_every_change_leaves_an_entry_in_the_audit_trail(tenant, domains, create, update):
    await create("new", "d")
    tenant.clock.advance(timedelta(milliseconds=1))  # entries are ordered by the millisecond
    await update("new", name="Newer")
    tenant.clock.advance(timedelta(milliseconds=1))
    await tenant.database.write(lambda unit: domains.remove(unit, tenant.caller, domain_id="new"))
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest()))
    entries = [(each.operation, each.object_id, each.before, each.after) for each in page.items][-3:]
    assert [entry[:2] for entry in entries] == [
        ("domain.create", "new"),
        ("domain.update", "new"),
        ("domain.remove", "new"),
    ]
    assert entries[1][2:] == ({"name": "New"}, {"name": "Newer"})
