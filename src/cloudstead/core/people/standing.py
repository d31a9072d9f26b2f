"""A person's standing in one account: how far the membership has come, and what the account notes about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cloudstead.core.people.model import Stage
from cloudstead.core.versions import Versioned

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cloudstead.core.ids import AccountId, PersonId, PolicyGroupId
    from cloudstead.core.people.model import Person


class Status(StrEnum):
    """What somebody may do, in one word (account management, version 3, ``UserInfoResp``)."""

    ENROLLING = "ENROLLING"
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    RESET = "RESET"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Versioned):
    """What an account notes about one of its people. Its version covers the person's profile and groups as well."""

    account_id: AccountId
    person_id: PersonId
    stage: Stage = Stage.OPEN
    created_at_ms: int = 0  # 0: with the person
    custom_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resident:
    """A person together with the standing in one account."""

    person: Person
    standing: Standing

    @property
    def is_at_home(self) -> bool:
        """Whether the account is the person's home: everywhere else it is a guest."""
        return self.person.home_account_id == self.standing.account_id

    @property
    def as_known_here(self) -> Person:
        """The person as far as the account may know.

        Of somebody from elsewhere who has not accepted yet, that is the address which was typed here.
        """
        if self.is_at_home or self.standing.stage is not Stage.INVITED:
            return self.person
        return self.person.as_invited

    @property
    def status(self) -> Status:
        """The status, which Cloud Connect's switches and the stage of the membership give together.

        ``storage.sql.stores.members`` says the same in SQL.
        """
        person, stage = self.person, self.standing.stage
        if not person.is_enabled or stage is Stage.SHUT:
            return Status.INACTIVE
        if stage is Stage.INVITED:
            return Status.INVITED
        if stage is Stage.ENROLLING or not person.is_confirmed:
            return Status.ENROLLING
        return Status.RESET if person.must_set_password else Status.ACTIVE

    @property
    def created_at_ms(self) -> int:
        """When the person came to the account."""
        return self.standing.created_at_ms or self.person.created_at_ms

    @property
    def updated_at_ms(self) -> int:
        """When anything about it was changed last."""
        return self.standing.updated_at_ms or self.created_at_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentFilter:
    """Which people a list shows; ``None`` is all. ``email`` is compared whatever its case.

    ``provider_id`` is that of an identity provider by which people come; the built-in one bears the account's id.
    ``group_id`` is that of a policy group that they are in.
    """

    email: str | None = None
    statuses: Collection[Status] | None = None
    provider_id: str | None = None
    group_id: PolicyGroupId | None = None
