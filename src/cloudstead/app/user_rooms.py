"""The rooms of users, put together: who administers them, how they are invited, and their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.invitations.accepting import Accepting
from cloudstead.core.invitations.registry import Invitations
from cloudstead.core.people.front_door import FrontDoor
from cloudstead.core.people.second_factor import SecondFactors
from cloudstead.core.people.sessions import Sessions
from cloudstead.core.people.users import Users

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import IdSource
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.mails import Mails
    from cloudstead.core.people.ports import Letters
    from cloudstead.core.policygroups.registry import PolicyGroups


@dataclass(frozen=True, slots=True)
class UserRooms:
    """People of whole accounts."""

    users: Users
    invitations: Invitations
    sessions: Sessions
    factors: SecondFactors


def user_rooms(
    clock: Clock,
    ids: IdSource,
    *,
    sealer: Sealer,
    links: Links,
    mails: Mails,
    letters: Letters,
    groups: PolicyGroups,
    public_url: str,
) -> UserRooms:
    """Return the rooms; ``public_url`` is where our pages are reached from outside."""
    factors = SecondFactors(sealer, clock)
    return UserRooms(
        Users(clock, ids, links=links, mails=mails, factors=factors, groups=groups),
        Invitations(clock, ids, letters=letters, groups=groups, public_url=public_url.rstrip("/")),
        Sessions(clock, ids),
        factors,
    )


def front_door(cloud: Cloud, rooms: UserRooms, links: Links) -> tuple[FrontDoor, Accepting, Sessions]:
    """Return what our own pages of sign-in and of invitations stand on."""
    door = FrontDoor(
        cloud.database,
        cloud.hasher,
        sign_in=cloud.sign_in,
        sessions=rooms.sessions,
        factors=rooms.factors,
        links=links,
        sealer=cloud.keys.sealer,
        clock=cloud.clock,
    )
    accepting = Accepting(
        cloud.database, cloud.hasher, sign_in=cloud.sign_in, links=links, clock=cloud.clock, ids=cloud.ids
    )
    return door, accepting, rooms.sessions
