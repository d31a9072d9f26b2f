"""AuthLambda: the only function that answers guests (Cloud Connect 2.11, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.cloud_connect.shapes.auth import login_answer
from cloudstead.dialects.cloud_connect.shapes.people import asked_profile

if TYPE_CHECKING:
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import Login, OnePerson, Refresh, SignUp


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


async def sign_up(backend: Backend, call: Call[SignUp]) -> object:
    """Sign up, and get a mail with a link that confirms the address."""
    new = call.input
    person = await backend.recovery.sign_up(
        call.account,
        user_name=new.user_name,
        password=new.password,
        profile=asked_profile(new),
        source_address=call.source_address,
    )
    return {"userName": person.user_name}


async def resend_confirmation_code(backend: Backend, call: Call[OnePerson]) -> object:
    """Get the mail of SIGN_UP again; nobody is told whether there is such a user."""
    backend.recovery.ask_for_confirmation(call.account, call.input.user_name, source_address=call.source_address)
    return {}


async def forgot_password(backend: Backend, call: Call[OnePerson]) -> object:
    """Get a mail with a link that sets a new password; nobody is told whether there is such a user."""
    backend.recovery.ask_for_password(call.account, call.input.user_name, source_address=call.source_address)
    return {}
