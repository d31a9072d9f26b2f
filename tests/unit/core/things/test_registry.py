from __future__ import annotations

import pytest

from cloudstead.core.access.permissions import Permission
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
from cloudstead.core.things.errors import ThingNameTaken, ThingNotFound
from cloudstead.core.things.events import CertificatesRevoked, ThingChanged, ThingCreated, ThingRemoved
from cloudstead.core.things.registry import Things
from cloudstead.core.thingtypes.errors import ThingTypeNotFound, ThingTypeNotUsable
from cloudstead.core.thingtypes.registry import ThingTypes


@pytest.fixture
async def things(tenant):
    for domain_id, parent_id in (("a", "root"), ("b", "a"), ("c", "root")):
        await tenant.add_domain(domain_id, parent_id=parent_id)
    types = ThingTypes(tenant.clock, tenant.ids)

    def make_types(unit):
        for type_id, domain_id in (("R", "root"), ("A", "a"), ("C", "c")):
            types.create(unit, tenant.caller, thing_type_id=type_id, domain_id=domain_id, label=type_id)

    await tenant.database.write(make_types)
    tenant.events.clear()
    files = create_authority(tenant.clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=tenant.clock
    )
    return Things(tenant.clock, tenant.ids, Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids))


@pytest.fixture
def create(tenant, things):
    async def make(name=None, *, thing_type="R", domain_id="a", caller=None):
        return await tenant.database.write(
            lambda unit: things.create(
                unit, caller or tenant.caller, thing_type=thing_type, domain_id=domain_id, name=name
            )
        )

    return make


@pytest.fixture
def update(tenant, things):
    async def change(name, *, caller=None, **fields):
        return await tenant.database.write(
            lambda unit: things.update(unit, caller or tenant.caller, name=name, **fields)
        )

    return change


def caller_at(tenant, domain_id, role="ReadWrite"):
    return tenant.caller_of(None, Grant(domain_id, role))


async def test_things_without_a_name_are_numbered_and_names_already_taken_are_passed_over(create):
    await create("00000002")
    assert [(await create()).name for _ in range(2)] == ["00000001", "00000003"]


async def test_outside_of_production_the_stack_stands_before_the_number(tenant, things):
    from cloudstead.core.accounts.opening import open_account
    from cloudstead.core.caller import Caller

    def work(unit):
        account = open_account(unit, tenant.ids, tenant.clock, name="dev", stack="dev", hosts=["dev.example"])
        caller = Caller(account.id, "person:x", "x", None, (Grant("root", "ReadWrite"),))
        ThingTypes(tenant.clock, tenant.ids).create(unit, caller, thing_type_id="R", domain_id="root", label="R")
        return things.create(unit, caller, thing_type="R", domain_id="root")

    assert (await tenant.database.write(work)).name == "dev-00000001"


async def test_a_new_thing_is_labelled_with_its_name_has_a_certificate_and_waits_for_the_index(tenant, create):
    thing = await create("pump")

    def look(unit):
        return unit.certificates.live_of(tenant.account.id, thing.uid), unit.things.pending_for_index(limit=9)

    certificates, pending = await tenant.database.read(look)
    assert (thing.label, thing.description) == ("pump", None)
    assert len(certificates) == 1
    assert [each.thing for each in pending] == [thing]
    assert tenant.events == [ThingCreated(thing, ("root", "a"))]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": "taken"}, ThingNameTaken),
        ({"name": "white space"}, InvalidField),
        ({"name": "a/b"}, InvalidField),
        ({"name": "x" * 129}, InvalidField),
        ({"name": "new\n"}, InvalidField),
        ({"thing_type": "nowhere"}, ThingTypeNotFound),
        ({"domain_id": "nowhere"}, DomainNotFound),
        ({"domain_id": "c", "thing_type": "C"}, OutOfReach),
        ({"thing_type": "C"}, ThingTypeNotFound),
    ],
)
async def test_a_new_thing_needs_a_free_name_a_type_and_a_domain_within_reach(tenant, create, arguments, error):
    await create("taken")
    with pytest.raises(error):
        await create(**{"caller": caller_at(tenant, "a"), **arguments})


