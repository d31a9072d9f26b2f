"""The root of every business error.

An error is named after what happened and carries typed fields; it never knows a status of any protocol. Each dialect
maps all of them in its own ``errors.py``. Messages hold no secret and no other tenant's words::

    CloudsteadError
    ├── NotPermitted           the caller's roles do not allow the operation at all
    ├── OutOfReach             they allow it, but not at that domain
    ├── InvalidField           one named input is missing, malformed or out of range
    └── the features' own (things.errors, domains.errors, ...)
"""

from __future__ import annotations

from typing import ClassVar


class CloudsteadError(Exception):
    """Something that a caller did or asked cannot be; ``code`` is stable and readable by machines."""

    code: ClassVar[str] = "error"


class NotPermitted(CloudsteadError):
    """No role of the caller holds the permission, at any domain."""

    code = "not_permitted"

    def __init__(self, permission: str) -> None:
        super().__init__(f"The caller may not {permission}.")
        self.permission = permission


class OutOfReach(CloudsteadError):
    """The caller holds the permission, but not at the domain in question.

    ``field`` names the input that led there; ``None`` when no single input did.
    """

    code = "out_of_reach"

    def __init__(self, field: str | None = None) -> None:
        super().__init__("The domain is outside of what the caller may see.")
        self.field = field


class InvalidField(CloudsteadError):
    """An input field is malformed or out of range."""

    code = "invalid_field"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
