from __future__ import annotations

from itertools import pairwise

import pytest

from cloudstead.core.access.permissions import (
    ADMINISTER,
    GROUP_ADMINISTRATOR,
    GROUP_ROLES,
    INSTALLER,
    READING,
    SUBSCRIBER,
    VIEWER,
    permissions_of,
)
from cloudstead.core.roles.built_in import SHOWN
from cloudstead.core.roles.words import OWN_AFFAIRS, VIEWS, WORDS, expanded, spoken


def test_whatever_a_word_implies_is_something_that_the_house_knows():
    assert {each for word in WORDS for each in word.implies} <= ADMINISTER
    assert set(OWN_AFFAIRS) <= ADMINISTER


def test_each_of_the_four_roles_holds_all_of_the_lesser_ones():
    names = (VIEWER, INSTALLER, GROUP_ADMINISTRATOR, SUBSCRIBER)
    held = [GROUP_ROLES[name].permissions for name in names]
    assert all(lesser < greater for lesser, greater in pairwise(held))
    assert held[-1] < ADMINISTER


def test_an_administrator_lacks_the_contract_alone_and_an_installer_the_transfer():
    assert set(SHOWN[SUBSCRIBER].words) - set(SHOWN[GROUP_ADMINISTRATOR].words) == {"contract:edit"}
    assert "device:transfer" not in SHOWN[INSTALLER].words
    assert set(SHOWN[VIEWER].words) == set(VIEWS)


def test_views_are_what_may_still_be_done_in_a_restricted_account():
    assert set(VIEWS) <= READING


def test_words_about_people_give_no_power_over_the_people_themselves():
    given = permissions_of(["user:add", "user:edit", "user:delete"])
    assert {each for each in given if each.startswith("person:")} == {"person:update-profile"}


@pytest.mark.parametrize("word", [word.id for word in WORDS])
def test_a_word_is_among_what_it_gives_and_is_read_out_of_it_again(word):
    assert word in spoken(expanded([word]))