async def test_a_type_is_used_at_its_own_domain_and_below(create):
    assert (await create(thing_type="A", domain_id="b")).thing_type == "A"
    with pytest.raises(ThingTypeNotUsable):
        await create(thing_type="A", domain_id="root")


async def test_a_reader_creates_nothing(tenant, create):
    with pytest.raises(NotPermitted):
        await create("pump", caller=caller_at(tenant, "a", "Read"))


async def test_a_move_is_told_with_both_paths(tenant, create, update):
    before = await create("pump")
    thing = await update("pump", domain_id="c", label="Pump", description="of the well")
    assert (thing.domain_id, thing.label, thing.description) == ("c", "Pump", "of the well")
    assert tenant.events[-1] == ThingChanged(before, ("root", "a"), thing, ("root", "c"))


async def test_what_is_absent_stays_and_a_null_description_is_cleared(create, update):
    await create("pump")
    await update("pump", label="Pump", description="x")
    assert (await update("pump")).description == "x"
    cleared = await update("pump", description=None)
    assert (cleared.label, cleared.description) == ("Pump", None)


@pytest.mark.parametrize(
    ("name", "fields", "error", "field"),
    [
        ("outside", {"label": "x"}, OutOfReach, None),
        ("inside", {"domain_id": "c"}, OutOfReach, "domain"),
        ("inside", {"domain_id": "nowhere"}, DomainNotFound, "domain"),
        ("inside", {"label": " "}, InvalidField, "label"),
        ("inside", {"description": "x" * 5000}, InvalidField, "description"),
    ],
)
async def test_a_change_stays_within_reach_and_within_bounds(tenant, create, update, name, fields, error, field):
    await create("inside")
    await create("outside", domain_id="c")
    with pytest.raises(error) as refused:
        await update(name, caller=caller_at(tenant, "a"), **fields)
    assert refused.value.field == field


async def test_a_removed_thing_is_gone_with_its_certificates_and_a_new_one_may_take_its_name(tenant, things, create):
    thing = await create("pump")
    (certificate,) = await tenant.database.read(lambda unit: unit.certificates.live_of(tenant.account.id, thing.uid))
    await tenant.database.write(lambda unit: things.remove(unit, tenant.caller, name="pump"))
    assert tenant.events[-2:] == [CertificatesRevoked((certificate.id,)), ThingRemoved(thing, ("root", "a"))]
    with pytest.raises(ThingNotFound):
        await tenant.database.read(lambda unit: things.get(unit, tenant.caller, name="pump"))
    assert (await create("pump")).uid != thing.uid


@pytest.mark.parametrize(("name", "error"), [("outside", OutOfReach), ("nowhere", ThingNotFound)])
async def test_a_thing_out_of_reach_is_neither_read_nor_removed(tenant, things, create, name, error):
    await create("outside", domain_id="c")
    caller = caller_at(tenant, "a")
    with pytest.raises(error):
        await tenant.database.read(lambda unit: things.get(unit, caller, name=name))
    with pytest.raises(error):
        await tenant.database.write(lambda unit: things.remove(unit, caller, name=name))


async def test_a_refused_creation_leaves_nothing_behind(tenant, create):
    await create("taken")
    tenant.events.clear()
    with pytest.raises(ThingNameTaken):
        await create("taken")
    assert tenant.events == []


@pytest.mark.parametrize(
    ("places", "is_allowed"), [(("root",), True), (("a", "c"), True), (("a",), False), (("c",), False)]
)
async def test_a_move_needs_the_right_to_transfer_at_both_places(tenant, create, update, places, is_allowed):
    await create("lamp")
    editing = Grant("root", "editing", permissions=frozenset({Permission("thing:update")}))
    moving = [Grant(place, "moving", permissions=frozenset({Permission("thing:transfer")})) for place in places]
    caller = tenant.caller_of(None, editing, *moving)
    assert (await update("lamp", caller=caller, label="bulb")).label == "bulb"
    if is_allowed:
        assert (await update("lamp", caller=caller, domain_id="c")).domain_id == "c"
    else:
        with pytest.raises(OutOfReach):
            await update("lamp", caller=caller, domain_id="c")
