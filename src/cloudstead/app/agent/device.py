"""The conversation of a thing with its cloud: connect, report, obey, and come back after every interruption."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from cloudstead.app.agent import wishes

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from paho.mqtt.reasoncodes import ReasonCode
    from structlog.typing import FilteringBoundLogger

    from cloudstead.app.agent.backoff import Backoff

    class Source(Protocol):
        """Where the reported state comes from."""

        def facts(self) -> dict[str, Any]:
            """Return what does not change."""
            ...

        def figures(self) -> dict[str, Any]:
            """Return what moves."""
            ...


_KEEP_ALIVE_S = 30
_CONNECT_WITHIN_S = 10.0
_LISTEN_S = 0.25  # the longest the agent is deaf to a request to stop
_UNACKNOWLEDGED = 20  # reports under way; a figure that waits behind twenty others is no longer news


class ConnectionEnded(Exception):
    """The cloud could not be reached, refused us or went away."""


class Device:
    """A thing that reports its figures every ``interval_s`` seconds until ``should_stop``.

    Single-threaded: the network is served between two reports. ``interval_s`` is also what the shadow may change: a
    desired value is obeyed and reported back.
    """

    def __init__(
        self,
        thing_name: str,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        source: Source,
        interval_s: float,
        backoff: Backoff,
        log: FilteringBoundLogger,
        should_stop: Callable[[], bool],
    ) -> None:
        self._thing_name = thing_name
        self._host = host
        self._port = port
        self._tls = tls
        self._source = source
        self._interval_s = interval_s
        self._backoff = backoff
        self._log = log
        self._should_stop = should_stop
        self._refused_wish = b""

    def run(self) -> None:
        """Talk, and after every interruption wait and talk again."""
        while not self._should_stop():
            try:
                self._talk()
            except ConnectionEnded as error:
                wait_s = self._backoff.wait_s()
                self._log.warning("not connected", reason=str(error), retry_in_s=round(wait_s, 1))
                self._pause(wait_s)
        self._log.info("stopped")

    def _pause(self, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while not self._should_stop() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LISTEN_S))

    def _talk(self) -> None:
        line = _Line(self._thing_name, self._host, self._port, self._tls)
        try:
            line.open(self._should_stop)
            if self._should_stop():
                return
            self._backoff.reset()
            self._log.info("connected", address=f"{self._host}:{self._port}", interval_s=self._interval_s)
            line.send("get", b"")
            self._report(line, self._source.facts())
            due = time.monotonic() + self._interval_s
            while not self._should_stop():
                line.serve(min(max(due - time.monotonic(), 0.0), _LISTEN_S))
                if self._obey(line):
                    due = time.monotonic() + self._interval_s
                if time.monotonic() >= due:
                    self._report(line, {})
                    # After a pause (a suspended laptop) the missed reports are not made up for.
                    due = max(due + self._interval_s, time.monotonic())
        finally:
            line.close()

    def _report(self, line: _Line, facts: Mapping[str, Any]) -> None:
        if line.unacknowledged >= _UNACKNOWLEDGED:
            self._log.warning("report skipped", unacknowledged=line.unacknowledged)
            return
        reported = {**_joined(facts, self._source.figures()), "interval_s": self._interval_s}
        line.send("update", msgspec.json.encode({"state": {"reported": reported}}))

    def _obey(self, line: _Line) -> bool:
        """Answer what has come in; return whether the interval changed."""
        changed = False
        for topic, payload in line.take_messages():
            if topic == "update/rejected":
                self._log.warning("report rejected", answer=payload.decode(errors="replace"))
                continue
            wished = wishes.read_delta(payload) if topic == "update/delta" else wishes.read_document(payload)
            if "interval_s" in wished:
                changed |= self._grant(line, wished["interval_s"])
        return changed

    def _grant(self, line: _Line, value: msgspec.Raw) -> bool:
        # A delta comes after every report while the difference lasts: the same impossible wish is told once.
        if bytes(value) == self._refused_wish:
            return False
        try:
            interval_s = wishes.wished_interval(value)
        except wishes.WishRefused as refusal:
            self._refused_wish = bytes(value)
            self._log.warning("wish refused", reason=str(refusal))
            return False
        if interval_s == self._interval_s:
            return False
        self._interval_s = interval_s
        self._log.info("wish granted", interval_s=interval_s)
        self._report(line, {})
        return True


def _joined(facts: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts and figures in one state: a part may have of both."""
    joined = {**facts, **figures}
    for part in facts.keys() & figures.keys():
        joined[part] = {**facts[part], **figures[part]}
    return joined


class _Line:
    """One connection to the broker, from ``open`` to ``close``."""

    def __init__(self, thing_name: str, host: str, port: int, tls: ssl.SSLContext) -> None:
        self._address = (host, port)
        self._prefix = f"$aws/things/{thing_name}/shadow/"
        self._messages: list[tuple[str, bytes]] = []
        self._ending = ""
        self._is_accepted = False
        self.unacknowledged = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=thing_name, protocol=mqtt.MQTTv311, reconnect_on_failure=False
        )
        self._client.tls_set_context(tls)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def open(self, should_stop: Callable[[], bool]) -> None:
        """Connect and subscribe to what concerns the shadow."""
        try:
            self._client.connect(*self._address, keepalive=_KEEP_ALIVE_S)
        except OSError as error:  # includes every failure of the TLS handshake
            raise ConnectionEnded(getattr(error, "strerror", None) or str(error)) from None
        until = time.monotonic() + _CONNECT_WITHIN_S
        while not self._is_accepted and not should_stop():
            if time.monotonic() > until:
                raise ConnectionEnded("no answer to CONNECT")
            self.serve(_LISTEN_S)
        answers = ("update/delta", "update/rejected", "get/accepted")
        self._client.subscribe([(self._prefix + answer, 1) for answer in answers])

    def serve(self, wait_s: float) -> None:
        """Read and write what there is, waiting no longer than ``wait_s`` for it."""
        outcome = self._client.loop(wait_s)
        if self._ending:
            raise ConnectionEnded(self._ending)
        if outcome != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionEnded(mqtt.error_string(outcome))

    def send(self, verb: str, payload: bytes) -> None:
        """Publish to the shadow topic ``verb`` at QoS 1."""
        if self._client.publish(self._prefix + verb, payload, qos=1).rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.unacknowledged += 1

    def take_messages(self) -> list[tuple[str, bytes]]:
        """Return what came in since the last call, topics without the part that they share."""
        messages, self._messages = self._messages, []
        return messages

    def close(self) -> None:
        """Say good-bye if anybody is there."""
        self._client.disconnect()

    def _on_connect(
        self, _client: mqtt.Client, _user: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._ending = f"refused: {reason}"
        else:
            self._is_accepted = True

    def _on_disconnect(
        self, _client: mqtt.Client, _user: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._ending = self._ending or f"disconnected: {reason}"

    def _on_message(self, _client: mqtt.Client, _user: object, message: mqtt.MQTTMessage) -> None:
        self._messages.append((message.topic.removeprefix(self._prefix), bytes(message.payload)))

    def _on_publish(
        self, _client: mqtt.Client, _user: object, _packet_id: int, _reason: ReasonCode, _properties: object
    ) -> None:
        self.unacknowledged -= 1
