"""Identity providers: one handler for the own account and a tenant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.identityproviders.errors import ProviderNotFound
from cloudstead.core.identityproviders.model import ProviderId
from cloudstead.dialects.account_management.paging import ListQuery, envelope, list_query
from cloudstead.dialects.account_management.place import acting
from cloudstead.dialects.account_management.shapes.identity_providers import (
    CertificateGenerationReq,
    IdentityProviderInfo,
    IdentityProviderReq,
    provider_shape,
)
from cloudstead.web.errors import BodyNotJson, FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.dialects.account_management.shapes.answers import ListOf
    from cloudstead.web.call import Call

_ID: Final = re.compile(r"[a-f0-9]{32}")
_WISHES: Final = msgspec.json.Decoder(CertificateGenerationReq)


class IdentityProviderHandlers:
    """The handlers."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._providers = backend.identity_providers
        self._places = backend.places

    async def list_all(self, call: Call[Caller]) -> ListOf[IdentityProviderInfo]:
        """List the identity providers, the built-in one included."""
        query = list_query(call, ListQuery)
        page = await self._database.read(lambda unit: self._providers.page(unit, acting(unit, call).caller, query.page))
        return envelope(query, page, self._shape)

    async def create(self, call: Call[Caller], wanted: IdentityProviderReq) -> IdentityProviderInfo:
        """Register an identity provider of SAML2."""
        return self._shape(
            await self._database.write(
                lambda unit: self._providers.create(unit, acting(unit, call).caller, wanted.name, wanted.change())
            )
        )

    async def get(self, call: Call[Caller]) -> IdentityProviderInfo:
        """Show an identity provider."""
        provider_id = _provider_id(call)
        return self._shape(
            await self._database.read(lambda unit: self._providers.get(unit, acting(unit, call).caller, provider_id))
        )

    async def update(self, call: Call[Caller], wanted: IdentityProviderReq) -> IdentityProviderInfo:
        """Change an identity provider; what is not named stays as it is."""
        provider_id = _provider_id(call)
        return self._shape(
            await self._database.write(
                lambda unit: self._providers.update(unit, acting(unit, call).caller, provider_id, wanted.change())
            )
        )

    async def remove(self, call: Call[Caller]) -> None:
        """Remove an identity provider that nobody is bound to."""
        provider_id = _provider_id(call)
        await self._database.write(lambda unit: self._providers.remove(unit, acting(unit, call).caller, provider_id))

    async def generate_certificate(self, call: Call[Caller]) -> IdentityProviderInfo:
        """Make a new key with its certificate, with which we sign what we send to the provider."""
        provider_id = _provider_id(call)
        # Making a key takes a while: nobody without the right gets us to do so.
        await self._database.read(lambda unit: self._providers.changeable(unit, acting(unit, call).caller, provider_id))
        algorithm, days = (await self._wishes(call)).wanted
        key = await self._providers.make_key(algorithm, days=days)
        return self._shape(
            await self._database.write(
                lambda unit: self._providers.put_key(unit, acting(unit, call).caller, provider_id, key)
            )
        )

    async def delete_certificate(self, call: Call[Caller]) -> IdentityProviderInfo:
        """Forget the key that we sign with."""
        provider_id = _provider_id(call)
        return self._shape(
            await self._database.write(
                lambda unit: self._providers.put_key(unit, acting(unit, call).caller, provider_id, None)
            )
        )

    async def _wishes(self, call: Call[Caller]) -> CertificateGenerationReq:
        """Return the body, which the own account may leave out; a tenant's may be empty braces."""
        body = await call.body()
        if not body.strip():
            if "account_id" in call.path:
                raise BodyNotJson("an object is needed, which may be empty")
            return CertificateGenerationReq()
        try:
            return _WISHES.decode(body)
        except msgspec.ValidationError as error:
            raise FieldInvalid.from_text(str(error)) from None
        except msgspec.DecodeError:
            raise BodyNotJson("it cannot be read") from None

    def _shape(self, provider: IdentityProvider) -> IdentityProviderInfo:
        return provider_shape(provider, self._places)


def _provider_id(call: Call[Caller]) -> ProviderId:
    text = call.path["identity_provider_id"]
    if _ID.fullmatch(text) is None:
        raise ProviderNotFound
    return ProviderId(text)
