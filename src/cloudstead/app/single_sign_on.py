"""Identity providers put together: who administers them, and the round trips by way of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.identityproviders.places import Places
from cloudstead.core.identityproviders.registry import IdentityProviders
from cloudstead.core.identityproviders.round_trip import RoundTrip
from cloudstead.core.identityproviders.sign_out import SignOut
from cloudstead.core.identityproviders.tickets import Tickets
from cloudstead.core.people.sessions import Sessions

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """What HTTP needs of identity providers."""

    places: Places
    providers: IdentityProviders
    round_trip: RoundTrip
    sign_out: SignOut


def single_sign_on(cloud: Cloud, public_url: str) -> SingleSignOn:
    """Return the parts; ``public_url`` is where providers and browsers reach us."""
    clock, ids, sealer = cloud.clock, cloud.ids, cloud.keys.sealer
    places = Places(public_url.rstrip("/"))
    return SingleSignOn(
        places,
        IdentityProviders(clock, ids, sealer=sealer, places=places),
        RoundTrip(
            cloud.database,
            Sessions(clock, ids),
            tickets=Tickets(clock, sealer),
            places=places,
            sealer=sealer,
            clock=clock,
            ids=ids,
        ),
        SignOut(cloud.database, places=places, sealer=sealer, clock=clock),
    )
