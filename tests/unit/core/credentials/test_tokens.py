from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from cloudstead.core.accounts.model import Account
from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.people.model import Person

KEY = SigningKey.generate()
ACCOUNT = Account(
    id="0198" + "a" * 28,
    name="a",
    number="1" * 12,
    stack="prod",
    function_suffix="S",
    identity_pool="6dc5ac5b-6d2c-44ec-a2ec-0c0d3c0ae7de",
    user_pool="aBcDeFgHi",
    user_pool_client="client",
    created_at_ms=0,
)
PERSON = Person(
    id="0198" + "b" * 28, home_account_id=ACCOUNT.id, user_name="ada", password_hash="", email="ada@cloud.example"
)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def tokens(clock):
    return Tokens(KEY, clock, region="eu-west-1")


def forged(tokens, *, header=None, **changes):
    """A token like ours but for what is given."""
    genuine = jwt.decode(tokens.issue_id_token(ACCOUNT, PERSON), KEY.key, algorithms=["RS256"])
    claims = {name: value for name, value in {**genuine.claims, **changes}.items() if value is not None}
    header = {**genuine.header, **(header or {})}
    return jwt.encode(header, claims, KEY.key, algorithms=["RS256"])


def test_an_id_token_has_the_claims_of_a_cognito_user_pool(tokens, clock):
    keys = KeySet.import_key_set(tokens.jwks())
    token = jwt.decode(tokens.issue_id_token(ACCOUNT, PERSON), keys, algorithms=["RS256"])
    now = clock.millis() // 1000
    assert token.header == {"typ": "JWT", "alg": "RS256", "kid": KEY.kid}
    assert token.claims == {
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcDeFgHi",
        "aud": "client",
        "token_use": "id",
        "sub": "0198bbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
        "cognito:username": "ada",
        "email": "ada@cloud.example",
        "cloudstead:account": ACCOUNT.id,
        "cloudstead:epoch": 0,
        "auth_time": now,
        "iat": now,
        "exp": now + 900,
    }


def test_a_verified_token_says_who_and_where(tokens, clock):
    token = tokens.verify(tokens.issue_id_token(ACCOUNT, PERSON))
    assert (token.account_id, token.person_id, token.user_name) == (ACCOUNT.id, PERSON.id, "ada")
    assert token.expires_at_s - token.issued_at_s == 900


def test_a_token_ends_on_its_second_even_when_it_is_remembered(tokens, clock):
    text = tokens.issue_id_token(ACCOUNT, PERSON)
    expires_at_s = clock.millis() // 1000 + 900
    clock.advance(timedelta(seconds=899))
    tokens.verify(text)
    clock.advance(timedelta(seconds=1))
    for _ in range(2):
        with pytest.raises(CredentialExpired) as refusal:
            tokens.verify(text)
        assert (refusal.value.expired_at_s, refusal.value.now_s) == (expires_at_s, expires_at_s)


def test_a_token_serves_its_own_account_only(tokens):
    text = tokens.issue_id_token(ACCOUNT, PERSON)
    assert tokens.verify_for(ACCOUNT, text).person_id == PERSON.id
    for other in (
        replace(ACCOUNT, id="0198" + "c" * 28),
        replace(ACCOUNT, user_pool="XXXXXXXXX"),
        replace(ACCOUNT, user_pool_client="another"),
    ):
        with pytest.raises(CredentialRefused):
            tokens.verify_for(other, text)


def test_a_token_of_another_installation_is_refused(clock, tokens):
    other = Tokens(SigningKey.generate(), clock, region="eu-west-1")
    with pytest.raises(CredentialRefused):
        tokens.verify(other.issue_id_token(ACCOUNT, PERSON))


def test_a_token_signed_with_our_public_key_as_a_password_is_refused(tokens):
    # The classic confusion of RS256 and HS256 (RFC 8725, section 2.1).
    signed = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=") + b"."
    signed += tokens.issue_id_token(ACCOUNT, PERSON).split(".")[1].encode()
    signature = hmac.digest(KEY.key.as_pem(private=False), signed, "sha256")
    with pytest.raises(CredentialRefused):
        tokens.verify((signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode())


def test_an_unsigned_token_is_refused(tokens):
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    claims = tokens.issue_id_token(ACCOUNT, PERSON).split(".")[1]
    for signature in ("", "AAAA"):
        with pytest.raises(CredentialRefused):
            tokens.verify(f"{header}.{claims}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"token_use": "access"},
        {"token_use": None},
        {"sub": "not a uuid"},
        {"exp": "soon"},
        {"exp": None},
        {"cloudstead:account": None},
        {"header": {"kid": "another"}},
    ],
)
def test_a_genuine_signature_under_other_claims_is_refused(tokens, changes):
    tokens.verify(forged(tokens))
    with pytest.raises(CredentialRefused):
        tokens.verify(forged(tokens, **changes))


def test_an_open_id_token_is_no_id_token(tokens):
    with pytest.raises(CredentialRefused):
        tokens.verify(tokens.issue_open_id_token(ACCOUNT, "eu-west-1:x", person_id=PERSON.id))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_a_changed_part_is_refused(tokens, part):
    parts = tokens.issue_id_token(ACCOUNT, PERSON).split(".")
    parts[part] = parts[part][:10] + ("A" if parts[part][10] != "A" else "B") + parts[part][11:]
    with pytest.raises(CredentialRefused):
        tokens.verify(".".join(parts))


PIECE = (
    st.sampled_from(["", ".", "a", "e30", "ey", "=", "\x00", "\u00e9", "\ud800"])
    | st.binary(max_size=40).map(lambda noise: base64.urlsafe_b64encode(noise).decode())
    | st.sampled_from(
        [
            base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
            for header in (
                {"alg": "RS256"},
                {"alg": "RS256", "crit": ["b64"], "b64": False},
                {"alg": ["RS256"]},
                {"alg": "RS256", "kid": 7},
                [],
                "x",
                None,
            )
        ]
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECE, max_size=6).map("".join) | st.lists(PIECE, min_size=3, max_size=3).map(".".join))
def test_arbitrary_text_is_refused_and_nothing_else_happens(text):
    with pytest.raises(CredentialRefused):
        Tokens(KEY, ManualClock(), region="eu-west-1").verify(text)


def test_an_overlong_token_is_refused_unread(tokens):
    with pytest.raises(CredentialRefused, match="malformed"):
        tokens.verify("a" * 10_000)


@pytest.mark.parametrize(
    ("person_id", "amr"),
    [
        (None, ["unauthenticated"]),
        (PERSON.id, ["authenticated", "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcDeFgHi"]),
    ],
)
def test_an_open_id_token_proves_an_identity_of_the_pool(tokens, clock, person_id, amr):
    text = tokens.issue_open_id_token(ACCOUNT, "eu-west-1:x", person_id=person_id)
    claims = jwt.decode(text, KEY.key, algorithms=["RS256"]).claims
    assert claims["iss"] == "https://cognito-identity.amazonaws.com"
    assert claims["aud"] == f"eu-west-1:{ACCOUNT.identity_pool}"
    assert (claims["sub"], claims["amr"], claims["exp"] - claims["iat"]) == ("eu-west-1:x", amr, 600)


def test_a_signing_key_survives_being_stored():
    again = SigningKey.load(KEY.to_pem())
    assert again.kid == KEY.kid
    assert again.public_jwk() == KEY.public_jwk()


def test_the_published_key_holds_no_secret(tokens):
    (published,) = tokens.jwks()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "use", "alg"}
