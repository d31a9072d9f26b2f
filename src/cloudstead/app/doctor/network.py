"""Whether the listeners answer, or could be had."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from cloudstead.app.doctor.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudstead.app.addresses import Address
    from cloudstead.app.settings import Settings

_ANSWER_WITHIN_S = 3.0


def examine(settings: Settings, *, is_running: bool) -> Iterator[Finding]:
    """Look at every listener that is on."""
    listeners = {"http": settings.http, "https": settings.https, "mqtts": settings.mqtts, "mqtt": settings.mqtt}
    for name, listener in listeners.items():
        address = listener.bind
        if address is None or address.port == 0:
            continue
        yield _answers(name, address) if is_running else _is_free(name, address)


def _answers(name: str, address: Address) -> Finding:
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to knock when all interfaces listen
    try:
        with socket.create_connection((wildcard.get(address.host, address.host), address.port), _ANSWER_WITHIN_S):
            return Finding(name, State.GOOD, f"{address} answers")
    except OSError as error:
        advice = "The server runs with another address: give the doctor the same --config and environment."
        return Finding(name, State.WRONG, f"{address}: {error.strerror or error}", advice)


def _is_free(name: str, address: Address) -> Finding:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            advice = f"End what uses it, or set {name}.address to another one (--{name} of serve and demo)."
            return Finding(name, State.WRONG, f"{address}: {error.strerror or error}", advice)
    return Finding(name, State.GOOD, f"{address} is free")
