from __future__ import annotations

import resource
import subprocess
import sys

from cloudstead.app.open_files import most_open_files

_LOW = """
import resource
from cloudstead.app.open_files import raise_open_files
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
raise_open_files()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_a_low_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    # In a process of its own, since the limit would stay.
    told = subprocess.run([sys.executable, "-c", _LOW], capture_output=True, text=True, check=True).stdout

    assert int(told) == most_open_files()
    assert most_open_files() >= resource.getrlimit(resource.RLIMIT_NOFILE)[0]
