"""People put together: who administers them, how they help themselves, and the pages where the links of mails land."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.mail.dress import dressing
from cloudstead.core.mail.letters import Letters
from cloudstead.core.people.links import Links
from cloudstead.core.people.mails import Mails
from cloudstead.core.people.recovery import Recovery
from cloudstead.core.people.registry import People

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud


@dataclass(frozen=True, slots=True)
class PeopleParts:
    """What HTTP needs of people."""

    people: People
    recovery: Recovery
    mails: Mails
    links: Links
    letters: Letters


def people_parts(cloud: Cloud, public_url: str) -> PeopleParts:
    """Return the parts; ``public_url`` is where the pages are reached from outside."""
    clock, ids = cloud.clock, cloud.ids
    links = Links(clock, ids)
    public_url = public_url.rstrip("/")
    letters = Letters(cloud.keys.sealer, clock=clock, ids=ids, dress=dressing(public_url))
    mails = Mails(clock, links=links, letters=letters, public_url=public_url)
    return PeopleParts(
        People(clock, ids, links=links, mails=mails),
        Recovery(
            cloud.database,
            cloud.hasher,
            links=links,
            mails=mails,
            clock=clock,
            ids=ids,
            spawn=cloud.tasks.spawn,
            is_sign_up_open=cloud.settings.people.sign_up,
        ),
        mails,
        links,
        letters,
    )
