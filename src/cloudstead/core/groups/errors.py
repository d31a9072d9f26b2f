"""What can go wrong with groups."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError, NotPermitted


class GroupNotFound(CloudsteadError):
    """There is no such group, or the caller is in none from which it can be seen; ``field`` names the input."""

    code = "group_not_found"

    def __init__(self, *, field: str = "groupId") -> None:
        super().__init__(f"{field}: there is no group with that id")
        self.field = field


class GroupMoveMakesLoop(CloudsteadError):
    """The new parent is the group itself or lies below it."""

    code = "group_move_makes_loop"

    def __init__(self) -> None:
        super().__init__("parent: a group cannot be moved below itself")


class GroupNotEmpty(CloudsteadError):
    """The group still has groups below it, or devices."""

    code = "group_not_empty"

    def __init__(self, what: str) -> None:
        super().__init__(f"groupId: the group still has {what}; remove or move them first")


class TopGroupStays(CloudsteadError):
    """The group at the top of an account can be neither moved nor removed."""

    code = "top_group_stays"

    def __init__(self) -> None:
        super().__init__("groupId: the group at the top of an account can be neither moved nor removed")


class OwnerOnly(NotPermitted):
    """Only the owner of a group hands it over."""

    code = "owner_only"

    def __init__(self) -> None:
        super().__init__("hand the group over, because somebody else is its owner")


class MemberNotFound(CloudsteadError):
    """The person is no member of the group."""

    code = "member_not_found"

    def __init__(self, *, field: str = "userId") -> None:
        super().__init__(f"{field}: nobody with that id is a member of the group")
        self.field = field


class MemberStays(CloudsteadError):
    """The member cannot be taken out of the group, or be given less; the message says why."""

    code = "member_stays"


class OutsideKeyExists(CloudsteadError):
    """The group has a credential of that type."""

    code = "outside_key_exists"

    def __init__(self, kind: str) -> None:
        super().__init__(f"type: the group has a key of the type {kind!r} already; change it with PUT")


class OutsideKeyNotFound(CloudsteadError):
    """The group has no credential of that type."""

    code = "outside_key_not_found"

    def __init__(self) -> None:
        super().__init__("type: the group has no key of that type")


class DeviceNotFound(CloudsteadError):
    """Some of the devices do not exist, or are not where the caller says; nothing was changed."""

    code = "device_not_found"

    def __init__(self, field: str, device_ids: tuple[str, ...]) -> None:
        named = ", ".join(repr(each) for each in device_ids[:3])
        more = f" and {len(device_ids) - 3} more" if len(device_ids) > 3 else ""
        super().__init__(f"{field}: there is no device {named}{more} in that group")
        self.field = field


class DeviceExists(CloudsteadError):
    """Some of the devices are registered already; nothing was changed."""

    code = "device_exists"

    def __init__(self, original_ids: tuple[str, ...]) -> None:
        named = ", ".join(repr(each) for each in original_ids[:3])
        more = f" and {len(original_ids) - 3} more" if len(original_ids) > 3 else ""
        super().__init__(f"originalDevicesIds: {named}{more} is registered already on that network")
