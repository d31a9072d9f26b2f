"""Which engine makes which type of cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.clouds.model import CloudType
from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clouds.ports import Engine


class Engines:
    """The engines that this installation has; the first that names a type makes its clouds."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = {
            cloud_type: next((each for each in engines if cloud_type in each.types), None) for cloud_type in CloudType
        }

    @property
    def default_type(self) -> CloudType:
        """What a cloud is made as when nobody says: in AWS where that is set up, else on this installation."""
        return CloudType.LOCAL if self._engines[CloudType.DEDICATED] is None else CloudType.DEDICATED

    def of(self, cloud_type: CloudType) -> Engine:
        """Return the engine of a type; raise ``InvalidField`` where there is none."""
        engine = self._engines[cloud_type]
        if engine is None:
            hint = ": its operator has to name an AWS account first" if cloud_type is CloudType.DEDICATED else ""
            raise InvalidField("type", f"{cloud_type} clouds cannot be made on this installation{hint}")
        return engine
