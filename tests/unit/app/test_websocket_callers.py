from __future__ import annotations

from typing import Any

import pytest

from cloudstead.app.websocket_callers import WebSocketCallers
from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Caller
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.ids import AccountId
from cloudstead.dialects.aws.auth import AwsCaller
from cloudstead.web.sigv4 import SignatureMissing, SignatureRefused

ADA = Caller(AccountId("0" * 32), "person:ada", "ada", None, ())


class Signed:
    """Verifies every signature with the outcome it was made with."""

    def __init__(self, outcome: Caller | Exception | None) -> None:
        self._outcome = outcome

    async def of_websocket(self, *_: Any, **__: Any) -> Any:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return AwsCaller(None, self._outcome)


class Bearers:
    """Knows every token and every key, and tells which of the two it was shown."""

    async def of_id_token(self, token: str) -> Caller:
        return Caller(ADA.account_id, "token", token, None, ())

    async def of_api_key(self, text: str) -> Caller:
        return Caller(ADA.account_id, "key", text, None, ())


async def caller_of(query: str, outcome: Caller | Exception | None = None, *headers: tuple[bytes, bytes]) -> Any:
    callers = WebSocketCallers(Signed(outcome), Bearers())
    return await callers.of_upgrade("/mqtt", query, headers=headers, source_address="192.0.2.7")


async def test_a_signed_url_opens_for_whoever_signed_it() -> None:
    assert await caller_of("X-Amz-Signature=00", ADA) is ADA


@pytest.mark.parametrize(
    "failure", [SignatureRefused("no"), SignatureMissing("no"), AccountNotUsable(AccountStatus.SUSPENDED)]
)
async def test_a_signature_that_does_not_hold_is_a_refused_credential(failure: Exception) -> None:
    with pytest.raises(CredentialRefused):
        await caller_of("X-Amz-Signature=00", failure)


async def test_an_expired_signature_stays_an_expired_credential() -> None:
    with pytest.raises(CredentialExpired):
        await caller_of("X-Amz-Signature=00", CredentialExpired(1, 2))


async def test_a_guest_may_sign_but_does_not_come_in() -> None:
    with pytest.raises(CredentialRefused):
        await caller_of("X-Amz-Signature=00", None)


@pytest.mark.parametrize(("token", "kind"), [("a.b.c", "token"), ("csk_1_2", "key")])
async def test_a_token_or_key_comes_in_a_header_or_in_the_query(token: str, kind: str) -> None:
    by_header = await caller_of("", None, (b"authorization", f"Bearer {token}".encode()))
    by_query = await caller_of(f"token={token}")

    assert by_header == by_query
    assert (by_header.principal, by_header.user_name, by_header.source_address) == (kind, token, "192.0.2.7")


async def test_an_upgrade_without_a_credential_leaves_it_to_connect() -> None:
    assert await caller_of("") is None
