"""Keys of outside systems: stored, changed, dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.groups.shapes.keys import (
    AddApiKeyInput,
    ApiKeyQuery,
    ExternalApiKey,
    UpdateApiKeyInput,
    api_key,
)
from cloudstead.dialects.groups.shapes.words import change

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call


class KeyHandlers:
    """One method for each operation on keys of outside systems."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._keys = backend.outside_keys

    async def add(self, call: Call[Caller], body: AddApiKeyInput) -> ExternalApiKey:
        """Store the credential of an outside system."""
        key = await self._database.write(
            lambda unit: self._keys.add(
                unit, call.caller, body.group_id, kind=body.type, token=body.token, name=body.name
            )
        )
        return api_key(key)

    async def update(self, call: Call[Caller], body: UpdateApiKeyInput) -> ExternalApiKey:
        """Change the credential of an outside system."""
        key = await self._database.write(
            lambda unit: self._keys.update(
                unit, call.caller, body.group_id, kind=body.type, token=change(body.token), name=change(body.name)
            )
        )
        return api_key(key)

    async def remove(self, call: Call[Caller]) -> ExternalApiKey:
        """Drop the credential of an outside system."""
        query = call.options(ApiKeyQuery)
        key = await self._database.write(
            lambda unit: self._keys.remove(unit, call.caller, query.group_id, kind=query.type)
        )
        return api_key(key, message="The key was removed.")
