import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudstead.log import CommitLog

HERE = Path(__file__).parent
# More rounds: CLOUDSTEAD_CRASH_ROUNDS=200, or `python tests/crash/log/kill.py 200`.
ROUNDS = int(os.environ.get("CLOUDSTEAD_CRASH_ROUNDS", "5"))


def test_what_was_acknowledged_survives_a_kill_at_any_moment():
    output = subprocess.run(
        [sys.executable, HERE / "kill.py", str(ROUNDS)], capture_output=True, text=True, check=False
    )
    assert output.returncode == 0, output.stdout + output.stderr
    assert "lost=0, removed_early=0, changed=0" in output.stdout


# The batch that fails lacks about a fifth, nearly all, and one byte of its 260; a record of 29 bytes still fits.
@pytest.mark.parametrize("limit_bytes", [3000, 4123, 4351])
def test_a_full_disk_loses_nothing_shows_nothing_half_and_is_overcome(tmp_path, limit_bytes):
    output = subprocess.run(
        [sys.executable, HERE / "filler.py", tmp_path, str(limit_bytes)], capture_output=True, text=True, check=True
    )
    found = json.loads(output.stdout)
    stored = found["stored"]
    assert stored > 50
    assert found["failures"] == ["File too large"] * 2
    assert found["visible"] == stored
    assert (found["smaller"], found["larger"]) == (stored + 1, stored + 2)
    with CommitLog.open(tmp_path) as log:
        payloads = [payload for _, payload in log.read(1, max_records=1 << 20, max_bytes=1 << 30)]
    assert payloads == [
        *(b"record %d" % i for i in range(1, stored + 1)),
        b"a smaller one",
        *[b"the rest"] * 10,
    ]
