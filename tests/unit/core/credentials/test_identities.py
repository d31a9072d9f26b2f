from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.accounts.model import Account
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.credentials.identities import Identities, IdentityKind
from cloudstead.core.credentials.sealing import InstallationKey, Sealer

IDENTITIES = Identities(Sealer(InstallationKey(bytes(32))), region="eu-west-1")
ACCOUNT = Account(
    id="a" * 32,
    name="a",
    number="1" * 12,
    stack="prod",
    function_suffix="S",
    identity_pool="6dc5ac5b-6d2c-44ec-a2ec-0c0d3c0ae7de",
    user_pool="abcdefghi",
    user_pool_client="client",
    created_at_ms=0,
)
OTHER = replace(ACCOUNT, id="b" * 32)
PERSON = "c" * 32


def test_a_person_has_one_id_in_an_account_and_another_in_the_next():
    assert IDENTITIES.of_person(ACCOUNT, PERSON) == IDENTITIES.of_person(ACCOUNT, PERSON)
    assert IDENTITIES.of_person(ACCOUNT, PERSON) != IDENTITIES.of_person(OTHER, PERSON)
    assert IDENTITIES.of_person(ACCOUNT, PERSON) != IDENTITIES.of_person(ACCOUNT, "d" * 32)


def test_every_guest_has_an_id_of_its_own():
    assert len({IDENTITIES.new_guest(ACCOUNT) for _ in range(100)}) == 100


@pytest.mark.parametrize("make", [IDENTITIES.new_guest, lambda account: IDENTITIES.of_person(account, PERSON)])
def test_ids_fit_the_form_that_sdks_check(make):
    identity_id = make(ACCOUNT)
    assert re.fullmatch(r"[\w-]+:[0-9a-f-]+", identity_id)
    assert len(identity_id) <= 55
    assert UUID(identity_id.partition(":")[2]).version == 8


def test_guests_and_people_are_told_apart():
    assert IDENTITIES.whose(ACCOUNT, IDENTITIES.new_guest(ACCOUNT)) is IdentityKind.GUEST
    assert IDENTITIES.whose(ACCOUNT, IDENTITIES.of_person(ACCOUNT, PERSON)) is IdentityKind.PERSON


@pytest.mark.parametrize("make", [IDENTITIES.new_guest, lambda account: IDENTITIES.of_person(account, PERSON)])
def test_an_id_of_another_account_is_refused(make):
    with pytest.raises(CredentialRefused):
        IDENTITIES.whose(OTHER, make(ACCOUNT))


@settings(max_examples=50, deadline=None)
@given(st.uuids(version=4) | st.binary(min_size=16, max_size=16).map(lambda noise: UUID(bytes=noise, version=None)))
def test_an_invented_id_is_refused(invented):
    for text in (
        f"eu-west-1:{invented}",
        f"eu-west-1:{str(invented)[:14]}8{str(invented)[15:19]}8{str(invented)[20:]}",
    ):
        with pytest.raises(CredentialRefused):
            IDENTITIES.whose(ACCOUNT, text)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_other_text_is_refused(text):
    with pytest.raises(CredentialRefused):
        IDENTITIES.whose(ACCOUNT, text)


def test_an_id_of_the_accounts_former_pool_is_refused():
    moved = replace(ACCOUNT, identity_pool="00000000-0000-4000-8000-000000000000")
    with pytest.raises(CredentialRefused):
        IDENTITIES.whose(moved, IDENTITIES.new_guest(ACCOUNT))


def test_an_id_of_another_region_is_refused():
    elsewhere = IDENTITIES.new_guest(ACCOUNT).replace("eu-west-1", "us-east-1")
    with pytest.raises(CredentialRefused):
        IDENTITIES.whose(ACCOUNT, elsewhere)
