"""What thing types learn from shadows: which resources there are and which type of value they hold.

Named as rules name them (Cloud Connect 2.11, section 6.1): ``temp`` of a thing; ``pump.temp`` of a sub-thing that says
``"type": "pump"``, or has said so before; ``untyped.temp`` of one that never did.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.ids import AccountId, ThingTypeId

MAX_RESOURCES: Final = 1_000
"""Resources kept for one thing type; a device that invents names must not grow it without end."""

_JSON_TYPES: Final = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}

_FORMS_KEPT: Final = 64  # of one thing type; its things report in a few
_Form = tuple[tuple[str, ...], tuple[type, ...]]

Resources = dict[str, dict[str, str]]


def resources_of(reported: dict[str, Any], whole: Mapping[str, Any]) -> dict[str, str]:
    """Return resource name -> JSON type of everything that an update reports; nulls say nothing.

    ``whole`` is all that is reported once the update is merged: devices say the type of a sub-thing once, not always.
    """
    found: dict[str, str] = {}
    for key, value in reported.items():
        if type(value) is dict:
            merged = whole.get(key)
            kind = merged.get("type") if type(merged) is dict else None
            prefix = kind if type(kind) is str and kind else "untyped"
            for name, below in value.items():
                if name != "type" and below is not None:
                    found[f"{prefix}.{name}"] = _JSON_TYPES.get(type(below), "object")
        elif value is not None:
            found[key] = _JSON_TYPES[type(value)]
    return found


def that_fit(news: Resources, known: Mapping[str, object]) -> Resources:
    """Return what of the news may be added to the resources of a type: all that is known, and new ones up to the limit.

    Memory begins anew with every start, so the limit is kept against what is stored.
    """
    room = MAX_RESOURCES - len(known)
    new = set(islice((name for name in news if name not in known), max(0, room)))
    return {name: resource for name, resource in news.items() if name in known or name in new}


class ResourceMemory:
    """Remembers what was learnt already, so that only news is written to the state store."""

    def __init__(self) -> None:
        self._known: dict[tuple[AccountId, ThingTypeId], dict[str, str]] = {}
        self._news: dict[tuple[AccountId, ThingTypeId], Resources] = {}
        # Forms of updates that bring no news: names and types of their values, none of which is an object.
        self._forms: dict[tuple[AccountId, ThingTypeId], set[_Form]] = {}

    def learn(
        self, account_id: AccountId, thing_type: ThingTypeId, reported: dict[str, Any], whole: Mapping[str, Any]
    ) -> None:
        """Take note of what an update reports; ``whole`` is all that is reported once it is merged."""
        key = (account_id, thing_type)
        form = (tuple(reported), tuple(map(type, reported.values())))
        forms = self._forms.get(key)
        if forms is None:
            forms = self._forms[key] = set()
        elif form in forms:
            return
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = {}
        is_news = False
        for name, kind in resources_of(reported, whole).items():
            if known.get(name) != kind and (name in known or len(known) < MAX_RESOURCES):
                known[name] = kind
                is_news = True
                self._news.setdefault(key, {})[name] = {"type": kind}

        if is_news or len(forms) >= _FORMS_KEPT:
            forms.clear()  # what brought no news before may bring some now: a value that has changed its type
        elif dict not in form[1]:
            forms.add(form)

    def take_news(self) -> dict[tuple[AccountId, ThingTypeId], Resources]:
        """Return what was learnt since the last call."""
        news, self._news = self._news, {}
        return news

    def give_back(self, news: dict[tuple[AccountId, ThingTypeId], Resources]) -> None:
        """Take back news that could not be written."""
        for key, resources in news.items():
            self._news[key] = resources | self._news.get(key, {})

    def forget(self, account_id: AccountId, thing_type: ThingTypeId) -> None:
        """Learn the type anew: it was removed, or its resources were edited."""
        self._known.pop((account_id, thing_type), None)
        self._forms.pop((account_id, thing_type), None)
