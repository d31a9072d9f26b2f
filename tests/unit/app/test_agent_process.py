from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from cloudstead.app.agent_process import AgentProcess
from factories.small_cloud import make_bundle, small_cloud

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_bundle(tmp_path)
    return tmp_path


def agent_of(folder: Path, port: int) -> AgentProcess:
    return AgentProcess(
        folder,
        mqtts=f"127.0.0.1:{port}",
        ca_file=folder / "ca.pem",
        thing_name="lamp",
        interval_s=0.2,
        log_format="json",
        log_level="error",
    )


async def test_the_agent_reports_from_a_process_of_its_own_until_it_is_stopped(folder: Path) -> None:
    async with small_cloud(folder) as cloud:
        agent = agent_of(folder, cloud.port)
        await agent.start()
        pid = agent.pid
        report = await cloud.next_report()
        await agent.stop()

    assert "host" in report
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_an_agent_that_dies_is_started_again(folder: Path) -> None:
    async with small_cloud(folder) as cloud:
        agent = agent_of(folder, cloud.port)
        await agent.start()
        await cloud.next_report()
        psutil.Process(agent.pid).kill()
        async with asyncio.timeout(20):
            while "host" not in await cloud.next_report():
                pass
        await agent.stop()


async def test_stopping_twice_is_stopping_once(folder: Path) -> None:
    async with small_cloud(folder) as cloud:
        agent = agent_of(folder, cloud.port)
        await agent.start()
        await agent.stop()
        await agent.stop()


async def test_an_agent_ends_with_a_server_that_was_killed(folder: Path) -> None:
    async with small_cloud(folder) as cloud:
        code = (
            "import asyncio, pathlib, sys; from cloudstead.app.agent_process import AgentProcess\n"
            "folder = pathlib.Path(sys.argv[1])\n"
            "async def main():\n"
            "    agent = AgentProcess(folder, mqtts=sys.argv[2], ca_file=folder / 'ca.pem', thing_name='lamp',\n"
            "                         interval_s=1.0, log_format='json', log_level='error')\n"
            "    await agent.start()\n"
            "    print(agent.pid, flush=True)\n"
            "    await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(folder), f"127.0.0.1:{cloud.port}", stdout=subprocess.PIPE
        )
        assert server.stdout is not None
        agent = psutil.Process(int(await server.stdout.readline()))
        await cloud.next_report()
        server.kill()
        await server.wait()
        await asyncio.to_thread(psutil.wait_procs, [agent], 10)

    assert not agent.is_running()
