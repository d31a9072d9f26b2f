"""What can go wrong with invitations."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class InvitationNotFound(CloudsteadError):
    """There is no such invitation, or it is not open any more."""

    code = "invitation_not_found"

    def __init__(self) -> None:
        super().__init__("The invitation could not be found.")
