"""What is loaded before anybody waits for it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, sys
from cloudstead.delivery.webhooks import warm_up

async def main():
    assert "anyio._backends._asyncio" not in sys.modules
    await warm_up()
    assert {"anyio._backends._asyncio", "anyio._core._sockets", "encodings.idna"} <= sys.modules.keys()

asyncio.run(main())
"""


def test_the_first_request_finds_everything_loaded():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
