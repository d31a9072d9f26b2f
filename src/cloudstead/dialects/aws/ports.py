"""What the AWS faces need from the rest of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId, PersonId, ThingName
    from cloudstead.core.spine.authors import AuthoredChange
    from cloudstead.core.spine.requests import Answer


class Callers(Protocol):
    """Turns proof of who somebody is into a caller with the grants held at this moment."""

    async def of_session(self, account_id: AccountId, person_id: PersonId, *, credential_epoch: int) -> Caller:
        """Return a person of the account; raise ``CredentialRefused`` when disabled, gone, or of another epoch."""
        ...

    async def of_api_key(self, text: str) -> Caller:
        """Return whom an API key stands for; raise ``CredentialRefused``."""
        ...

    async def of_id_token(self, token: str) -> Caller:
        """Return whom an ID token stands for; raise ``CredentialRefused`` or ``CredentialExpired``."""
        ...


class FunctionResult(Protocol):
    """What a function answered."""

    @property
    def body(self) -> bytes:
        """A JSON document."""
        ...

    @property
    def failed(self) -> bool:
        """Whether the document holds an ``errorMessage``."""
        ...


class FunctionRuntime(Protocol):
    """The functions that clients invoke."""

    @property
    def names(self) -> Sequence[str]:
        """The logical names that can be invoked, such as ``ThingLambda``."""
        ...

    async def invoke(
        self,
        logical_name: str,
        account: Account,
        caller: Caller | None,
        payload: bytes,
        *,
        source_address: str | None = None,
    ) -> FunctionResult:
        """Run one of ``names`` on a JSON document; ``caller`` is ``None`` for a guest."""
        ...


class ShadowPort(Protocol):
    """Shadows of things by name.

    Each call that asks something of a shadow answers the ``accepted`` document with its offset, or raises
    ``ShadowRejected``.
    """

    async def get(self, caller: Caller, name: ThingName, payload: bytes) -> Answer:
        """Return the shadow."""
        ...

    async def update(self, caller: Caller, name: ThingName, payload: bytes) -> Answer:
        """Change the shadow; returns once the change is stored."""
        ...

    async def delete(self, caller: Caller, name: ThingName, payload: bytes) -> Answer:
        """Remove the shadow."""
        ...

    async def history(
        self, caller: Caller, name: ThingName, *, before_offset: int | None, limit: int
    ) -> Sequence[AuthoredChange]:
        """Return who asked what of the shadow, newest first."""
        ...


class DeviceShadow(Protocol):
    """The shadow of the one thing that a device is; answers as ``ShadowPort`` does."""

    @property
    def name(self) -> ThingName:
        """The name of the thing."""
        ...

    @property
    def account_id(self) -> AccountId:
        """The account of the thing."""
        ...

    @property
    def principal(self) -> str:
        """Who acts, as logs say it."""
        ...

    async def get(self, payload: bytes) -> Answer:
        """Return the shadow."""
        ...

    async def update(self, payload: bytes) -> Answer:
        """Change the shadow; returns once the change is stored."""
        ...

    async def delete(self, payload: bytes) -> Answer:
        """Remove the shadow."""
        ...

    async def publish(self, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish to a topic of the thing; raise ``TopicForbidden`` for any other."""
        ...


class Devices(Protocol):
    """Recognises devices by the certificate of their TLS connection."""

    async def of_certificate(self, der: bytes, sent: Callable[[], Sequence[bytes] | None]) -> DeviceShadow:
        """Return whose certificate it is; raise ``CredentialRefused`` or ``CredentialExpired``.

        ``sent`` returns all certificates that the client sent, ``None`` when it resumed a session.
        """
        ...


class TopicPort(Protocol):
    """Publishing to the account's topics."""

    async def publish(self, caller: Caller, topic: str, payload: bytes, *, qos: int) -> None:
        """Publish a message as ``caller``; with QoS 1 it returns once the message is stored."""
        ...
