"""Permissions are ``object:verb`` words; a role is a named set of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NewType

from cloudstead.core.roles.words import DEVICES, GOVERNING, TENDING, VIEWS, WORDS, expanded

if TYPE_CHECKING:
    from collections.abc import Iterable

Permission = NewType("Permission", str)


def _words(*words: str) -> frozenset[Permission]:
    return frozenset(Permission(word) for word in words)


def permissions_of(words: Iterable[str]) -> frozenset[Permission]:
    """Return what a role of a group allows whose words these are."""
    return _words(*expanded(words))


WATCH: Final = _words(
    "group:view",
    "device:view",
    "domain:read",
    "thing:read",
    "thing-type:read",
    "shadow:read",
    "observation:read",
    "event:subscribe",
    "thing-topic:subscribe",
    "file:read",
)
READ: Final = WATCH | _words(
    *VIEWS,
    "rule:read",
    "rule:try",
    "batch:read",
    "thing:download-certificate",  # Cloud Connect 2.11, section 11.1.2: with its private key
    "person:read",
    "person:update-profile",  # one's own
    "user-data:read",
    "user-data:write",  # one's own as well
    "account:read",
    "api-key:read",  # one's own
    "api-key:change",  # one's own as well
    "policy-group:read",
    "trusted-certificate:read",
    "developer-certificate:read",  # with its private key, as a thing's
    "server-credentials:read",
    "cloud:read",
)
WRITE: Final = READ | _words(
    *DEVICES,
    *TENDING,
    "group:create",
    "group:edit",
    "group:delete",
    "user:add",
    "user:edit",
    "user:delete",
    "domain:create",
    "domain:update",
    "domain:remove",
    "thing:create",
    "thing:update",
    "thing:transfer",
    "thing:remove",
    "thing:replace-certificate",
    "file:write",
    "batch:create",
    "rule:create",
    "rule:update",
    "rule:remove",
    "thing-type:create",
    "thing-type:update",
    "thing-type:remove",
    "person:create",
    "person:update",
    "person:remove",
    "person:reset-password",
    "shadow:write",
    "thing-topic:publish",
    "trusted-certificate:change",
    "developer-certificate:create",
    "cloud-device:claim",
)
ADMINISTER: Final = WRITE | _words(
    *(word.id for word in WORDS),
    "account:update",
    "tenant:read",
    "tenant:administer",
    "person:read-all",
    "person:administer",
    "api-key:read-all",
    "api-key:administer",
    "policy-group:read-members",
    "policy-group:administer",
    "trusted-certificate:create",
    "notification:read",
    "identity-provider:read",
    "identity-provider:administer",
    "audit:read",
    "cloud:administer",
)

READING: Final = WATCH | _words(
    *VIEWS,
    "rule:read",
    "rule:try",
    "batch:read",
    "thing:download-certificate",
    "person:read",
    "person:read-all",
    "notification:read",
    "user-data:read",
    "account:read",
    "tenant:read",
    "api-key:read",
    "api-key:read-all",
    "policy-group:read",
    "policy-group:read-members",
    "trusted-certificate:read",
    "developer-certificate:read",
    "server-credentials:read",
    "identity-provider:read",
    "audit:read",
    "cloud:read",
)
"""What may still be done in an account that is restricted."""


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions."""

    name: str
    permissions: frozenset[Permission]


SUBSCRIBER: Final = "group-subscriber"
GROUP_ADMINISTRATOR: Final = "group-administrator"
INSTALLER: Final = "group-installer"
VIEWER: Final = "group-viewer"

_INSTALLER_WORDS: Final = (*VIEWS, *(word for word in DEVICES if word != "device:transfer"))
_ADMINISTRATOR_WORDS: Final = (*VIEWS, *DEVICES, *TENDING, *GOVERNING)

GROUP_ROLES: Final = MappingProxyType(
    {
        role.name: role
        for role in (
            Role(SUBSCRIBER, permissions_of(word.id for word in WORDS)),
            Role(GROUP_ADMINISTRATOR, permissions_of(_ADMINISTRATOR_WORDS)),
            Role(INSTALLER, permissions_of(_INSTALLER_WORDS)),
            Role(VIEWER, permissions_of(VIEWS)),
        )
    }
)
"""The roles that every group has ("Groups", the user guide's four; which words each holds is ours)."""

BUILT_IN_ROLES: Final = MappingProxyType(
    {
        role.name: role
        for role in (
            Role("Watch", WATCH),
            Role("Read", READ),
            Role("ReadWrite", WRITE),
            Role("Administrator", ADMINISTER),
            *GROUP_ROLES.values(),
        )
    }
)
"""The roles that every account has. Cloud Connect 2.11 names the two in the middle (section 2.1.1, ``roleName``)."""

ALL_PERMISSIONS: Final = frozenset[Permission]().union(*(role.permissions for role in BUILT_IN_ROLES.values()))
