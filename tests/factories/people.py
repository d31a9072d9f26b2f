"""People as functions administer them, over a state store; mails are kept where a test can read them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloudstead.core.credentials.passwords import PasswordHasher
from cloudstead.core.people.links import Links
from cloudstead.core.people.mails import Mails
from cloudstead.core.people.recovery import Recovery
from cloudstead.core.people.registry import People
from factories.tenants import CHEAP

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from cloudstead.core.mail.model import Letter
    from factories.tenants import Tenant

PUBLIC_URL = "https://cloud.example"
_LINK = re.compile(r"https://cloud\.example(/people/[a-z-]+)\?token=(\S+)")


@dataclass
class PostBox:
    """The post office, where every letter stays."""

    letters: list[Letter] = field(default_factory=list)

    def send(self, unit: Any, account_id: Any, letter: Letter, *, cause: str | None = None) -> None:
        del unit, account_id, cause
        self.letters.append(letter)

    def links(self) -> list[tuple[str, str]]:
        """Return path and token of every link that was mailed, oldest first."""
        return [found.groups() for letter in self.letters for found in _LINK.finditer(letter.text)]

    def last_token(self) -> str:
        """Return the token of the newest link."""
        return self.links()[-1][1]


@dataclass
class PeopleRooms:
    """The rooms of people, and what they do behind their answers."""

    people: People
    recovery: Recovery
    links: Links
    hasher: PasswordHasher
    post: PostBox
    mails: Mails
    under_way: list[asyncio.Task[None]]

    async def settled(self) -> None:
        """Return when everything behind an answer is done."""
        while self.under_way:
            await self.under_way.pop()


def people_rooms(tenant: Tenant, executor: ThreadPoolExecutor) -> PeopleRooms:
    post, under_way = PostBox(), []
    links = Links(tenant.clock, tenant.ids)
    mails = Mails(tenant.clock, links=links, letters=post, public_url=PUBLIC_URL)
    hasher = PasswordHasher(executor, cost=CHEAP)
    recovery = Recovery(
        tenant.database,
        hasher,
        links=links,
        mails=mails,
        clock=tenant.clock,
        ids=tenant.ids,
        spawn=lambda work: under_way.append(asyncio.get_running_loop().create_task(work)),
    )
    people = People(tenant.clock, tenant.ids, links=links, mails=mails)
    return PeopleRooms(people, recovery, links, hasher, post, mails, under_way)
