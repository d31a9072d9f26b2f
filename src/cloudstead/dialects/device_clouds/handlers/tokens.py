"""Tokens of the account: made, listed, suspended, withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from cloudstead.core.clouds.tokens import NewCloudToken, TokenAction, TokenKind
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.errors import NotPermitted
from cloudstead.core.paging import PageRequest
from cloudstead.dialects.device_clouds.paging import IdPageQuery
from cloudstead.dialects.device_clouds.shapes.clouds import EmptyAnswer, cloud_id
from cloudstead.dialects.device_clouds.shapes.tokens import (
    CreateToken,
    TokenActionBody,
    TokenAnswer,
    TokenPage,
    token_answer,
    token_id,
)
from cloudstead.dialects.device_clouds.shapes.words import given, time_of

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.dialects.device_clouds.ports import Backend
    from cloudstead.web.call import Call


class TokenHandlers:
    """What the rows of tokens run. Whoever sees one cloud alone decides about no tokens."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._tokens = backend.tokens

    async def create(self, call: Call[Actor], body: CreateToken) -> TokenAnswer:
        """Create a token; its text is shown in this answer only."""
        _require_whole_account(call.caller)
        cloud, expires = given(body.cloud_id), given(body.expires)
        made = await self._database.write(
            lambda unit: self._tokens.create(
                unit,
                call.caller.caller,
                kind=TokenKind(body.type),
                description=body.description,
                cloud_id=None if cloud is None else cloud_id(cloud),
                product=given(body.product),
                expires_at_ms=None if expires is None else time_of(expires, field="expires"),
            )
        )
        return token_answer(made.token, made.text)

    async def find(self, call: Call[Actor]) -> TokenPage:
        """List the tokens of the account, without their texts."""
        _require_whole_account(call.caller)
        query = call.options(IdPageQuery)
        after = None if isinstance(query.next, type(UNSET)) else token_id(query.next)
        page = await self._database.read(
            lambda unit: unit.cloud_tokens.page(call.caller.account_id, PageRequest(query.limit, after))
        )
        return TokenPage(
            data=[token_answer(each) for each in page.items], next=UNSET if page.after is None else ulid_of(page.after)
        )

    async def act(self, call: Call[Actor], body: TokenActionBody) -> TokenAnswer | EmptyAnswer:
        """Give a token another secret, suspend, resume, revoke or delete it."""
        _require_whole_account(call.caller)
        wanted, action = token_id(body.id), TokenAction(body.action)
        done = await self._database.write(lambda unit: self._tokens.act(unit, call.caller.caller, wanted, action))
        if done is None:
            return EmptyAnswer()
        return token_answer(done.token, done.text) if isinstance(done, NewCloudToken) else token_answer(done)


def _require_whole_account(actor: Actor) -> None:
    if actor.only_cloud is not None:
        raise NotPermitted("decide about tokens with the token of one cloud")
