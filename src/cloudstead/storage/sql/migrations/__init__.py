"""Migrations: the numbered steps that bring a store to the schema of this release.

They run when the store is opened. A step never uses ``storage.sql.tables``: those show today's schema, a step makes
the schema of its day.

``env``       how Alembic runs a step: on the connection that it is given
``versions``  the steps, ``NNNN_what.py``
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudstead.storage.sql.errors import SchemaTooNew

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD: Final = "0019"
"""The number of the last step, so that opening an up-to-date store need not load Alembic."""

FOLDER: Final = Path(__file__).parent
VERSION_QUERY: Final = "SELECT version_num FROM alembic_version"


class Migrations:
    """The steps in one folder, up to the one numbered ``head``."""

    def __init__(self, folder: Path = FOLDER, head: str = HEAD) -> None:
        self.folder = folder
        self.head = head

    def are_pending(self, version: str | None) -> bool:
        """Tell whether a store of that version needs steps; raise ``SchemaTooNew`` when this release is the older."""
        if version is not None and version > self.head:
            raise SchemaTooNew(version, self.head)
        return version != self.head

    def run(self, connection: Connection) -> None:
        """Run the missing steps inside the connection's transaction."""
        from alembic import command  # noqa: PLC0415 (takes 0.1 s, and most starts run no step)
        from alembic.config import Config  # noqa: PLC0415

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, self.head)
