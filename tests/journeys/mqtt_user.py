"""Paho's MQTT client, with what it heard in the order in which it heard it."""

from __future__ import annotations

import json
import queue
import ssl
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as mqtt

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Doors

PATIENCE_S = 15
GONE = "gone"


class NotLetIn(Exception):
    """The broker refused the connection, or cut it before it was one."""


class MqttUser:
    """One connection; use it as a context manager."""

    def __init__(self, client_id: str, *, level: int = mqtt.MQTTv311, transport: str = "tcp") -> None:
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.acknowledged: set[int] = set()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=level,
            transport=transport,
            reconnect_on_failure=False,
        )
        self.client.on_connect = lambda _c, _u, _f, code, _p: self._events.put(("connected", code))
        self.client.on_connect_fail = lambda _c, _u: self._events.put((GONE, "no connection"))
        self.client.on_disconnect = lambda _c, _u, _f, code, _p: self._gone(code)
        self.client.on_subscribe = lambda _c, _u, _m, codes, _p: self._events.put(("subscribed", codes))
        self.client.on_publish = lambda _c, _u, packet_id, _code, _p: self.acknowledged.add(packet_id)
        self.client.on_message = lambda _c, _u, message: self._heard.put((message.topic, _read(message.payload)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def connect(self, address: tuple[str, int]) -> None:
        """Connect, or raise ``NotLetIn``."""
        reason = self._try(address)
        if reason is not None:
            self._close()
            raise NotLetIn(reason)

    def _try(self, address: tuple[str, int]) -> str | None:
        """Connect, or return why not: the text only, since the trace of an error would keep Paho's sockets."""
        try:
            self.client.connect(*address)
        except (OSError, mqtt.WebsocketConnectionError) as error:
            return str(error)
        self.client.loop_start()
        what, code = self._events.get(timeout=PATIENCE_S)
        return str(code) if what == GONE or code != 0 else None

    def _close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        # Paho closes its inner sockets when it is finalised, and our callbacks make it part of a circle.
        del self.client

    def subscribe(self, *filters: str) -> list[int]:
        """Subscribe at QoS 1, and return the granted levels or reason codes; none when the connection was cut."""
        self.client.subscribe([(each, 1) for each in filters])
        what, codes = self._events.get(timeout=PATIENCE_S)
        return [] if what == GONE else [code.value for code in codes]

    def publish(self, topic: str, document: Any, *, qos: int = 1) -> None:
        """Publish, and return when the broker has acknowledged it."""
        payload = document if isinstance(document, bytes) else json.dumps(document)
        self.client.publish(topic, payload, qos=qos).wait_for_publish(PATIENCE_S)

    def hear(self, count: int = 1) -> list[tuple[str, Any]]:
        """Return the next messages; ``(GONE, None)`` stands for the end of the connection."""
        return [self._heard.get(timeout=PATIENCE_S) for _ in range(count)]

    def hear_until(self, topic: str) -> list[tuple[str, Any]]:
        """Return all messages up to one on ``topic``, with that one."""
        heard = self.hear()
        while heard[-1][0] != topic:
            heard += self.hear()
        return heard

    def wait_until_gone(self) -> None:
        """Return when the connection has ended."""
        self.hear_until(GONE)

    def _gone(self, code: Any) -> None:
        self._events.put((GONE, code))
        self._heard.put((GONE, None))


class Device(MqttUser):
    """A thing with its certificate; the topics of its shadow are named by what follows ``shadow/``."""

    def __init__(self, doors: Doors, files: Path, *, level: int = mqtt.MQTTv311, thing: str | None = None) -> None:
        super().__init__(files.name, level=level)
        self._address = doors.devices
        self.prefix = f"$aws/things/{thing or files.name}/shadow/"
        context = ssl.create_default_context(cafile=doors.ca_file)
        context.load_cert_chain(files / "cert.pem", files / "privkey.pem")
        self.client.tls_set_context(context)

    def __enter__(self) -> Self:
        self.connect(self._address)
        return self

    def listen(self, *topics: str) -> list[int]:
        return self.subscribe(*(self.prefix + topic for topic in topics))

    def ask(self, verb: str, document: Any = b"") -> None:
        self.publish(self.prefix + verb, document)

    def answers(self, count: int = 1) -> list[tuple[str, Any]]:
        """Return the next messages, each with its topic after ``shadow/``."""
        return [(topic.removeprefix(self.prefix), document) for topic, document in self.hear(count)]


def _read(payload: bytes) -> Any:
    return json.loads(payload) if payload else None
