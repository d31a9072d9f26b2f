"""The limits a connection lives under; frozen, so that one instance serves every connection of an account."""

from dataclasses import dataclass
from typing import Final

from cloudstead.protocols.mqtt import reasons
from cloudstead.protocols.mqtt.errors import LimitExceeded

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client may do and how much of it.

    `is_strict`: a 3.x client that goes too far is closed instead of being answered with a failure code. MQTT 5 clients
    are always told the reason first.
    """

    name: str
    is_strict: bool
    max_topic_slashes: int
    max_topic_bytes: int
    max_payload_bytes: int
    max_packet_bytes: int
    max_filters_per_subscribe: int
    max_subscriptions: int
    max_client_id_bytes: int
    min_keep_alive_s: int
    max_keep_alive_s: int
    idle_timeout_s: int | None  # for keep-alive 0; None waits for ever
    max_connection_s: int | None
    inbound_window: int
    outbound_window: int
    max_qos: int
    retain: bool
    shared_subscriptions: bool
    max_session_expiry_s: int  # 0: sessions end with their connection
    max_queued_messages: int
    max_queued_bytes: int
    max_unsent_bytes: int  # output of one tick beyond which a connection counts as not writable
    topic_alias_maximum: int

    def check_topic(self, topic: str, raw_bytes: int) -> None:
        """Refuse a topic name or filter that is too long or too deep."""
        if raw_bytes > self.max_topic_bytes:
            raise LimitExceeded(reasons.TOPIC_NAME_INVALID, f"topic is longer than {self.max_topic_bytes} bytes")
        if topic.count("/") > self.max_topic_slashes:
            raise LimitExceeded(reasons.TOPIC_NAME_INVALID, f"topic has more than {self.max_topic_slashes} slashes")

    def check_message(self, qos: int, *, retain: bool, payload_bytes: int) -> None:
        """Refuse a publish or a will that asks for too much."""
        if qos > self.max_qos:
            raise LimitExceeded(reasons.QOS_NOT_SUPPORTED, f"QoS above {self.max_qos} is not served")
        if retain and not self.retain:
            raise LimitExceeded(reasons.RETAIN_NOT_SUPPORTED, "retained messages are not served")
        if payload_bytes > self.max_payload_bytes:
            raise LimitExceeded(reasons.PACKET_TOO_LARGE, f"payload is larger than {self.max_payload_bytes} bytes")

    def keep_alive(self, asked_s: int) -> int:
        """Return the keep-alive that applies to one that was asked for; 0 stays 0."""
        if not asked_s:
            return 0
        return min(max(asked_s, self.min_keep_alive_s), self.max_keep_alive_s)


# Cloud Connect 2.11, section 4, "Broker figures of 2017". MQTT 5 is younger than these: its clients get the same caps,
# but are told so in CONNACK and are answered with reason codes.
AWS_2017: Final = Profile(
    name="aws-2017",
    is_strict=True,
    max_topic_slashes=7,
    max_topic_bytes=256,
    max_payload_bytes=128 * 1024,
    max_packet_bytes=136 * 1024,
    max_filters_per_subscribe=8,
    max_subscriptions=50,
    max_client_id_bytes=128,
    min_keep_alive_s=5,
    max_keep_alive_s=1200,
    idle_timeout_s=1800,
    max_connection_s=_DAY_S,
    inbound_window=100,
    outbound_window=100,
    max_qos=1,
    retain=False,
    shared_subscriptions=False,
    max_session_expiry_s=0,
    max_queued_messages=1000,
    max_queued_bytes=4 * 1024 * 1024,
    max_unsent_bytes=1024 * 1024,
    topic_alias_maximum=8,
)

STANDARD: Final = Profile(
    name="standard",
    is_strict=False,
    max_topic_slashes=63,
    max_topic_bytes=1024,
    max_payload_bytes=1024 * 1024,
    max_packet_bytes=1024 * 1024 + 64 * 1024,
    max_filters_per_subscribe=64,
    max_subscriptions=1000,
    max_client_id_bytes=256,
    min_keep_alive_s=1,
    max_keep_alive_s=65_535,
    idle_timeout_s=None,
    max_connection_s=None,
    inbound_window=200,
    outbound_window=200,
    max_qos=2,
    retain=True,
    shared_subscriptions=True,
    max_session_expiry_s=7 * _DAY_S,
    max_queued_messages=1000,
    max_queued_bytes=8 * 1024 * 1024,
    max_unsent_bytes=2 * 1024 * 1024,
    topic_alias_maximum=32,
)


@dataclass(frozen=True, slots=True)
class SpaceLimits:
    """How much one topic space (one account) may make the broker remember."""

    max_sessions: int = 100_000
    max_offline_sessions_per_holder: int = 32  # of one thing, person or key; one of each is common
    max_held_bytes: int = 256 * 1024 * 1024  # what waits for sessions, and what offline ones take themselves
    max_retained_messages: int = 10_000
    max_retained_bytes: int = 64 * 1024 * 1024
