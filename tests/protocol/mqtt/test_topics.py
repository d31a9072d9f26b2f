import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.protocols.mqtt import TopicInvalid
from cloudstead.protocols.mqtt.topics import TopicTree, check_filter, check_topic, matches, split_share

LEVELS = st.sampled_from(["a", "b", "", "$x", "é"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = (
    st.tuples(st.lists(st.one_of(LEVELS, st.just("+")), max_size=4), st.booleans())
    .map(lambda parts: "/".join([*parts[0], "#"] if parts[1] else parts[0]))
    .filter(bool)
)


@pytest.mark.parametrize("topic", ["a", "/", "a/b", "$aws/things/x", " ", "a//b", "x" * 65_535])
def test_any_text_without_wildcards_is_a_topic(topic):
    check_topic(topic)


@pytest.mark.parametrize("topic", ["", "+", "a/#", "a+b", "a#", "a\0", "x" * 65_536, "é" * 32_768])
def test_empty_wild_too_long_or_nul_is_no_topic(topic):
    with pytest.raises(TopicInvalid):
        check_topic(topic)


@pytest.mark.parametrize(
    "text", ["a", "/", "#", "+", "+/+", "a/+/b/#", "/#", "$share/g/a", "$share/g//a", "$share/g/#", "$sys/#", "$share"]
)
def test_wildcards_that_stand_for_whole_levels_make_a_filter(text):
    check_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+",
        "+a",
        "a/b#",
        "#/a",
        "a/#/b",
        "##",
        "a\0",
        "$share/",
        "$share/g",
        "$share/g/",
        "$share//a",
        "$share/+/a",
        "$share/g#/a",
        "$share/g/a+",
    ],
)
def test_misplaced_wildcards_and_nameless_groups_make_no_filter(text):
    with pytest.raises(TopicInvalid):
        check_filter(text)


@pytest.mark.parametrize(
    ("text", "topic", "expected"),
    [
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("a/+", "a/b/c", False),
        ("+", "/a", False),
        ("+/+", "/a", True),
        ("#", "a/b", True),
        ("#", "$aws/a", False),
        ("+/a", "$aws/a", False),
        ("$aws/#", "$aws/a", True),
        ("$aws/+", "$aws/$a", True),
        ("a/+/$x", "a/b/$x", True),
    ],
)
def test_a_filter_matches_as_the_standard_says(text, topic, expected):
    assert matches(text, topic) is expected


def test_a_share_name_is_split_off():
    assert split_share("$share/group/a/b") == ("group", "a/b")
    assert split_share("a/b") == (None, "a/b")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), FILTERS), max_size=25), st.lists(TOPICS, min_size=1, max_size=5))
def test_the_tree_finds_what_a_naive_matcher_finds_however_filters_come_and_go(changes, asked):
    tree: TopicTree[list[str]] = TopicTree(list)
    held: set[str] = set()
    for is_added, text in changes:
        if is_added:
            value = tree.at(text)
            value[:] = [text]
            held.add(text)
        else:
            tree.drop(text)
            held.discard(text)
        for topic in asked:
            found = [text for value in tree.match(topic) for text in value]
            assert sorted(found) == sorted(text for text in held if matches(text, topic))
    for text in held:
        assert tree.find(text) == [text]
        tree.drop(text)
        assert tree.find(text) is None
    assert tree.is_empty()


def test_asking_for_what_is_no_topic_is_refused():
    with pytest.raises(TopicInvalid):
        TopicTree(list).match("a/+")


def test_the_match_cache_stays_bounded():
    tree: TopicTree[list[str]] = TopicTree(list, cached_topics=10)
    tree.at("#")
    for number in range(100):
        assert len(tree.match(str(number))) == 1
        assert len(tree.matched) <= 10
