"""What the AWS faces themselves refuse, named after what happened; ``errors`` gives each its AWS name and status.

::

    AwsRefusal
    ├── IdentityPoolUnknown  IdentityUnknown  IdentityForbidden  LoginInvalid     Cognito Identity
    ├── FunctionNameInvalid  FunctionUnknown  InvocationForbidden  InvocationInvalid
    │   PayloadNotJson  PayloadTooLarge  ClientContextInvalid                     Lambda
    ├── PublishInvalid  NamedShadowRefused  GuestRefused                          IoT data plane
    ├── ActionIncomplete  UserUnknown                                             IAM
    ├── BearerRefused                                                             plain HTTP
    ├── HostUnknown                                                               plain HTTP
    └── Throttled                                                                 all of them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class AwsRefusal(Exception):
    """Something that an AWS face does not do; the message is for the client."""


class IdentityPoolUnknown(AwsRefusal):
    """No account has that identity pool."""

    def __init__(self, pool_id: str) -> None:
        super().__init__(f"IdentityPool '{pool_id}' not found.")
        self.pool_id = pool_id


class IdentityUnknown(AwsRefusal):
    """No pool gave out that identity."""

    def __init__(self, identity_id: str) -> None:
        super().__init__(f"Identity '{identity_id}' not found.")
        self.identity_id = identity_id


class IdentityForbidden(AwsRefusal):
    """The identity is a person's, and nothing proves that the caller is that person."""

    def __init__(self, identity_id: str) -> None:
        super().__init__(f"Access to Identity '{identity_id}' is forbidden.")
        self.identity_id = identity_id


class LoginInvalid(AwsRefusal):
    """The login token is forged, foreign, expired or of an unknown provider.

    The words ``Invalid login token`` make clients of Cloud Connect 2.11 log in again.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid login token. {reason}")
        self.reason = reason


class FunctionNameInvalid(AwsRefusal):
    """The text has none of the forms of a function name."""

    def __init__(self) -> None:
        super().__init__(
            "1 validation error detected: Value at 'functionName' failed to satisfy constraint: "
            "Member must be a function name, a partial ARN or an ARN"
        )


class FunctionUnknown(AwsRefusal):
    """The caller's account has no such function."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        hint = f". There are: {', '.join(known)}" if known else ""
        super().__init__(f"Function not found: {name}{hint}")
        self.name = name


class InvocationForbidden(AwsRefusal):
    """The caller's role does not allow the function; ``is not authorized`` makes clients log in again."""

    def __init__(self, user_arn: str, function_arn: str) -> None:
        super().__init__(
            f"User: {user_arn} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn}"
        )
        self.user_arn = user_arn
        self.function_arn = function_arn


class InvocationInvalid(AwsRefusal):
    """A header or parameter of the invocation has a value that it cannot have."""


class PayloadNotJson(AwsRefusal):
    """The payload is no JSON document."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Could not parse request body into json: {reason}")
        self.reason = reason


class PayloadTooLarge(AwsRefusal):
    """The payload is longer than this kind of invocation takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Request must be smaller than {limit} bytes for the InvokeFunction operation")
        self.limit = limit


class ClientContextInvalid(AwsRefusal):
    """The client context is not base64 of a JSON object, or is too long."""

    def __init__(self) -> None:
        super().__init__("Client context must be a valid Base64-encoded JSON object of at most 3583 bytes.")


class PublishInvalid(AwsRefusal):
    """The message cannot be published as asked."""


class NamedShadowRefused(AwsRefusal):
    """A thing has one shadow here, as in AWS in 2017."""

    def __init__(self) -> None:
        super().__init__("Named shadows are not offered: a thing has one shadow.")


class GuestRefused(AwsRefusal):
    """Guests have no place at the data plane."""

    def __init__(self) -> None:
        super().__init__("Forbidden")


class BearerRefused(AwsRefusal):
    """The bearer token is missing, expired or not one of ours; the message says what to do."""


class HostUnknown(AwsRefusal):
    """The host name of the request belongs to no account."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"No account answers to the host name '{host}'. Use one of the account's own host names; when there is no "
            "account yet, 'cloudstead account create' opens one."
        )
        self.host = host


class Throttled(AwsRefusal):
    """Too many requests; try again later."""

    def __init__(self) -> None:
        super().__init__("Rate exceeded")


class ActionIncomplete(AwsRefusal):
    """A call of the query protocol lacks a field."""

    def __init__(self, field: str) -> None:
        super().__init__(f"The request must contain the parameter {field}.")
        self.field = field


class UserUnknown(AwsRefusal):
    """Access keys are one's own: the name is not the caller's."""

    def __init__(self, user_name: str) -> None:
        super().__init__(
            f"The user with name {user_name[:128]} cannot be found: people see their own access keys only."
        )
        self.user_name = user_name
