"""What ``cloudstead agent`` does: put the pieces together and run until told to stop."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import structlog

from cloudstead.app.agent.backoff import Backoff
from cloudstead.app.agent.bundle import BundleUnusable, read_bundle
from cloudstead.app.agent.device import Device
from cloudstead.app.agent.figures import Machine
from cloudstead.app.agent.parent import end_with_parent
from cloudstead.app.errors import CannotStart

if TYPE_CHECKING:
    from pathlib import Path

    from cloudstead.app.addresses import Address


def run_agent(
    bundle: Path,
    *,
    address: Address,
    ca_file: Path | None,
    thing_name: str | None,
    interval_s: float,
    parent: int | None,
) -> None:
    """Report this machine's figures as the bundle's thing until SIGINT or SIGTERM, or until ``parent`` is gone."""
    stopping = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if parent is not None and not end_with_parent(parent):
        return

    def should_stop() -> bool:
        return stopping or (parent is not None and os.getppid() != parent)

    try:
        identity = read_bundle(bundle, thing_name)
        tls = identity.tls_context(ca_file)
    except BundleUnusable as error:
        raise CannotStart(str(error)) from None
    device = Device(
        identity.thing_name,
        host=address.host,
        port=address.port,
        tls=tls,
        source=Machine(),
        interval_s=interval_s,
        backoff=Backoff(first_s=1.0, most_s=30.0),
        log=structlog.get_logger("cloudstead.agent").bind(thing=identity.thing_name),
        should_stop=should_stop,
    )
    device.run()
