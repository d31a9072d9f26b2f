"""What a role of a group can allow, word by word ("Groups", ``Role.permissions``).

A word allows what it says to those who speak of groups and, beside that, what it implies: the words by which the rest
of the house knows the same act. This table is the only place where the two languages meet.

``user:add``, ``user:edit`` and ``user:delete`` are about places in a group. They imply no power over the person, whose
password and mail address are nobody's affair but the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Word:
    """One word, as people are told of it, with what it implies."""

    id: str
    name: str
    description: str
    implies: tuple[str, ...] = ()


WORDS: Final = (
    Word("group:view", "View groups", "See the group and the groups below it.", ("domain:read",)),
    Word("group:create", "Create groups", "Make groups below the group, and move groups there.", ("domain:create",)),
    Word("group:edit", "Edit groups", "Change or move the group, and see its token.", ("domain:update",)),
    Word("group:delete", "Delete groups", "Remove the group once it is empty.", ("domain:remove",)),
    Word("user:view", "View users", "See the members of the group.", ("person:read",)),
    Word("user:add", "Add users", "Invite people into the group."),
    Word("user:edit", "Edit users", "Give members another role."),
    Word("user:delete", "Remove users", "Take members out of the group."),
    Word("role:view", "View roles", "See the roles that can be given in the group."),
    Word("role:create", "Create roles", "Make roles of the group's own."),
    Word("role:edit", "Edit roles", "Change roles of the group's own."),
    Word("role:delete", "Delete roles", "Remove roles of the group's own."),
    Word(
        "device:view",
        "View devices",
        "See devices with their state and their messages.",
        (
            "domain:read",
            "thing:read",
            "thing-type:read",
            "shadow:read",
            "observation:read",
            "event:subscribe",
            "thing-topic:subscribe",
            "file:read",
        ),
    ),
    Word("device:create", "Create devices", "Register devices in the group.", ("thing:create", "batch:read")),
    Word(
        "device:edit",
        "Edit devices",
        "Change what is known of devices, and renew their certificates.",
        ("thing:update", "thing:replace-certificate", "thing:download-certificate", "file:write"),
    ),
    Word(
        "device:configure",
        "Configure devices",
        "Change the configuration of devices.",
        ("shadow:write", "thing-topic:publish"),
    ),
    Word("device:delete", "Delete devices", "Remove devices.", ("thing:remove",)),
    Word(
        "device:transfer",
        "Transfer devices",
        "Move devices to another group, with the same right there.",
        ("thing:transfer",),
    ),
    Word("connector:view", "View connectors", "See where data of the group goes."),
    Word("connector:create", "Create connectors", "Send data of the group elsewhere."),
    Word("connector:edit", "Edit connectors", "Change where data of the group goes."),
    Word("connector:delete", "Delete connectors", "Stop sending data of the group elsewhere."),
    Word("notification:view", "View notifications", "See what the group notifies of."),
    Word("notification:create", "Create notifications", "Have the group notify of something."),
    Word("notification:edit", "Edit notifications", "Change what the group notifies of."),
    Word("notification:delete", "Delete notifications", "Stop notifications of the group."),
    Word("firmware:view", "View firmwares", "See the firmwares of the group."),
    Word("firmware:create", "Create firmwares", "Add firmwares to the group."),
    Word("firmware:edit", "Edit firmwares", "Change firmwares of the group."),
    Word("firmware:delete", "Delete firmwares", "Remove firmwares of the group."),
    Word("apikey:view", "View outside keys", "See which outside systems the group has credentials for."),
    Word("apikey:edit", "Edit outside keys", "Store and remove credentials of outside systems."),
    Word("contract:view", "View contracts", "See the contract of the group."),
    Word("contract:edit", "Edit contracts", "Attach a contract to the group."),
)
"""Every word, in the order in which they are listed."""

BY_ID: Final = {word.id: word for word in WORDS}

OWN_AFFAIRS: Final = (
    "person:update-profile",
    "user-data:read",
    "user-data:write",
    "api-key:read",
    "api-key:change",
)
"""What every member may do whatever the role: keep the own profile, and have keys of the own."""

VIEWS: Final = tuple(word.id for word in WORDS if word.id.endswith(":view"))
DEVICES: Final = tuple(word.id for word in WORDS if word.id.startswith("device:"))
TENDING: Final = tuple(
    word.id for word in WORDS if word.id.partition(":")[0] in {"connector", "notification", "firmware"}
)
GOVERNING: Final = tuple(word.id for word in WORDS if word.id.partition(":")[0] in {"user", "role", "group", "apikey"})


def expanded(words: Iterable[str]) -> frozenset[str]:
    """Return the words of a role with all that they imply, and what every member may do."""
    found = set(OWN_AFFAIRS)
    for word in words:
        found |= {word, *BY_ID[word].implies}
    return frozenset(found)


def spoken(permissions: Iterable[str]) -> tuple[str, ...]:
    """Return those of the permissions that are words of groups, in the order of the table."""
    held = frozenset(permissions)
    return tuple(word.id for word in WORDS if word.id in held)
