"""The load of ``_mqtt_load.py`` at an even pace and without end, measured in windows that whoever drives it opens.

Reads one ``Plan`` in the first line of standard input and says ``ready`` when all devices send. For each further line,
a number of seconds, it measures for so long and writes one ``Window``. So what is compared is measured on the same
connections, in turns.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time

import msgspec
import uvloop

from _mqtt_load import Load, Plan


class Window(msgspec.Struct):
    """What came of it in one window; latencies are PUBACKs', in milliseconds, in order."""

    updates: int
    skipped: int
    seconds: float
    cpu_s: float
    latencies_ms: list[float]


class EndlessLoad(Load):
    """Sends until standard input ends."""

    async def run_windows(self) -> None:
        """Connect, send, and measure when asked."""
        await self.connect()
        gc.collect()
        gc.freeze()
        gc.disable()  # a pause here would count as one of the server's
        pacer = asyncio.create_task(self.pace())
        await asyncio.sleep(self.plan.warm_up_s)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.buffer.write(msgspec.json.encode(await self._window(float(line))) + b"\n")
            sys.stdout.buffer.flush()
        pacer.cancel()

    async def _window(self, seconds: float) -> Window:
        self.latencies.clear()
        answers, skipped = self.answers, self.skipped
        begin, cpu_begin = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        return Window(
            updates=self.answers - answers,
            skipped=self.skipped - skipped,
            seconds=time.perf_counter() - begin,
            cpu_s=time.process_time() - cpu_begin,
            latencies_ms=[1e3 * each for each in sorted(self.latencies)],
        )


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.readline(), type=Plan)
    uvloop.run(EndlessLoad(plan).run_windows())


if __name__ == "__main__":
    main()
