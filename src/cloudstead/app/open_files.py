"""How many files and connections the process may have open."""

from __future__ import annotations

import resource
from typing import Final

_MOST: Final = 1 << 20
"""What the kernel allows at most unless it was built or told otherwise (``fs.nr_open``)."""


def most_open_files() -> int:
    """Return the limit that ``raise_open_files`` brings a server to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft, _MOST) if hard == resource.RLIM_INFINITY else hard


def raise_open_files() -> None:
    """Raise the soft limit to the hard one, as everybody may.

    The soft one is low for the sake of programs that use ``select``, which cannot go beyond 1024; none of ours does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft not in {hard, resource.RLIM_INFINITY}:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_open_files(), hard))
