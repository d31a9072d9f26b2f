"""The server side of MQTT 3.1, 3.1.1 and 5 without I/O: bytes in, events out, time as an argument.

    broker, space, session     who gets what, what is kept for whom, and when it ends
    connection, admission      one connection: parsing, decisions, flow control, output
    topics, retained           matching
    backlog, message           what waits, and what is encoded once for many
    incoming                   what the client publishes: windows, aliases, QoS 1 and 2 of the receiving side
    inbox, outbox              bytes to frames, packets to bytes
    decode, encode             packets; properties and wire are what they are made of
    profile, reasons, events   limits, reason codes, and the words between a connection and its owner

Nobody here decides who may connect, publish or subscribe; nothing is acknowledged before its owner has stored it.
"""

from cloudstead.protocols.mqtt import reasons, topics
from cloudstead.protocols.mqtt.broker import Broker
from cloudstead.protocols.mqtt.connection import Connection
from cloudstead.protocols.mqtt.counters import Counters
from cloudstead.protocols.mqtt.errors import TopicInvalid
from cloudstead.protocols.mqtt.events import (
    ConnectRequested,
    Disconnected,
    Event,
    PublishReceived,
    SubscribeRequested,
    Subscription,
    Unsubscribed,
    Will,
    WillDue,
)
from cloudstead.protocols.mqtt.profile import AWS_2017, STANDARD, Profile, SpaceLimits
from cloudstead.protocols.mqtt.properties import Properties

__all__ = [
    "AWS_2017",
    "STANDARD",
    "Broker",
    "ConnectRequested",
    "Connection",
    "Counters",
    "Disconnected",
    "Event",
    "Profile",
    "Properties",
    "PublishReceived",
    "SpaceLimits",
    "SubscribeRequested",
    "Subscription",
    "TopicInvalid",
    "Unsubscribed",
    "Will",
    "WillDue",
    "reasons",
    "topics",
]
