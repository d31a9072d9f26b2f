"""Memory given back after many have left: glibc keeps what thousands of TLS connections had until it is asked."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def find_trim() -> Callable[[], None] | None:
    """Return a call that gives freed memory back to the system; ``None`` where the C library has none (musl)."""
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    malloc_trim.argtypes = (ctypes.c_size_t,)
    malloc_trim.restype = ctypes.c_int

    def trim() -> None:
        malloc_trim(0)

    return trim
