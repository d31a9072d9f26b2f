"""The functions for callers without Signature Version 4: ``POST /functions/<LogicalName>``.

The payload and the answer are those of Lambda Invoke. AuthLambda needs no credential, and finds its account by the host
name; every other function takes an ID token or an API key, which name their account themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudstead.dialects.aws import names
from cloudstead.dialects.aws.invoke import require_json
from cloudstead.dialects.aws.refusals import BearerRefused, FunctionUnknown, HostUnknown
from cloudstead.web.answer import Encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId
    from cloudstead.dialects.aws.accounts import Accounts
    from cloudstead.dialects.aws.auth import BearerCallers
    from cloudstead.dialects.aws.ports import FunctionRuntime
    from cloudstead.web.call import Call


_FAILED: Final = ((b"x-amz-function-error", b"Handled"),)


@dataclass(frozen=True, slots=True)
class FunctionCaller:
    """Who calls a function; ``caller`` is ``None`` for anybody at AuthLambda."""

    account: Account
    caller: Caller | None

    @property
    def account_id(self) -> AccountId:
        """The account."""
        return self.account.id

    @property
    def principal(self) -> str:
        """Who acts, as logs say it."""
        return "guest" if self.caller is None else self.caller.principal


class Functions:
    """Runs functions for bearers of a token or key."""

    def __init__(self, runtime: FunctionRuntime, accounts: Accounts, bearers: BearerCallers) -> None:
        self._runtime = runtime
        self._accounts = accounts
        self._bearers = bearers

    async def authenticate(self, call: Call[FunctionCaller]) -> FunctionCaller:
        """Return who calls; an unknown function is told before a missing token, since its name is no secret."""
        name = call.path["function"]
        if name not in self._runtime.names:
            raise FunctionUnknown(name, self._runtime.names)
        if name == names.GUEST_FUNCTION:
            account = await self._accounts.by_host(call.host)
            if account is None:
                raise HostUnknown(call.host)
            return FunctionCaller(account, None)
        caller = await self._bearers.of_authorization(call.authorization, source_address=call.peer_address)
        account = await self._accounts.get(caller.account_id)
        if account is None:
            raise BearerRefused("Invalid login token or API key.")
        return FunctionCaller(account, caller)

    async def invoke(self, call: Call[FunctionCaller]) -> Encoded:
        """Run a function on the JSON document in the body; business errors answer 200 too, with ``errorMessage``."""
        payload = require_json(await call.body())
        result = await self._runtime.invoke(
            call.path["function"],
            call.caller.account,
            call.caller.caller,
            payload,
            source_address=call.peer_address,
        )
        return Encoded(result.body, fields=_FAILED if result.failed else ())


def path_items(described: Mapping[str, Mapping[str, Any]], *, face: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return an OpenAPI path for each function, since one for all of them cannot tell what each takes."""
    return {
        f"/functions/{name}": {
            "post": {
                "operationId": name,
                "parameters": [],
                "responses": {
                    "200": {"description": "The answer, or a business error as an object with errorMessage."},
                    "default": {"description": "Refused, in the error form of this face."},
                },
                "security": [] if name == names.GUEST_FUNCTION else [{face: []}],
                **operation,
            }
        }
        for name, operation in described.items()
    }
