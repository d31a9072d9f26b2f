from __future__ import annotations

from cloudstead.core.spine.resources import MAX_RESOURCES, ResourceMemory, resources_of, that_fit

KEY = ("a", "1")


def test_resources_are_named_as_rules_name_them():
    reported = {"temp": 1, "ok": True, "name": "x", "list": [1], "pump": {"type": "p", "rpm": 2.5}, "sub": {"deep": {}}}

    assert resources_of(reported) == {
        "temp": "number",
        "ok": "boolean",
        "name": "string",
        "list": "array",
        "p.rpm": "number",
        "untyped.deep": "object",
    }


def test_null_teaches_nothing():
    assert resources_of({"gone": None, "pump": {"rpm": None}}) == {}


def test_only_news_are_handed_out():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1})
    first = memory.take_news()
    memory.learn(*KEY, {"a": 2, "b": "x"})

    assert (first, memory.take_news()) == ({KEY: {"a": {"type": "number"}}}, {KEY: {"b": {"type": "string"}}})


def test_a_value_of_another_type_is_news():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1})
    memory.take_news()
    memory.learn(*KEY, {"a": "x"})

    assert memory.take_news() == {KEY: {"a": {"type": "string"}}}


def test_news_given_back_do_not_overwrite_what_was_learnt_since():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1, "b": 1})
    old = memory.take_news()
    memory.learn(*KEY, {"a": "x"})
    memory.give_back(old)

    assert memory.take_news() == {KEY: {"a": {"type": "string"}, "b": {"type": "number"}}}


def test_a_type_that_was_edited_is_learnt_anew():
    memory = ResourceMemory()
    memory.learn(*KEY, {"a": 1})
    memory.take_news()
    memory.forget(*KEY)
    memory.learn(*KEY, {"a": 1})

    assert memory.take_news() == {KEY: {"a": {"type": "number"}}}


def test_a_type_holds_so_many_resources_and_no_more():
    memory = ResourceMemory()
    memory.learn(*KEY, {f"n{number}": 1 for number in range(MAX_RESOURCES + 5)})

    assert len(memory.take_news()[KEY]) == MAX_RESOURCES


def test_what_is_stored_counts_and_may_always_change_its_type():
    known = {f"n{number}": {"type": "number"} for number in range(MAX_RESOURCES - 1)}
    news = {"n0": {"type": "string"}, "new1": {"type": "number"}, "new2": {"type": "number"}}

    assert that_fit(news, known) == {"n0": {"type": "string"}, "new1": {"type": "number"}}
