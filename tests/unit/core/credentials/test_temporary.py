from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.credentials.temporary import TemporaryCredentials

CLOCK = ManualClock()
NOW_S = CLOCK.millis() // 1000
CREDENTIALS = TemporaryCredentials(Sealer(InstallationKey(bytes(32))), CLOCK)
ACCOUNT, PERSON = "0198" + "a" * 28, "0198" + "b" * 28
IDENTITY = "eu-west-1:6dc5ac5b-6d2c-84ec-a2ec-0c0d3c0ae7de"


def issued(person=PERSON, **changes):
    return CREDENTIALS.issue(ACCOUNT, person, identity_id=IDENTITY, **changes)


@pytest.mark.parametrize("person", [PERSON, None])
def test_credentials_tell_all_that_was_put_into_them(person):
    session = issued(person)
    opened = CREDENTIALS.open(session.access_key_id, session.session_token, now_s=NOW_S)
    assert opened == session
    assert (opened.account_id, opened.person_id, opened.identity_id) == (ACCOUNT, person, IDENTITY)
    assert opened.expires_at_s == NOW_S + 3600


def test_another_process_with_the_same_installation_key_opens_them():
    session = issued()
    other = TemporaryCredentials(Sealer(InstallationKey(bytes(32))), CLOCK)
    assert other.open(session.access_key_id, session.session_token, now_s=NOW_S) == session


def test_another_installation_does_not_open_them():
    session = issued()
    other = TemporaryCredentials(Sealer(InstallationKey.generate()), CLOCK)
    with pytest.raises(CredentialRefused):
        other.open(session.access_key_id, session.session_token, now_s=NOW_S)


def test_credentials_look_like_those_of_aws():
    session = issued()
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", session.access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", session.secret_access_key)
    assert len(session.session_token) < 256  # it has to fit into the address of a WebSocket


def test_no_two_sessions_share_a_key_or_a_secret():
    one, two = issued(), issued()
    assert one.access_key_id != two.access_key_id
    assert one.secret_access_key != two.secret_access_key


def test_credentials_work_until_their_last_second():
    session = issued(lifetime_s=10)
    assert CREDENTIALS.open(session.access_key_id, session.session_token, now_s=NOW_S + 9) == session
    with pytest.raises(CredentialExpired) as refusal:
        CREDENTIALS.open(session.access_key_id, session.session_token, now_s=NOW_S + 10)
    assert (refusal.value.expired_at_s, refusal.value.now_s) == (NOW_S + 10, NOW_S + 10)


def test_a_token_belongs_to_its_own_key_id():
    one, two = issued(), issued()
    with pytest.raises(CredentialRefused):
        CREDENTIALS.open(one.access_key_id, two.session_token, now_s=NOW_S)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda noise: base64.b64encode(noise).decode()))
def test_an_invented_token_is_refused(token):
    with pytest.raises(CredentialRefused):
        CREDENTIALS.open("ASIAAAAAAAAAAAAAAAAA", token, now_s=NOW_S)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_token_with_a_changed_byte_is_refused(data):
    session = issued()
    sealed = bytearray(base64.b64decode(session.session_token))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CredentialRefused):
        CREDENTIALS.open(session.access_key_id, base64.b64encode(sealed).decode(), now_s=NOW_S)


def test_an_overlong_token_is_refused_unread():
    with pytest.raises(CredentialRefused, match="malformed"):
        CREDENTIALS.open("ASIAAAAAAAAAAAAAAAAA", "A" * 2000, now_s=NOW_S)


def test_secrets_do_not_show_in_the_representation():
    session = issued()
    assert session.secret_access_key not in repr(session)
    assert session.session_token not in repr(session)
