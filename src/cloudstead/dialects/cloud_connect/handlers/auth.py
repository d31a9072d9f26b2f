"""AuthLambda: the only function that answers guests (Cloud Connect 2.11, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.cloud_connect.shapes.auth import login_answer

if TYPE_CHECKING:
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import Login, Refresh


async def login(backend: Backend, call: Call[Login]) -> object:
    """Log in with a user name and a password."""
    given = call.input
    return login_answer(
        await backend.sign_in.login(
            call.account, given.user_name, password=given.password, source_address=call.source_address
        )
    )


async def refresh(backend: Backend, call: Call[Refresh]) -> object:
    """Log in again with a refresh token, which is repeated unchanged."""
    return login_answer(await backend.sign_in.refresh(call.account, call.input.refresh_token))
