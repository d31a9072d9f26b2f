from __future__ import annotations

from dataclasses import replace

import pytest

from cloudstead.core.accounts.errors import PolicyForbids
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.domains.model import Domain, DomainTree
from cloudstead.core.errors import NotPermitted
from cloudstead.core.groups.access import may, require, standing
from cloudstead.core.groups.errors import GroupNotFound

PLACES = {"root": None, "farm": "root", "barn": "farm", "loft": "barn", "yard": "root"}
TREE = DomainTree.build(Domain("a1", name, name, above, name) for name, above in PLACES.items())


def caller(*grants):
    return Caller("a1", "key:k", "ada", "p1", grants)


def test_a_role_counts_in_its_group_and_in_all_below_it():
    viewer = caller(Grant("farm", "group-viewer"))
    assert [may(viewer, TREE, each, "device:view") for each in PLACES] == [False, True, True, True, False]


def test_the_nearest_grant_stands_first_and_what_was_given_last_before_the_others():
    held = (Grant("farm", "group-viewer"), Grant("barn", "Read"), Grant("barn", "group-installer"))
    assert standing(caller(*held), TREE, "loft") == [held[2], held[1], held[0]]


def test_roles_at_two_places_count_together():
    both = caller(Grant("farm", "group-installer"), Grant("barn", "group-viewer"))
    assert require(both, TREE, "barn", "device:create", "user:view").id == "barn"


@pytest.mark.parametrize("group", ["yard", "root", "nowhere", ""])
def test_a_group_without_any_right_is_not_there(group):
    with pytest.raises(GroupNotFound):
        require(caller(Grant("farm", "group-viewer")), TREE, group, "group:view")


def test_a_role_that_is_gone_shows_nothing():
    assert standing(caller(Grant("farm", "of-old")), TREE, "farm") == []


def test_a_group_that_can_be_seen_refuses_by_name():
    with pytest.raises(NotPermitted, match="group:edit"):
        require(caller(Grant("farm", "group-viewer")), TREE, "farm", "group:edit")


def test_what_a_word_implies_can_be_taken_away_by_a_policy():
    limited = caller(Grant("farm", "group-installer", denied=frozenset({"thing:create"})))
    with pytest.raises(PolicyForbids, match="thing"):
        require(limited, TREE, "farm", "device:create")


def test_other_grants_are_other_places():
    before = caller(Grant("farm", "group-viewer"))
    assert len(before.at("farm")) == 1
    after = replace(before, grants=(Grant("yard", "group-viewer"),))
    assert (list(after.at("farm")), len(after.at("yard"))) == ([], 1)
    assert before.seen_from("192.0.2.1").at("farm") == before.at("farm")


def test_the_ids_of_a_tree_are_in_order():
    assert list(TREE.ordered) == sorted(PLACES)
