"""What a connection tells its owner, and the values in it.

Plain slotted classes with hand-written constructors: one is made per inbound packet, and a dataclass costs as much as
parsing the packet.
"""

from cloudstead.protocols.mqtt.properties import Properties
from cloudstead.protocols.mqtt.topics import split_share

NO_PROPERTIES = Properties()


class Will:
    """The message a client leaves for the case that it is lost (MQTT 5, section 3.1.2.5)."""

    __slots__ = ("delay_s", "payload", "properties", "qos", "retain", "topic")

    def __init__(self, topic: str, payload: bytes, *, qos: int, retain: bool, properties: Properties | None) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
        self.delay_s = (properties.will_delay_s or 0) if properties is not None else 0


class WillDue:
    """A will that must be published now; `owner` and `session_key` are those of the lost connection."""

    __slots__ = ("client_id", "owner", "payload", "properties", "qos", "retain", "session_key", "space", "topic")

    def __init__(self, will: Will, *, space: str, client_id: str, session_key: str, owner: object) -> None:
        self.space = space
        self.client_id = client_id
        self.session_key = session_key
        self.topic = will.topic
        self.payload = will.payload
        self.qos = will.qos
        self.retain = will.retain
        self.properties = will.properties
        self.owner = owner


class Subscription:
    """One topic filter with its options (MQTT 5, section 3.8.3.1)."""

    __slots__ = (
        "filter",
        "group",
        "identifiers",
        "no_local",
        "qos",
        "retain_as_published",
        "retain_handling",
        "topic_filter",
    )

    def __init__(self, text: str, options: int, identifiers: tuple[int, ...] = ()) -> None:
        self.filter = text
        self.group, self.topic_filter = split_share(text)
        self.qos = options & 3
        self.no_local = bool(options & 4)
        self.retain_as_published = bool(options & 8)
        self.retain_handling = options >> 4 & 3
        self.identifiers = identifiers


class ConnectRequested:
    """A client asks to be let in; answer with `accept` or `refuse`."""

    __slots__ = (
        "clean_start",
        "client_id",
        "keep_alive",
        "level",
        "password",
        "properties",
        "user_name",
        "will",
    )

    def __init__(
        self,
        *,
        level: int,
        client_id: str,
        clean_start: bool,
        keep_alive: int,
        user_name: str | None,
        password: bytes | None,
        will: Will | None,
        properties: Properties,
    ) -> None:
        self.level = level
        self.client_id = client_id
        self.clean_start = clean_start
        self.keep_alive = keep_alive
        self.user_name = user_name
        self.password = password
        self.will = will
        self.properties = properties


class PublishReceived:
    """A message from the client; answer with `acknowledge` or `deny`. The packet id is 0 at QoS 0."""

    __slots__ = ("dup", "packet_id", "payload", "properties", "qos", "retain", "topic")

    def __init__(  # noqa: PLR0917 - keywords cost a sixth of the constructor, and one is made per packet
        self,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,  # noqa: FBT001
        dup: bool,  # noqa: FBT001
        packet_id: int,
        properties: Properties | None,
    ) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.dup = dup
        self.packet_id = packet_id
        self.properties = properties


class SubscribeRequested:
    """A client asks for messages; answer with `grant`."""

    __slots__ = ("packet_id", "properties", "subscriptions")

    def __init__(self, packet_id: int, subscriptions: tuple[Subscription, ...], properties: Properties | None) -> None:
        self.packet_id = packet_id
        self.subscriptions = subscriptions
        self.properties = properties


class Unsubscribed:
    """A client took back some filters; this is done and answered."""

    __slots__ = ("filters",)

    def __init__(self, filters: tuple[str, ...]) -> None:
        self.filters = filters


class Disconnected:
    """The connection is over: the client said so, or broke a rule. The code is an MQTT 5 reason code."""

    __slots__ = ("by_client", "code", "detail")

    def __init__(self, code: int, detail: str, *, by_client: bool) -> None:
        self.code = code
        self.detail = detail
        self.by_client = by_client


Event = ConnectRequested | PublishReceived | SubscribeRequested | Unsubscribed | Disconnected
