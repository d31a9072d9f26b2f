"""What ``cloudstead agent --archive`` does: register, then report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.app.agent.archive import ArchiveUnusable, bring_in
from cloudstead.app.agent.command import run_agent
from cloudstead.app.errors import CannotStart

if TYPE_CHECKING:
    from pathlib import Path

    from cloudstead.app.addresses import Address


def run_provisioned(
    archive: Path, *, folder: Path, address: Address | None, ca_file: Path | None, interval_s: float
) -> None:
    """Register as the device of the archive, unless that is done, and report as its thing."""
    try:
        registered = bring_in(archive, folder, should_stop=lambda: False)
    except ArchiveUnusable as error:
        raise CannotStart(str(error)) from None
    run_agent(
        registered.bundle,
        address=address or registered.address,
        ca_file=ca_file,
        thing_name=None,
        interval_s=interval_s,
        parent=None,
    )
