"""The rejections of the shadow service, with AWS's codes and words (AWS IoT, "Device Shadow error messages")."""

from __future__ import annotations

from typing import Final

from cloudstead.core.errors import CloudsteadError

MAX_DEPTH: Final = 6
"""Levels of nesting, the section (``desired``, ``reported``) included."""


class ShadowRejected(CloudsteadError):
    """A shadow request was refused; ``rejection`` is the shadow service's own code, in its documents on every wire.

    ``offset`` is the place of the request in the log, 0 when it is not there.
    """

    code = "shadow_rejected"

    def __init__(self, rejection: int, message: str, *, client_token: str | None = None) -> None:
        super().__init__(message)
        self.rejection = rejection
        self.message = message
        self.client_token = client_token
        self.offset = 0


def bad_request(message: str, *, client_token: str | None = None) -> ShadowRejected:
    """Return the rejection of a malformed request."""
    return ShadowRejected(400, message, client_token=client_token)


def too_deep(*, client_token: str | None = None) -> ShadowRejected:
    """Return the rejection of a state nested too deep."""
    return bad_request(f"JSON contains too many levels of nesting; maximum is {MAX_DEPTH}", client_token=client_token)


def no_shadow(thing_name: str, *, client_token: str | None = None) -> ShadowRejected:
    """Return the rejection of a request about a shadow that is not there."""
    return ShadowRejected(404, f"No shadow exists with name: '{thing_name}'", client_token=client_token)


def thing_not_found(*, client_token: str | None = None) -> ShadowRejected:
    """Return the rejection of a request about a thing that is not there."""
    return ShadowRejected(404, "Thing not found", client_token=client_token)


def version_conflict(*, client_token: str | None = None) -> ShadowRejected:
    """Return the rejection of an update that names another version than the current one."""
    return ShadowRejected(409, "Version conflict", client_token=client_token)


def too_large(*, client_token: str | None = None) -> ShadowRejected:
    """Return the rejection of an update whose result exceeds the limit on a shadow's size."""
    return ShadowRejected(413, "The payload exceeds the maximum size allowed", client_token=client_token)


def not_utf8() -> ShadowRejected:
    """Return the rejection of a request in another encoding."""
    return ShadowRejected(415, "Unsupported documented encoding; supported encoding is UTF-8")


def internal_failure() -> ShadowRejected:
    """Return the rejection of a request that could not be stored."""
    return ShadowRejected(500, "Internal service failure")
