"""What can go wrong with people and their logins."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class LoginRefused(CloudsteadError):
    """The user name is unknown, the password or refresh token wrong, or the person disabled: which one is not said."""

    code = "login_refused"

    def __init__(self) -> None:
        super().__init__("The user name or the password is wrong.")


class LoginLocked(CloudsteadError):
    """Too many wrong passwords; ``retry_after_s`` is the number of seconds to wait."""

    code = "login_locked"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"Too many failed logins. Try again in {retry_after_s} second{'' if retry_after_s == 1 else 's'}."
        )
        self.retry_after_s = retry_after_s


class UserNameTaken(CloudsteadError):
    """Another person of the account has that user name."""

    code = "user_name_taken"

    def __init__(self, user_name: str) -> None:
        super().__init__(f"The user name {user_name!r} is taken.")
        self.user_name = user_name
