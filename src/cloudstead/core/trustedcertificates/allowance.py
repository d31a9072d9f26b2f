"""How many trusted certificates an account may have, developer certificates included."""

from __future__ import annotations

from typing import Final

FREE_LIMIT: Final = 10
COMMERCIAL_LIMIT: Final = 50
"""Account management, "Using your own certificate authority": 10 in the free tier, 50 for commercial accounts."""
