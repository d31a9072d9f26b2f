"""What can go wrong with people and their logins."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError, NotPermitted


class LoginRefused(CloudsteadError):
    """The user name is unknown, the password or refresh token wrong, or the person disabled: which one is not said.

    Only whoever has shown the right password is told of something else, by ``told``.
    """

    code = "login_refused"

    def __init__(self, told: str = "The user name or the password is wrong.") -> None:
        super().__init__(told)


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


class PersonNotFound(CloudsteadError):
    """The account has nobody of that user name."""

    code = "person_not_found"

    def __init__(self) -> None:
        super().__init__("The user could not be found.")


class DemoPersonStays(CloudsteadError):
    """The demo user cannot be removed."""

    code = "demo_person_stays"

    def __init__(self) -> None:
        super().__init__("The demo user cannot be removed.")


class OldPasswordWrong(CloudsteadError):
    """A new password came with an old one that is not the person's."""

    code = "old_password_wrong"

    def __init__(self) -> None:
        super().__init__("The old password is wrong.")


class NotOneself(NotPermitted):
    """Somebody asked to change the profile of somebody else."""

    code = "not_oneself"

    def __init__(self) -> None:
        super().__init__("change the profile of another user")


class RoleTooHigh(NotPermitted):
    """A role holds what the caller does not: the caller may neither give it nor decide about whoever holds it."""

    code = "role_too_high"

    def __init__(self) -> None:
        super().__init__("decide about users who may do more than the caller")


class SignUpClosed(CloudsteadError):
    """Nobody signs up by themselves in this installation."""

    code = "sign_up_closed"

    def __init__(self) -> None:
        super().__init__("Signing up is closed here. Ask an administrator for an account.")


class TooManySignUps(CloudsteadError):
    """Too many people were signed up from one address; trying again later helps."""

    code = "too_many_sign_ups"

    def __init__(self) -> None:
        super().__init__("Too many users were signed up from your address. Try again in an hour.")


class LinkNotUsable(CloudsteadError):
    """A mailed link is unknown (``state`` is ``None``), used, replaced by a newer one or expired."""

    code = "link_not_usable"

    def __init__(self, state: str | None) -> None:
        super().__init__("The link cannot be used." if state is None else f"The link is {state}.")
        self.state = state


class CodeRefused(CloudsteadError):
    """A code of the second factor is wrong, too old or used already: which one is not said."""

    code = "code_refused"

    def __init__(self) -> None:
        super().__init__("The code is wrong, or was used already.")


class SecondFactorMissing(CloudsteadError):
    """The second factor is not in the state that this needs."""

    code = "second_factor_missing"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The second factor {reason}.")


class EmailTaken(CloudsteadError):
    """Another person of the account has that mail address."""

    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("Somebody with that e-mail address belongs to the account already.")


class PersonIsActive(CloudsteadError):
    """Somebody who is active cannot be removed."""

    code = "person_is_active"

    def __init__(self) -> None:
        super().__init__("An active user cannot be deleted; it has to be made inactive first.")


class TicketOver(CloudsteadError):
    """The way in was begun too long ago, or something about the person has changed since: it has to begin anew."""

    code = "ticket_over"

    def __init__(self) -> None:
        super().__init__("Signing in took too long. Please begin again.")
