"""What can go wrong with roles."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class RoleNotFound(CloudsteadError):
    """The group knows no role with that id; ``field`` names the input that carried it."""

    code = "role_not_found"

    def __init__(self, *, field: str = "roleId") -> None:
        super().__init__(f"{field}: the group has no role with that id")
        self.field = field


class RoleIsBuiltIn(CloudsteadError):
    """Every group has the role, and nobody can change it."""

    code = "role_is_built_in"

    def __init__(self) -> None:
        super().__init__("roleId: a role that every group has can be neither changed nor removed")


class RoleInUse(CloudsteadError):
    """Somebody holds the role, or a group names it."""

    code = "role_in_use"

    def __init__(self) -> None:
        super().__init__("roleId: the role is still held by a member or named by a group; give them another one first")


class RoleNameTaken(CloudsteadError):
    """Another role of the group has that name."""

    code = "role_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: the group has a role called {name!r} already")
        self.name = name
