"""AWS-style names: resource names, physical functions and buckets, the roles that identities assume.

A physical name is ``<stack>-<Logical>-<SUFFIX>``, and the manifest tells it (Cloud Connect 2.11, section 1.1).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cloudstead.core.files.model import Bucket, bucket_name

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account

OFFSET_HEADER: Final = "x-cloudstead-offset"
"""Carries the place of a shadow request in the log; our own, as AWS has no such thing."""

LAMBDAS: Final = (
    "AuthLambda",
    "DomainLambda",
    "FileLambda",
    "ObservationLambda",
    "RuleLambda",
    "ThingBatchLambda",
    "ThingLambda",
    "ThingTypeLambda",
    "UserLambda",
)
"""The functions of Cloud Connect 2.11; each is a key of the manifest."""

BUCKETS: Final = tuple(bucket.value for bucket in Bucket)
"""Its buckets, likewise."""

GUEST_FUNCTION: Final = "AuthLambda"
"""The only function that a guest may invoke."""

LATEST: Final = "$LATEST"
SESSION_NAME: Final = "CognitoIdentityCredentials"  # what Amazon Cognito calls every session of an identity

# AWS Lambda, Invoke, FunctionName: a name, a partial ARN or an ARN, each with or without a qualifier.
_FUNCTION: Final = re.compile(
    r"(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<number>[0-9]{12}):)?(?P<kind>function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function as a client named it; what it left out is ``None``."""

    name: str
    region: str | None = None
    number: str | None = None
    qualifier: str | None = None


def parse_function_name(text: str) -> FunctionName | None:
    """Return what the text names, ``None`` when it has none of the forms that AWS Lambda knows."""
    match = _FUNCTION.fullmatch(text)
    if match is None:
        return None
    # A region or a number in front makes it an ARN, and in an ARN the resource type is not optional.
    if (match["region"] or match["number"]) and not match["kind"]:
        return None
    if match["region"] and not match["number"]:
        return None
    return FunctionName(match["name"], match["region"], match["number"], match["qualifier"])


def physical_function(account: Account, logical_name: str) -> str:
    """Return the name under which the account's function is invoked."""
    return f"{account.stack}-{logical_name}-{account.function_suffix}"


def logical_function(account: Account, physical_name: str) -> str | None:
    """Return the logical name behind a physical one, ``None`` when the account has no such function."""
    head, tail = f"{account.stack}-", f"-{account.function_suffix}"
    if not (physical_name.startswith(head) and physical_name.endswith(tail)):
        return None
    logical_name = physical_name[len(head) : -len(tail)]
    return logical_name if logical_name in LAMBDAS else None


def bucket(account: Account, logical_name: str) -> str:
    """Return the name of the account's bucket, in lower case as S3 wants it."""
    return bucket_name(account, Bucket(logical_name))


def function_arn(region: str, number: str, name: str, *, qualifier: str | None = None) -> str:
    """Return the full resource name of a function."""
    tail = f":{qualifier}" if qualifier else ""
    return f"arn:aws:lambda:{region}:{number}:function:{name}{tail}"


def role_name(account: Account, *, is_guest: bool) -> str:
    """Return the role that an identity of the account assumes."""
    return physical_function(account, "UnauthenticatedRole" if is_guest else "AuthenticatedRole")


def role_arn(account: Account, *, is_guest: bool) -> str:
    """Return the resource name of a session of that role."""
    return f"arn:aws:sts::{account.number}:assumed-role/{role_name(account, is_guest=is_guest)}/{SESSION_NAME}"


def role_id(account: Account, *, is_guest: bool) -> str:
    """Return the role's unique id: ``AROA`` and 17 letters and digits, the same for ever."""
    digest = sha256(f"{account.id}/{role_name(account, is_guest=is_guest)}".encode()).digest()
    return "AROA" + base64.b32encode(digest).decode()[:17]


def user_arn(account: Account, user_name: str) -> str:
    """Return the resource name of a person who signs with an access key."""
    return f"arn:aws:iam::{account.number}:user/{user_name}"


def user_id(account: Account, principal: str) -> str:
    """Return the person's unique id: ``AIDA`` and 17 letters and digits, the same for ever."""
    return "AIDA" + base64.b32encode(sha256(f"{account.id}/{principal}".encode()).digest()).decode()[:17]
