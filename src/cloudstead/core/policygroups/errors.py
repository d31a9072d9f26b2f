"""What can go wrong with policy groups."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError, NotPermitted


class PolicyGroupNotFound(CloudsteadError):
    """The account has no policy group with that id."""

    code = "policy_group_not_found"

    def __init__(self) -> None:
        super().__init__("The group could not be found.")


class PolicyGroupNameTaken(CloudsteadError):
    """Another policy group of the account has that name."""

    code = "policy_group_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"A group with the name {name!r} exists already.")
        self.name = name


class PolicyGroupIsBuiltIn(NotPermitted):
    """The group belongs to every account and stays as it is."""

    code = "policy_group_is_built_in"

    def __init__(self) -> None:
        super().__init__("change a built-in group")


class AlreadyMember(CloudsteadError):
    """Somebody who is to be added is in the group already; nobody was added."""

    code = "already_member"

    def __init__(self, member_id: str) -> None:
        super().__init__(f"{member_id} is in the group already.")
        self.member_id = member_id


class AdministratorStays(CloudsteadError):
    """An account keeps at least one administrator, and nobody ends being one by their own hand."""

    code = "administrator_stays"


class GroupGivesTooMuch(NotPermitted):
    """The group holds what the caller does not hold: the caller may not let anybody in."""

    code = "group_gives_too_much"

    def __init__(self) -> None:
        super().__init__("put anybody into a group that may do more than the caller")
