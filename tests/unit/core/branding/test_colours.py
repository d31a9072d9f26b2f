"""Colours: defaults, changes, and who may make them."""

from datetime import timedelta

import pytest

from cloudstead.core.branding.colours import Colours
from cloudstead.core.branding.errors import SlotUnknown
from cloudstead.core.branding.model import DEFAULTS_SINCE_MS, ColourSlot, Theme
from cloudstead.core.branding.palette import PALETTE
from cloudstead.core.caller import Grant
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.paging import PageRequest
from factories.tenants import tenant

__all__ = ["tenant"]


@pytest.fixture
def colours(tenant):
    return Colours(tenant.clock, tenant.ids)


async def shown(tenant, colours, caller=None, theme=Theme.DARK):
    caller = caller or tenant.caller
    return {each.slot: each for each in await tenant.database.read(lambda unit: colours.all(unit, caller, theme))}


async def put(tenant, colours, text, reference="primary", *, theme=Theme.DARK, caller=None):
    caller = caller or tenant.caller
    return await tenant.database.write(lambda unit: colours.put(unit, caller, theme, reference, text))


async def trail(tenant):
    page = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, PageRequest(50)))
    return [each for each in page.items if each.object_type == "branding"]


async def test_a_slot_that_nobody_set_shows_its_default_and_when_that_was_made(tenant, colours):
    for theme in Theme:
        all_shown = await shown(tenant, colours, theme=theme)
        assert list(all_shown) == list(ColourSlot)
        assert {slot: each.text for slot, each in all_shown.items()} == PALETTE[theme]
        assert {each.updated_at_ms for each in all_shown.values()} == {DEFAULTS_SINCE_MS}
    assert await trail(tenant) == []


async def test_a_colour_is_kept_as_it_was_written_in_its_theme_alone(tenant, colours):
    made = await put(tenant, colours, "RebeccaPurple")
    assert (made.text, made.updated_at_ms) == ("RebeccaPurple", tenant.clock.millis())
    assert (await shown(tenant, colours))[ColourSlot.PRIMARY] == made
    assert (await shown(tenant, colours, theme=Theme.LIGHT))[ColourSlot.PRIMARY].text == PALETTE["light"]["primary"]


@pytest.mark.parametrize("nothing", [None, ""])
async def test_setting_nothing_restores_the_default_as_of_now(tenant, colours, nothing):
    await put(tenant, colours, "purple")
    tenant.clock.advance(timedelta(hours=1))
    restored = await put(tenant, colours, nothing)
    assert (restored.text, restored.updated_at_ms) == (PALETTE["dark"]["primary"], tenant.clock.millis())


async def test_what_changes_nothing_leaves_no_trace(tenant, colours):
    first = await put(tenant, colours, "purple")
    tenant.clock.advance(timedelta(hours=1))
    assert await put(tenant, colours, "purple") == first
    assert (await put(tenant, colours, None, "secondary")).updated_at_ms == DEFAULTS_SINCE_MS
    assert len(await trail(tenant)) == 1


async def test_several_colours_are_set_at_once_or_none_of_them(tenant, colours):
    async def put_many(*wanted):
        return await tenant.database.write(lambda unit: colours.put_many(unit, tenant.caller, Theme.DARK, wanted))

    await put(tenant, colours, "red", "error_color")
    await put_many(("primary", "purple"), ("info_color", "#123456"), ("error_color", None))
    before = await shown(tenant, colours)
    assert [before[slot].text for slot in (ColourSlot.PRIMARY, ColourSlot.INFO, ColourSlot.ERROR)] == [
        "purple",
        "#123456",
        PALETTE["dark"]["error_color"],
    ]
    for wanted in (
        [("primary", "green"), ("info_color", "nonsense")],
        [("primary", "green"), ("nonsense", "green")],
        [("primary", "green"), ("primary", "blue")],
    ):
        with pytest.raises(InvalidField):
            await put_many(*wanted)
        assert await shown(tenant, colours) == before


@pytest.mark.parametrize("reference", ["", "Primary", "brand_logo_email", "primary\0", "../primary", "p" * 10_000])
async def test_there_are_no_other_slots(tenant, colours, reference):
    with pytest.raises(SlotUnknown):
        await put(tenant, colours, "red", reference)
    with pytest.raises(SlotUnknown):
        await tenant.database.read(lambda unit: colours.get(unit, tenant.caller, Theme.DARK, reference))


@pytest.mark.parametrize("grant", [Grant("root", "Read"), Grant("root", "ReadWrite"), Grant("sub", "Administrator")])
async def test_whoever_does_not_administer_the_whole_account_only_reads(tenant, colours, grant):
    reader = tenant.caller_of(None, grant)
    with pytest.raises(NotPermitted):
        await put(tenant, colours, "red", caller=reader)
    with pytest.raises(NotPermitted):
        await tenant.database.write(lambda unit: colours.put_many(unit, reader, Theme.DARK, [("nonsense", "red")]))
    assert len(await shown(tenant, colours, reader)) == len(ColourSlot)


async def test_somebody_without_any_role_does_not_even_read(tenant, colours):
    nobody = tenant.caller_of(None)
    with pytest.raises(NotPermitted):
        await shown(tenant, colours, nobody)
    with pytest.raises(NotPermitted):
        await tenant.database.read(lambda unit: colours.get(unit, nobody, Theme.DARK, "primary"))


async def test_the_trail_tells_what_a_colour_was_and_is(tenant, colours):
    await put(tenant, colours, "red")
    await put(tenant, colours, "blue")
    last = (await trail(tenant))[-1]
    assert (last.operation, last.object_id) == ("branding.set-colours", "dark")
    assert (last.before, last.after) == ({"primary": "red"}, {"primary": "blue"})
