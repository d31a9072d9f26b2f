"""The demo's agent as a child process: a real client, outside of the server, kept alive and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

import structlog

from cloudstead.app.agent.backoff import Backoff

if TYPE_CHECKING:
    from pathlib import Path

_GOOD_BYE_S = 5.0  # the agent looks for its signal four times a second
_SETTLED_S = 60.0  # an agent that lived this long was started well


class AgentProcess:
    """Runs ``cloudstead agent`` and runs it again, with back-off, whenever it ends by itself."""

    def __init__(
        self,
        bundle: Path,
        *,
        mqtts: str,
        ca_file: Path,
        thing_name: str,
        interval_s: float,
        log_format: str,
        log_level: str,
    ) -> None:
        self._arguments = (
            *("agent", "--bundle", str(bundle), "--mqtts", mqtts, "--ca", str(ca_file), "--thing", thing_name),
            *("--interval", str(interval_s), "--log-format", log_format, "--log-level", log_level),
        )
        self._log = structlog.get_logger("cloudstead.app.agent_process")
        self._backoff = Backoff(first_s=1.0, most_s=30.0)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process now running, if any."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the agent and return as soon as its process exists."""
        self._process = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(self._process), name="agent-keeper")

    async def stop(self) -> None:
        """End the agent and return when it is gone."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeper
        self._keeper = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GOOD_BYE_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        while True:
            started = time.monotonic()
            code = await process.wait()
            self._process = None
            if time.monotonic() - started > _SETTLED_S:
                self._backoff.reset()
            wait_s = self._backoff.wait_s()
            self._log.warning("the agent ended", exit_code=code, restart_in_s=round(wait_s, 1))
            await asyncio.sleep(wait_s)
            self._process = process = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cloudstead.app", *self._arguments, "--parent", str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the server, which then ends the agent in good order.
            start_new_session=True,
        )
