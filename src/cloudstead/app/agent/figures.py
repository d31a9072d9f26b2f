"""What a machine says about itself: facts that stay and figures that move, in the form of a shadow's reported state."""

from __future__ import annotations

import os
import platform
import time
from typing import Any

import psutil

_WARM = ("coretemp", "k10temp", "cpu_thermal", "zenpower", "acpitz")  # sensors of processors, best first


_MOVING = ("cpu", "memory", "disk", "network")


class Machine:
    """Reads this machine. Rates are per second since the reading before, so one object serves one reader."""

    def __init__(self, disk: str = "/") -> None:
        self._disk = disk
        self._network = (time.monotonic(), *_network_bytes())
        psutil.cpu_percent()  # the first answer of psutil has nothing to compare with and is always 0.0

    def facts(self) -> dict[str, Any]:
        """Return what does not change while the machine runs, and of which type each part is.

        Learnt resources are named by the types: ``cpu.percent``, not ``untyped.percent``.
        """
        return {
            **{part: {"type": part} for part in _MOVING},
            "host": {
                "type": "host",
                "name": platform.node(),
                "system": platform.system(),
                "kernel": platform.release(),
                "architecture": platform.machine(),
                "cores": psutil.cpu_count() or 1,
                "memory_bytes": psutil.virtual_memory().total,
                "disk_bytes": psutil.disk_usage(self._disk).total,
                "booted_at": int(psutil.boot_time()),
            },
        }

    def figures(self) -> dict[str, Any]:
        """Return what moves. Costs about a millisecond."""
        load_1m, load_5m, load_15m = os.getloadavg()
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(self._disk)
        now, received, sent = time.monotonic(), *_network_bytes()
        before, received_before, sent_before = self._network
        self._network = (now, received, sent)
        elapsed = max(now - before, 0.001)
        figures = {
            "cpu": {
                "percent": psutil.cpu_percent(),
                "load_1m": round(load_1m, 2),
                "load_5m": round(load_5m, 2),
                "load_15m": round(load_15m, 2),
            },
            "memory": {"percent": memory.percent, "used_bytes": memory.total - memory.available},
            "disk": {"percent": disk.percent, "used_bytes": disk.used},
            "network": {
                # A counter that went back belongs to an interface that was taken away.
                "in_bytes_s": round(max(received - received_before, 0) / elapsed),
                "out_bytes_s": round(max(sent - sent_before, 0) / elapsed),
            },
            "uptime_s": int(time.time() - psutil.boot_time()),
        }
        temperature = _processor_temperature()
        if temperature is not None:
            figures["temperature_c"] = temperature
        return figures


def _network_bytes() -> tuple[int, int]:
    # By interface, because the sum over none (a container without a network) is not the 0 that it ought to be.
    counters = psutil.net_io_counters(pernic=True).values()
    return sum(one.bytes_recv for one in counters), sum(one.bytes_sent for one in counters)


def _processor_temperature() -> float | None:
    """Return degrees Celsius, ``None`` on machines that do not tell (most virtual ones)."""
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    sensors = psutil.sensors_temperatures()
    for name in (*_WARM, *sensors):
        for reading in sensors.get(name, ()):
            if reading.current > 0:
                return round(float(reading.current), 1)
    return None
