"""A person who listens to live topics over a WebSocket."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as mqtt

from journeys.mqtt_user import MqttUser

if TYPE_CHECKING:
    from factories.demo import Demo


class Watcher(MqttUser):
    """A person at a browser, with a bearer token; ``scheme`` says whether the WebSocket runs over TLS."""

    def __init__(self, demo: Demo, token: str, *, scheme: str = "http", level: int = mqtt.MQTTv311) -> None:
        super().__init__(demo.new_name("watcher"), level=level, transport="websockets")
        self._address = demo.web(scheme)
        self.client.ws_set_options("/mqtt", {"Authorization": f"Bearer {token}"})
        if scheme == "https":
            self.client.tls_set_context(ssl.create_default_context(cafile=demo.ca_file))

    def __enter__(self) -> Self:
        self.connect(self._address)
        return self
