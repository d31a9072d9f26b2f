"""What jobs need from storage, and whoever performs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.jobs.model import Done, Failed, Job


class JobStore(Protocol):
    """Jobs and their attempts."""

    def add(self, jobs: Sequence[Job]) -> None:
        """Insert jobs; they run once the transaction is committed."""
        ...


class Performer(Protocol):
    """Does the jobs of one kind. A job may come twice: after a crash between the doing and the noting."""

    @property
    def kind(self) -> str:
        """Which jobs are for it."""
        ...

    async def perform(self, job: Job) -> Done | Failed:
        """Do the job; what is raised counts as a failure that may be tried again."""
        ...
