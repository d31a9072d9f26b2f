from __future__ import annotations

import pytest

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.topics import (
    ThingTopics,
    device_may_subscribe,
    domain_topic,
    event_topic,
    person_may_subscribe,
    split_family_topic,
)

LAMP = ThingTopics("lamp", ("root", "sub1", "sub2"))


def test_the_root_is_left_out_of_families_and_kept_in_events():
    assert LAMP.family_update == "thing-update/sub1/sub2/lamp"
    assert ThingTopics("lamp", ("root",)).delta[1] == "thing-update-delta/lamp"
    assert event_topic(("root", "sub1")) == "event/root/sub1"
    assert (domain_topic(("root",)), domain_topic(("root", "sub1", "sub2"))) == ("/", "/sub1/sub2/")


def test_a_device_has_three_requests():
    assert LAMP.requests == {
        "$aws/things/lamp/shadow/update": Verb.UPDATE,
        "$aws/things/lamp/shadow/get": Verb.GET,
        "$aws/things/lamp/shadow/delete": Verb.DELETE,
    }


@pytest.mark.parametrize(
    ("levels", "has_families"), [(0, True), (6, True), (7, False)], ids=["root", "sixth level", "seventh level"]
)
def test_a_thing_below_the_sixth_level_has_no_families(levels, has_families):
    topics = ThingTopics("lamp", ("root", *(f"sub{n}" for n in range(levels))))
    update = Verb.UPDATE
    kinds = (
        topics.asked[update],
        topics.accepted[update],
        topics.rejected[update],
        topics.delta,
        topics.documents,
    )

    assert {len(kind) for kind in kinds} == {1 + has_families}
    assert (topics.family_update is not None) == has_families


def test_only_updates_are_told_to_families():
    others = (Verb.GET, Verb.DELETE)
    kinds = (LAMP.asked, LAMP.accepted, LAMP.rejected)

    assert {len(kind[verb]) for kind in kinds for verb in others} == {1}
    assert LAMP.accepted[Verb.GET] == ("$aws/things/lamp/shadow/get/accepted",)
    assert LAMP.accepted[Verb.UPDATE] == (
        "$aws/things/lamp/shadow/update/accepted",
        "thing-update-accepted/sub1/sub2/lamp",
    )


@pytest.mark.parametrize(
    ("topic", "split"),
    [
        ("thing-update/lamp", ("thing-update", (), "lamp")),
        ("thing-update-documents/sub1/sub2/lamp", ("thing-update-documents", ("sub1", "sub2"), "lamp")),
        ("thing-update", None),
        ("thing-updates/lamp", None),
        ("event/root", None),
    ],
)
def test_a_family_topic_ends_with_its_thing(topic, split):
    assert split_family_topic(topic) == split


@pytest.mark.parametrize(
    ("topic_filter", "is_allowed"),
    [
        ("$aws/things/lamp/shadow/update/delta", True),
        ("$aws/things/lamp/shadow/#", True),
        ("$aws/things/lamp2/shadow/#", False),
        ("$aws/things/+/shadow/#", False),
        ("$aws/things/lamp/#", False),
        ("#", False),
    ],
)
def test_a_device_hears_its_own_shadow_only(topic_filter, is_allowed):
    assert device_may_subscribe(topic_filter, LAMP) is is_allowed


@pytest.mark.parametrize(
    ("topic_filter", "is_allowed"),
    [
        ("thing-update/sub1/#", True),
        ("thing-update/sub1/+", True),
        ("thing-update-delta/sub1/lamp", True),
        ("thing-update/sub1/sub2/#", True),
        ("event/root/sub1", True),
        ("event/root/sub1/#", True),
        ("thing-update/sub1", False),
        ("thing-update/sub10/#", False),
        ("thing-update/+/lamp", False),
        ("thing-update/#", False),
        ("event/root", False),
        ("event/root/#", False),
        ("event/#", False),
        ("+/sub1/lamp", False),
        ("#", False),
        ("$aws/things/lamp/shadow/update", False),
    ],
)
def test_a_person_hears_what_lies_below_the_own_domain_only(topic_filter, is_allowed):
    assert person_may_subscribe(topic_filter, [("root", "sub1")]) is is_allowed


@pytest.mark.parametrize("topic_filter", ["thing-update/#", "event/#", "event/root/+", "thing-update/sub1/lamp"])
def test_a_person_of_the_root_hears_everything_of_the_account(topic_filter):
    assert person_may_subscribe(topic_filter, [("root",)])
    assert not person_may_subscribe("#", [("root",)])
