"""What a rule does, sealed: configurations and the signing secret are readable only while they are needed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.rules.model import Action, ActionType, Instructions

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.rules.model import Rule

_PURPOSE: Final = "rules/instructions"
_SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"


class _Content(msgspec.Struct):
    actions: list[tuple[str, dict[str, Any]]]
    signing_secret: str


class InstructionSeal:
    """Seals what rules do, and opens it again."""

    def __init__(self, sealer: Sealer, random_bytes: Callable[[int], bytes]) -> None:
        self._sealer = sealer
        self._random_bytes = random_bytes

    def new_secret(self) -> str:
        """Return a fresh secret for signing: 256 random bits, recognisable by what it begins with."""
        return _PREFIX + base64.urlsafe_b64encode(self._random_bytes(_SECRET_BYTES)).decode().rstrip("=")

    def seal(self, instructions: Instructions) -> bytes:
        """Return what a rule does, sealed."""
        content = _Content(
            [(action.type.value, action.config) for action in instructions.actions], instructions.signing_secret
        )
        return self._sealer.seal(msgspec.json.encode(content), _PURPOSE)

    def open(self, rule: Rule) -> Instructions:
        """Return what the rule does; raise ``SealBroken`` when it was sealed by another installation."""
        content = msgspec.json.decode(self._sealer.open(rule.sealed, _PURPOSE), type=_Content)
        actions = tuple(Action(ActionType(kind), config) for kind, config in content.actions)
        return Instructions(actions, content.signing_secret)
