"""How agents of device clouds spell their topics, and what their messages say of the device ("Device clouds").

``ioto/device/ID/#``, ``ioto/account/all/#`` and ``ioto/account/ACCOUNT/#`` are to be heard, ``ioto/service/ID/...`` to
be said, there or below ``$aws/rules/NAME/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from cloudstead.core.ids import ThingName

_RULES: Final = "$aws/rules/"
_LONGEST_KEY: Final = 128


class AgentTopics:
    """The topics of one device; the account is called by its number."""

    __slots__ = ("_heard", "_service")

    def __init__(self, name: ThingName, number: str) -> None:
        self._service = f"ioto/service/{name}/"
        self._heard = (f"ioto/device/{name}/", "ioto/account/all/", f"ioto/account/{number}/")

    def said(self, topic: str) -> str | None:
        """Return what a message to the service is about, such as ``metric/set``; ``None`` for any other topic."""
        if topic.startswith(_RULES):
            _, _, topic = topic.removeprefix(_RULES).partition("/")
        return topic.removeprefix(self._service) or None if topic.startswith(self._service) else None

    def may_hear(self, topic_filter: str) -> bool:
        """Tell whether the device may use this filter."""
        return topic_filter.startswith(self._heard)


def update_of(what: str, payload: bytes) -> bytes | None:
    """Return the shadow update that a message to the service is; ``None`` for one that says nothing readable.

    ``store/set`` reports its key and value, ``metric/set`` its value below ``metrics``; of everything else the whole
    message is reported below the words of its topic.
    """
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    reported = _READERS.get(what, _whole(what))(said)
    return None if reported is None else msgspec.json.encode({"state": {"reported": reported}})


def _stored(said: Any) -> dict[str, Any] | None:
    key = said.get("key") if isinstance(said, dict) else None
    if not _is_key(key) or "value" not in said:
        return None
    return {str(key): said["value"]}


def _measured(said: Any) -> dict[str, Any] | None:
    name = said.get("metric") if isinstance(said, dict) else None
    if not _is_key(name) or not isinstance(said.get("value"), int | float):
        return None
    space = said.get("namespace")
    below: dict[str, Any] = {str(name): said["value"]}
    return {"metrics": {space: below} if isinstance(space, str) and _is_key(space) else below}


def _whole(what: str) -> Any:
    def read(said: Any) -> dict[str, Any] | None:
        steps = [step for step in what.split("/") if step]
        if not steps or not isinstance(said, dict):
            return None
        reported: Any = said
        for step in reversed(steps):
            reported = {step: reported}
        return {"service": reported}

    return read


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY and "." not in key


_READERS: Final = {"store/set": _stored, "metric/set": _measured}
