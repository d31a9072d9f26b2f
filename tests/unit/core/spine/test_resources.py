from __future__ import annotations

import pytest

from cloudstead.core.spine.resources import MAX_RESOURCES, ResourceMemory, resources_of, that_fit

KEY = ("a", "1")


def test_resources_are_named_as_rules_name_them():
    reported = {"temp": 1, "ok": True, "name": "x", "list": [1], "pump": {"type": "p", "rpm": 2.5}, "sub": {"deep": {}}}

    assert resources_of(reported, reported) == {
        "temp": "number",
        "ok": "boolean",
        "name": "string",
        "list": "array",
        "p.rpm": "number",
        "untyped.deep": "object",
    }


def test_null_teaches_nothing():
    assert resources_of({"gone": None, "pump": {"rpm": None}}, {}) == {}


def test_a_sub_thing_keeps_the_type_that_it_has_said_once():
    said_before = {"pump": {"type": "p", "rpm": 1}}

    assert resources_of({"pump": {"rpm": 2}}, said_before) == {"p.rpm": "number"}


@pytest.mark.parametrize("merged", [{}, {"pump": 1}, {"pump": {"rpm": 2}}, {"pump": {"type": 5}}])
def test_a_sub_thing_without_a_readable_type_is_untyped(merged):
    assert resources_of({"pump": {"rpm": 2}}, merged) == {"untyped.rpm": "number"}


def test_only_news_are_handed_out():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1}, {})
    first = memory.take_news()
    memory.learn(*KEY, {"a": 2, "b": "x"}, {})

    assert (first, memory.take_news()) == ({KEY: {"a": {"type": "number"}}}, {KEY: {"b": {"type": "string"}}})


def test_a_value_of_another_type_is_news():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1}, {})
    memory.take_news()
    memory.learn(*KEY, {"a": "x"}, {})

    assert memory.take_news() == {KEY: {"a": {"type": "string"}}}


def test_news_given_back_do_not_overwrite_what_was_learnt_since():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1, "b": 1}, {})
    old = memory.take_news()
    memory.learn(*KEY, {"a": "x"}, {})
    memory.give_back(old)

    assert memory.take_news() == {KEY: {"a": {"type": "string"}, "b": {"type": "number"}}}


def test_a_type_that_was_edited_is_learnt_anew():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1}, {})
    memory.take_news()
    memory.forget(*KEY)
    memory.learn(*KEY, {"a": 1}, {})

    assert memory.take_news() == {KEY: {"a": {"type": "number"}}}


def test_a_type_holds_so_many_resources_and_no_more():
    memory = ResourceMemory()
    memory.learn(*KEY, {f"n{number}": 1 for number in range(MAX_RESOURCES + 5)}, {})

    assert len(memory.take_news()[KEY]) == MAX_RESOURCES


def test_what_is_stored_counts_and_may_always_change_its_type():
    known = {f"n{number}": {"type": "number"} for number in range(MAX_RESOURCES - 1)}
    news = {"n0": {"type": "string"}, "new1": {"type": "number"}, "new2": {"type": "number"}}

    assert that_fit(news, known) == {"n0": {"type": "string"}, "new1": {"type": "number"}}


async def learnt(life):
    await life.commit()
    await life.spine.settle()
    found = await life.database.read(lambda unit: unit.thing_types.get(life.world.tenant.account.id, "1"))
    return {name: value["type"] for name, value in found.resources.items()}


async def test_later_updates_count_as_the_type_that_the_shadow_holds(life):
    await life.update("lamp", {"pump": {"type": "p"}})
    await life.update("lamp", {"pump": {"rpm": 1}})

    assert await learnt(life) == {"p.rpm": "number"}


async def test_the_type_is_known_after_a_restart_though_nobody_says_it_again(life):
    await life.update("lamp", {"pump": {"type": "p"}})
    await learnt(life)
    await life.crash()
    life = await life.world.live()
    await life.update("lamp", {"pump": {"rpm": 1}})

    assert await learnt(life) == {"p.rpm": "number"}


async def test_a_type_that_was_taken_back_counts_no_more(life):
    await life.update("lamp", {"pump": {"type": "p"}})
    await life.update("lamp", {"pump": {"type": None, "rpm": 1}})

    assert await learnt(life) == {"untyped.rpm": "number"}
