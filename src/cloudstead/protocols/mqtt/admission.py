"""What a client asks for against what its profile allows: the terms of a connection and of its subscriptions."""

from collections.abc import Collection, Mapping

from cloudstead.protocols.mqtt import reasons
from cloudstead.protocols.mqtt.errors import LimitExceeded
from cloudstead.protocols.mqtt.events import ConnectRequested, Subscription
from cloudstead.protocols.mqtt.profile import Profile
from cloudstead.protocols.mqtt.properties import Properties

# Aliases cost memory on this side as well; a client of more topics gets the rest by name.
_MAX_ALIASES_OUT = 64
_DEFAULT_RECEIVE_MAXIMUM = 65_535  # MQTT 5, section 3.1.2.11.3

Refusal = tuple[int, str]


class Terms:
    """What was settled for one connection."""

    __slots__ = ("alias_maximum", "announced", "keep_alive_s", "outbound_window", "session_expiry_s")

    def __init__(
        self,
        *,
        keep_alive_s: int,
        session_expiry_s: int,
        outbound_window: int,
        alias_maximum: int,
        announced: Properties | None,
    ) -> None:
        self.keep_alive_s = keep_alive_s
        self.session_expiry_s = session_expiry_s
        self.outbound_window = outbound_window
        self.alias_maximum = alias_maximum
        self.announced = announced


def refusal_of_protocol(request: ConnectRequested) -> Refusal | None:
    """Return why nobody may let this client in, whatever its profile."""
    if request.properties.authentication_method is not None:
        return reasons.BAD_AUTHENTICATION_METHOD, "no extended authentication is served"
    # MQTT 3.1 has no empty client ids, 3.1.1 only for clean sessions (section 3.1.3.1).
    if not request.client_id and (request.level == 3 or (request.level == 4 and not request.clean_start)):
        return reasons.CLIENT_IDENTIFIER_NOT_VALID, "client id is empty"
    return None


def refusal_of_profile(request: ConnectRequested, profile: Profile) -> Refusal | None:
    """Return why this profile does not let the client in."""
    if len(request.client_id.encode()) > profile.max_client_id_bytes:
        return reasons.CLIENT_IDENTIFIER_NOT_VALID, f"client id is longer than {profile.max_client_id_bytes} bytes"
    will = request.will
    if will is None:
        return None
    try:
        profile.check_topic(will.topic, len(will.topic.encode()))
        profile.check_message(will.qos, retain=will.retain, payload_bytes=len(will.payload))
    except LimitExceeded as error:
        return error.code, f"will: {error.detail}"
    return None


def settle_terms(request: ConnectRequested, profile: Profile, *, assigned_client_id: str) -> Terms:
    """Return what applies to a client that is let in, and what an MQTT 5 client is told of it (section 3.2.2.3)."""
    wishes = request.properties
    keep_alive_s = profile.keep_alive(request.keep_alive)
    if request.level != 5:
        return Terms(
            keep_alive_s=keep_alive_s,
            session_expiry_s=0 if request.clean_start else profile.max_session_expiry_s,
            outbound_window=profile.outbound_window,
            alias_maximum=0,
            announced=None,
        )
    if not keep_alive_s and profile.idle_timeout_s is not None:
        keep_alive_s = profile.max_keep_alive_s  # a client that can be told is told how often to speak
    expiry_s = min(wishes.session_expiry_s or 0, profile.max_session_expiry_s)
    announced = Properties(
        session_expiry_s=expiry_s if expiry_s != (wishes.session_expiry_s or 0) else None,
        receive_maximum=profile.inbound_window,
        maximum_qos=profile.max_qos if profile.max_qos < 2 else None,
        retain_available=None if profile.retain else 0,
        maximum_packet_size=profile.max_packet_bytes,
        assigned_client_id=None if request.client_id else assigned_client_id,
        topic_alias_maximum=profile.topic_alias_maximum or None,
        shared_subscription_available=None if profile.shared_subscriptions else 0,
        server_keep_alive_s=keep_alive_s if keep_alive_s != request.keep_alive else None,
    )
    return Terms(
        keep_alive_s=keep_alive_s,
        session_expiry_s=expiry_s,
        outbound_window=min(wishes.receive_maximum or _DEFAULT_RECEIVE_MAXIMUM, profile.outbound_window),
        alias_maximum=min(wishes.topic_alias_maximum or 0, _MAX_ALIASES_OUT),
        announced=announced,
    )


def check_filters(profile: Profile, filters: Collection[str]) -> None:
    """Refuse a SUBSCRIBE or UNSUBSCRIBE with too many, too long or too deep filters."""
    if len(filters) > profile.max_filters_per_subscribe:
        raise LimitExceeded(
            reasons.QUOTA_EXCEEDED, f"more than {profile.max_filters_per_subscribe} filters in a packet"
        )
    for text in filters:
        profile.check_topic(text, len(text.encode()))


def grant_code(
    subscription: Subscription, wish: int, profile: Profile, held: Mapping[str, Subscription], *, level: int
) -> int:
    """Return the SUBACK code of one filter: what its owner decided, unless the profile forbids it."""
    if wish >= reasons.UNSPECIFIED:
        return wish
    if subscription.qos > profile.max_qos and profile.is_strict and level != 5:
        return reasons.QOS_NOT_SUPPORTED  # MQTT-3.2.2-10 lets no MQTT 5 server refuse this
    if subscription.group is not None and not profile.shared_subscriptions:
        return reasons.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
    if subscription.filter not in held and len(held) >= profile.max_subscriptions:
        return reasons.QUOTA_EXCEEDED
    return min(wish, subscription.qos, profile.max_qos)
