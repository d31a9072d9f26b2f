from cloudstead.protocols.mqtt.deadlines import Deadlines


def test_an_item_is_due_once_and_never_early():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("a", 10.5)
    assert deadlines.due(10.4) == []
    assert deadlines.due(10.6) == []
    assert deadlines.due(11.0) == ["a"]
    assert deadlines.due(12.0) == []


def test_a_new_deadline_replaces_the_one_before():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("a", 5)
    deadlines.put("a", 8)
    assert deadlines.due(7) == []
    assert deadlines.due(8) == ["a"]


def test_a_cancelled_item_is_never_due():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("a", 5)
    deadlines.put("b", 5)
    deadlines.cancel("a")
    deadlines.cancel("never put")
    assert deadlines.due(100) == ["b"]


def test_items_that_are_long_due_all_come_at_once():
    deadlines: Deadlines[int] = Deadlines()
    for number in range(100):
        deadlines.put(number, number)
    assert sorted(deadlines.due(1000)) == list(range(100))
