"""A payload in, an answer out; never an exception for anything that a caller did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.core.caller import Caller
from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.dialects.cloud_connect.call import Call, PayloadUnreadable, UnknownAction, read_input
from cloudstead.dialects.cloud_connect.errors import failure, unexpected_failure
from cloudstead.dialects.cloud_connect.shapes.selection import selected_names
from cloudstead.dialects.cloud_connect.table import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.accounts.model import Account
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.table import Action


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What a function answered: JSON, and whether it is an error's."""

    body: bytes
    failed: bool


class FunctionRuntime:
    """Invokes functions by their logical names."""

    def __init__(self, backend: Backend, *, log: FilteringBoundLogger) -> None:
        self._backend = backend
        self._log = log
        self._actions: dict[str, dict[str, Action]] = {}
        for action in ACTIONS:
            self._actions.setdefault(action.function, {})[action.name] = action
        self.names: Sequence[str] = tuple(self._actions)

    def serves(self, logical_name: str) -> bool:
        """Tell whether there is a function of that name."""
        return logical_name in self._actions

    async def invoke(
        self,
        logical_name: str,
        account: Account,
        caller: Caller | None,
        payload: bytes,
        *,
        source_address: str | None = None,
    ) -> FunctionResult:
        """Perform the action that ``payload`` names; ``caller`` is ``None`` for a guest.

        ``logical_name`` is one that is served (``KeyError`` otherwise); a payload that is not an object names no
        action. ``source_address`` is where a login comes from, for callers who have no address of their own yet.
        """
        actions = self._actions[logical_name]
        action = None
        try:
            request = _read(payload)
            action = _find(actions, request)
            answer = await self._perform(action, account, caller, request, source_address)
        except Exception as error:  # noqa: BLE001 - the edge: what is no caller's doing is logged, not told
            if isinstance(error, CloudsteadError) and (told := failure(error, action)) is not None:
                return FunctionResult(told, failed=True)
            self._log.exception("function failed", action=action.label if action else logical_name)
            return FunctionResult(unexpected_failure(), failed=True)
        return FunctionResult(msgspec.json.encode(answer), failed=False)

    async def _perform(
        self,
        action: Action,
        account: Account,
        caller: Caller | None,
        request: dict[str, Any],
        source_address: str | None,
    ) -> object:
        # Nobody holds a grant in an account that is not their own, nor does a guest in any.
        if caller is None or caller.account_id != account.id:
            caller = Caller(account.id, "guest", "", None, ())
        if action.permission is not None:
            caller.require(action.permission)
        attributes = request.get("attributes")
        if attributes is None:
            attributes = {}
        if not isinstance(attributes, dict):
            raise InvalidField("attributes", "must be an object")
        fields = request if action.at_top else attributes
        if action.beside:
            fields = attributes | {name: request[name] for name in action.beside if name in request}
        call = Call(
            account,
            caller,
            read_input(action.takes, fields),
            selected_names(attributes),
            source_address or caller.source_address,
            attributes,
            has_attributes=request.get("attributes") is not None,
        )
        return await action.run(self._backend, call)


def _read(payload: bytes) -> dict[str, Any]:
    """Read the payload; whatever is not a JSON object is one without an action."""
    try:
        request = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PayloadUnreadable from None
    if not isinstance(request, dict):
        raise PayloadUnreadable
    return request


def _find(actions: dict[str, Action], request: dict[str, Any]) -> Action:
    name = request.get("action")
    if not isinstance(name, str):
        raise UnknownAction(None, actions)
    action = actions.get(name)
    if action is None:
        raise UnknownAction(name, actions)
    return action
