"""What every test has: deterministic property tests, and the servers that some of them need."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples on every run, however slow the machine: a suite that fails must fail again.
settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("suite")

pytest_plugins = ["factories.postgres"]
