"""Every business error in the words of this dialect (Cloud Connect 2.11, section 1.2).

An answer that failed is ``{"errorMessage": text}``; the text is itself JSON, since clients parse it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.batches.errors import NotANumber, NotInRange
from cloudstead.core.credentials.errors import CertificateNotFound, CredentialExpired, CredentialRefused
from cloudstead.core.domains.errors import (
    DomainHasPeople,
    DomainHasThings,
    DomainIdTaken,
    DomainMoveMakesLoop,
    DomainNotFound,
    RootIsFixed,
)
from cloudstead.core.errors import CloudsteadError, InvalidField, NotPermitted, OutOfReach
from cloudstead.core.files.errors import FileNotAvailable, LinkRefused, ObjectsUnavailable
from cloudstead.core.observations.errors import IndexUnavailable, SearchRefused, TooManySearches
from cloudstead.core.people.errors import (
    DemoPersonStays,
    LoginLocked,
    LoginRefused,
    OldPasswordWrong,
    PersonNotFound,
    SignUpClosed,
    TooManySignUps,
    UserNameTaken,
)
from cloudstead.core.policygroups.errors import AdministratorStays
from cloudstead.core.rules.errors import RuleIdTaken, RuleNotFound, TooManyRules
from cloudstead.core.things.errors import ThingNameTaken, ThingNotFound
from cloudstead.core.thingtypes.errors import (
    ThingTypeHasThings,
    ThingTypeIdTaken,
    ThingTypeNotFound,
    ThingTypeNotUsable,
)
from cloudstead.dialects.cloud_connect.call import PropertyMissing, UnknownAction

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.dialects.cloud_connect.table import Action

REFRESH_TRIGGERS: Final = re.compile(
    "No data|Token is expired|Invalid login token|Missing credentials in config|is not authorized to perform|Not Found",
    re.IGNORECASE,
)
"""What makes clients log in again when they read it in an error; a thing may well be called "No data"."""

UNEXPECTED: Final = "Something went wrong inside the cloud. It was logged."


@dataclass(frozen=True, slots=True)
class Words:
    """The parts of an error beside its message; ``key`` is ``None`` where the contract knows none."""

    key: str | None = None
    property: str | None = None
    params: Mapping[str, Any] | None = None


class _Envelope(msgspec.Struct, omit_defaults=True):
    message: str
    messageKey: str | None = None  # noqa: N815 - the name on the wire
    messageParams: Mapping[str, Any] | None = None  # noqa: N815 - the name on the wire
    property: str | None = None


def failure(error: CloudsteadError, action: Action | None = None) -> bytes | None:
    """Return the answer that tells ``error``, which came up in ``action``; ``None`` when it is no caller's doing."""
    words = words_for(error)
    if words is None:
        return None
    if isinstance(error, NotPermitted) and action is not None:
        words = Words(words.key, None, {"operation": action.name, "objectType": action.object_type})
    if action is not None and type(error) in action.properties:
        words = Words(words.key, action.properties[type(error)], words.params)
    return _answer(_Envelope(_harmless(_message(error), words), words.key, words.params, words.property))


def unexpected_failure() -> bytes:
    """Return the answer to a failure of our own, of which nothing is told."""
    return _answer(_Envelope(UNEXPECTED))


def words_for(error: CloudsteadError) -> Words | None:
    """Return the words for an error, those of the nearest class that has some; ``None`` for failures of our own."""
    for kind in type(error).__mro__:
        if kind in WORDS:
            return WORDS[kind](error)
    return None


def _answer(envelope: _Envelope) -> bytes:
    return msgspec.json.encode({"errorMessage": msgspec.json.encode(envelope).decode()})


def _message(error: CloudsteadError) -> str:
    """Return what an error says, with its field called as the client calls it."""
    return f"{_camel(error.field)}: {error.reason}" if isinstance(error, InvalidField) else str(error)


def _harmless(message: str, words: Words) -> str:
    """Leave out a message that quotes what would make clients log in again."""
    return f"The request was refused: {words.key or 'see the log'}." if REFRESH_TRIGGERS.search(message) else message


def _camel(field: str | None) -> str | None:
    """Spell a field of core as a property of the wire: ``parent_id`` as ``parentId``."""
    if field is None:
        return None
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _always(key: str | None, name: str | None = None) -> Callable[[Any], Words]:
    return lambda _: Words(key, name)


def _at_field(key: str) -> Callable[[Any], Words]:
    return lambda error: Words(key, _camel(error.field))


WORDS: Final[dict[type[CloudsteadError], Callable[[Any], Words]]] = {
    UnknownAction: lambda error: Words("INVALID_ACTION", None, {"action": error.action}),
    NotPermitted: _always("NOT_AUTHORIZED"),
    PropertyMissing: lambda error: Words("PROPERTY_REQUIRED", error.name),
    InvalidField: _at_field("INVALID_ARGUMENTS"),
    NotANumber: _at_field("PROPERTY_NOT_A_NUMBER"),
    NotInRange: lambda error: Words(
        "PROPERTY_NOT_IN_RANGE", _camel(error.field), {"min": error.least, "max": error.most}
    ),
    OutOfReach: _at_field("NOT_AUTHORIZED_DOMAIN"),
    # Misspelt in the contract; it is a key on the wire all the same.
    DomainNotFound: _at_field("DOMAIN_NO_FOUND"),
    DomainIdTaken: _always("DOMAIN_ID_EXISTS", "id"),
    DomainHasThings: _always("DOMAIN_HAS_THINGS"),
    DomainHasPeople: _always("DOMAIN_HAS_USERS"),
    DomainMoveMakesLoop: _always("INVALID_ARGUMENTS", "parentId"),
    RootIsFixed: _always("INVALID_ARGUMENTS", "id"),
    ThingNotFound: _always("THING_NOT_FOUND", "thingName"),
    ThingNameTaken: _always("THING_NAME_EXISTS", "thingName"),
    ThingTypeNotFound: _at_field("THING_TYPE_NOT_FOUND"),
    ThingTypeNotUsable: _always("THING_TYPE_NOT_FOUND", "thingType"),
    ThingTypeIdTaken: _always("THING_TYPE_ID_EXISTS", "id"),
    # As misspelt as DOMAIN_NO_FOUND.
    ThingTypeHasThings: _always("THING_TYPE_AS_THINGS"),
    FileNotAvailable: _always(None),
    LinkRefused: _always(None),
    ObjectsUnavailable: _always(None),
    RuleNotFound: _always("RULE_NOT_FOUND", "id"),
    RuleIdTaken: _always("INVALID_ARGUMENTS", "id"),
    TooManyRules: _always("INVALID_ARGUMENTS"),
    SearchRefused: _always("INVALID_ARGUMENTS", "query"),
    TooManySearches: _always(None),
    IndexUnavailable: _always(None),
    LoginRefused: _always("INVALID_LOGIN"),
    LoginLocked: lambda error: Words("INVALID_LOGIN", None, {"retryAfter": error.retry_after_s}),
    UserNameTaken: _always("USER_USERNAME_EXISTS", "userName"),
    PersonNotFound: _always("USER_NOT_FOUND", "userName"),
    DemoPersonStays: _always("USER_REMOVE_DEMO"),
    AdministratorStays: _always("INVALID_ARGUMENTS", "userName"),
    OldPasswordWrong: _always("USER_INVALID_PASSWORD", "oldPassword"),
    TooManySignUps: _always(None),
    SignUpClosed: _always(None),
    AccountNotUsable: _always(None),
    CertificateNotFound: _always(None),
    CredentialRefused: _always(None),
    CredentialExpired: _always(None),
}
