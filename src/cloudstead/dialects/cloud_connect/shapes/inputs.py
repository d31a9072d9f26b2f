"""What each action takes. A field without a default is required; unknown fields are ignored.

``UNSET`` is what the caller left out, ``None`` what the caller cleared; where a null or an empty text cannot clear
anything, it counts as left out (Cloud Connect 2.11, section 1: a missing property is absent, null or empty).
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from cloudstead.core.patch import ABSENT, Patched
from cloudstead.dialects.cloud_connect.shapes.text import Text

T = TypeVar("T")

JsonObject: TypeAlias = dict[str, Any]
Scalar: TypeAlias = int | float | str | bool | list[Any] | dict[str, Any]
"""Whatever was given: the action itself says that it should have been a number."""

Clearable: TypeAlias = T | UnsetType | None


def as_patch(value: T | UnsetType) -> Patched[T]:
    """Return the change that a clearable field asks for."""
    return ABSENT if value is UNSET else value


def given(value: T | None) -> Patched[T]:
    """Return the change that a field asks for which nothing can clear."""
    return value or ABSENT


def as_text(value: str | UnsetType | None) -> Patched[str]:
    """Return the change that a clearable text asks for: whatever is not there is the empty text."""
    return ABSENT if value is UNSET else value or ""


class Nothing(msgspec.Struct, rename="camel"):
    """No input, or nothing but selected attributes."""


class Login(msgspec.Struct, rename="camel"):
    """AuthLambda.LOGIN."""

    user_name: Text
    password: str


class Refresh(msgspec.Struct, rename="camel"):
    """AuthLambda.REFRESH."""

    refresh_token: str


class OneId(msgspec.Struct, rename="camel"):
    """GET and REMOVE of domains and thing types."""

    id: Text


class NewDomain(msgspec.Struct, rename="camel"):
    """DomainLambda.CREATE."""

    id: Text
    parent_id: Text
    name: str
    description: str | None = None
    data: JsonObject | None = None


class ChangedDomain(msgspec.Struct, rename="camel"):
    """DomainLambda.UPDATE."""

    id: Text
    parent_id: Text | None = None
    name: str | None = None
    description: Clearable[str] = UNSET
    data: Clearable[JsonObject] = UNSET
    domain_metadata: Clearable[list[Any]] = UNSET
    thing_type_metadata: Clearable[list[Any]] = UNSET
    settings: Clearable[JsonObject] = UNSET


class OneThing(msgspec.Struct, rename="camel"):
    """GET, REMOVE and the certificate actions of ThingLambda."""

    thing_name: Text


class NewThing(msgspec.Struct, rename="camel"):
    """ThingLambda.CREATE."""

    thing_type: Text
    domain: Text
    thing_name: Text | None = None


class ChangedThing(msgspec.Struct, rename="camel"):
    """ThingLambda.UPDATE. The table calls domain and label required, but knows no error for their absence."""

    thing_name: Text
    domain: Text | None = None
    label: str | None = None
    description: Clearable[str] = UNSET


class NewThingType(msgspec.Struct, rename="camel"):
    """ThingTypeLambda.CREATE."""

    id: Text
    domain: Text
    label: str
    description: str | None = None
    data: JsonObject | None = None


class ChangedThingType(msgspec.Struct, rename="camel"):
    """ThingTypeLambda.UPDATE."""

    id: Text
    label: str
    description: Clearable[str] = UNSET
    data: Clearable[JsonObject] = UNSET


class ChangedAttribute(msgspec.Struct, rename="camel"):
    """ThingTypeLambda.UPDATE_ATTRIBUTE. Every JSON value is an item, null and the empty text included."""

    id: Text
    key_path: str
    item: Any


class RemovedAttribute(msgspec.Struct, rename="camel"):
    """ThingTypeLambda.REMOVE_ATTRIBUTE."""

    id: Text
    key_path: str


class ListedFiles(msgspec.Struct, rename="camel"):
    """FileLambda.LIST."""

    bucket_name: str
    max_keys: int | None = None
    marker: str | None = None
    prefix: str | None = None


class ThingOfType(msgspec.Struct, rename="camel"):
    """FileLambda.DELETE_THING_IMAGE."""

    thing_id: Text
    thing_type: Text


class ThingImage(ThingOfType, rename="camel"):
    """FileLambda.PUT_THING_IMAGE."""

    encoded_file: str


class Find(msgspec.Struct, rename="camel"):
    """FIND of things and observations; it stands at the top of the payload, beside the action."""

    query: JsonObject


class NewBatch(msgspec.Struct, rename="camel"):
    """ThingBatchLambda.CREATE."""

    thing_type: Text
    domain: Text
    requested_size: Scalar
    concurrency: Scalar | None = None


class BatchFilter(msgspec.Struct, rename="camel"):
    """The filter of ThingBatchLambda.LIST."""

    domains: list[str] | None = None
    thing_types: list[str] | None = None
    free_texts: list[str] | None = None


class ListedBatches(msgspec.Struct, rename="camel"):
    """ThingBatchLambda.LIST. There is no paging, so the marker is only echoed."""

    bucket_name: Text
    max_keys: Scalar | None = None
    marker: str | None = None
    prefix: str | None = None
    filter: BatchFilter | None = None


class SignUp(msgspec.Struct, rename="camel"):
    """AuthLambda.SIGN_UP."""

    user_name: Text
    password: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: Clearable[Text] = UNSET
    company: Clearable[Text] = UNSET
    address: Clearable[Text] = UNSET
    zip: Clearable[Text] = UNSET
    city: Clearable[Text] = UNSET
    country: Clearable[Text] = UNSET


class OnePerson(msgspec.Struct, rename="camel"):
    """What names one user, and no more."""

    user_name: Text


class NewPerson(msgspec.Struct, rename="camel", kw_only=True):
    """UserLambda.CREATE, in the order of its table."""

    user_name: Text
    password: str
    first_name: str
    last_name: str
    email: str
    phone: Clearable[Text] = UNSET
    company: Clearable[Text] = UNSET
    address: Clearable[Text] = UNSET
    zip: Clearable[Text] = UNSET
    city: Clearable[Text] = UNSET
    country: Clearable[Text] = UNSET
    role_name: str
    domain_name: Text


class PeopleFilter(msgspec.Struct, rename="camel"):
    """The filter of UserLambda.LIST."""

    free_text: Text | None = None
    category: str | None = None


class ListedPeople(msgspec.Struct, rename="camel"):
    """UserLambda.LIST; these stand beside the attributes."""

    filter: PeopleFilter | None = None
    page: int | None = None
    size: int | None = None
    sort_prop: str | None = None


class UserData(msgspec.Struct, rename="camel"):
    """UserLambda.UPDATE_USERDATA: any object, whose one known key is passed over."""

    tcxn: Any = None


class RemovedPeople(msgspec.Struct, rename="camel"):
    """UserLambda.REMOVE."""

    user_name: Scalar


class ChangedPerson(msgspec.Struct, rename="camel"):
    """UserLambda.UPDATE. ``password`` stands in the history of the document only (its edition 2.3)."""

    user_name: Text
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: Clearable[Text] = UNSET
    company: Clearable[Text] = UNSET
    address: Clearable[Text] = UNSET
    zip: Clearable[Text] = UNSET
    city: Clearable[Text] = UNSET
    country: Clearable[Text] = UNSET
    role_name: str | None = None
    domain_name: Text | None = None
    enabled: Scalar | None = None
    password: str | None = None


class ChangedProfile(msgspec.Struct, rename="camel"):
    """UserLambda.UPDATE_PROFILE."""

    user_name: Text
    first_name: str
    last_name: str
    email: str
    phone: Clearable[Text] = UNSET
    company: Clearable[Text] = UNSET
    address: Clearable[Text] = UNSET
    zip: Clearable[Text] = UNSET
    city: Clearable[Text] = UNSET
    country: Clearable[Text] = UNSET
