from __future__ import annotations

from factories.demo import demo
from journeys.aws_user import administrator, nora, ron, stranger

__all__ = ["administrator", "demo", "nora", "ron", "stranger"]
