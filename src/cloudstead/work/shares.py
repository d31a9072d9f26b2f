"""How many jobs of a kind are being done for whom, so that what hangs for somebody leaves room for the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudstead.core.jobs.model import Job


class Shares:
    """Counts by account, and within an account by what caused the jobs: one dead receiver must not hold up another."""

    def __init__(self, *, of_account: int, of_cause: int) -> None:
        self._of_account = of_account
        self._of_cause = of_cause
        self._accounts: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()

    def begin(self, job: Job) -> None:
        """Count a job that begins."""
        self._accounts[job.account_id] += 1
        if job.whose is not None:
            self._causes[job.whose] += 1

    def end(self, job: Job) -> None:
        """Count a job that has ended."""
        _less(self._accounts, job.account_id)
        if job.whose is not None:
            _less(self._causes, job.whose)

    def sated(self) -> list[str]:
        """Return those that have all they may have: accounts by their ids, causes as ``Job.whose`` has them."""
        return [name for name, busy, most in self._all() if busy >= most]

    def left(self) -> int:
        """Return how many more may begin, whosever they are but those of the sated: all could be of the busiest."""
        left = (most - busy for _, busy, most in self._all() if busy < most)
        return min(self._of_account, self._of_cause, *left)

    def _all(self) -> Iterator[tuple[str, int, int]]:
        for counter, most in ((self._accounts, self._of_account), (self._causes, self._of_cause)):
            for name, busy in counter.items():
                yield name, busy, most


def _less(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
