"""One connection of a new cloud's self-test, by a real client of MQTT."""

from __future__ import annotations

import ssl
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from cloudstead.core.clouds.errors import EngineFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.app.addresses import Address
    from cloudstead.core.credentials.bundle import BundledThing

_WITHIN_S: Final = 10.0
_TURN_S: Final = 0.05


def try_line(listener: Address, thing: BundledThing, *, ca_file: Path, update: bytes) -> None:
    """Connect as a thing, send an update, and return when it was accepted; raise ``EngineFailed``. Blocks."""
    with tempfile.TemporaryDirectory(prefix="cloudstead-") as folder:
        certificate, key = Path(folder) / "cert.pem", Path(folder) / "key.pem"
        certificate.write_text(thing.certificate, encoding="ascii")
        key.write_text(thing.private_key, encoding="ascii")
        context = ssl.create_default_context(cafile=str(ca_file))
        context.load_cert_chain(certificate, key)
    line = _Line(thing.name, context, update)
    try:
        line.talk(listener)
    except OSError as error:  # includes every failure of the handshake
        raise EngineFailed(f"The self-test could not connect: {error}") from None
    finally:
        line.close()


class _Line:
    """One connection, from CONNECT to the accepted document."""

    def __init__(self, name: str, context: ssl.SSLContext, update: bytes) -> None:
        self._update = update
        self._prefix = f"$aws/things/{name}/shadow/update"
        self._is_in = self._is_subscribed = self._is_accepted = False
        self._ending = ""
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        client.tls_set_context(context)
        client.on_connect = self._connected
        client.on_disconnect = self._left
        client.on_subscribe = lambda *_: setattr(self, "_is_subscribed", True)
        client.on_message = lambda *_: setattr(self, "_is_accepted", True)

    def talk(self, listener: Address) -> None:
        self._client.connect(listener.host, listener.port, keepalive=30)
        self._until(lambda: self._is_in, "let in")
        self._client.subscribe(f"{self._prefix}/accepted", qos=1)
        self._until(lambda: self._is_subscribed, "subscribed")
        self._client.publish(self._prefix, self._update, qos=1)
        self._until(lambda: self._is_accepted, "answered")

    def close(self) -> None:
        self._client.disconnect()

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _WITHIN_S
        while not is_so():
            outcome = self._client.loop(_TURN_S)
            if self._ending or outcome != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise EngineFailed(f"The self-test ended before it was {what}: {self._ending or outcome}")
            if time.monotonic() > until:
                raise EngineFailed(f"The self-test was not {what} within {_WITHIN_S:g} seconds")

    def _connected(self, _client: object, _user: object, _flags: object, reason: object, _properties: object) -> None:
        if getattr(reason, "is_failure", True):
            self._ending = f"refused, {reason}"
        else:
            self._is_in = True

    def _left(self, _client: object, _user: object, _flags: object, reason: object, _properties: object) -> None:
        self._ending = self._ending or f"disconnected, {reason}"
