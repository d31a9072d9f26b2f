"""Dying with the process that started us: an agent that outlives its server would report to nobody for ever."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(pid: int) -> bool:
    """Ask the kernel for SIGTERM when the parent dies; return whether ``pid`` still is our parent.

    Set by the child itself: between fork and exec of a process with threads only async-signal-safe calls are allowed,
    and loading ctypes is none. The parent may have died before the call, which is why the answer matters. Where there
    is no such call (macOS, BSD) the answer is all there is: ask again from time to time.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    return os.getppid() == pid
