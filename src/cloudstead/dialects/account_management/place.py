"""Which account a call is about: the one that its path names, or the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.acting import acting_in
from cloudstead.core.ids import is_id

if TYPE_CHECKING:
    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.caller import Caller
    from cloudstead.core.unit import Unit
    from cloudstead.web.call import Call

_READ_METHODS: Final = frozenset({"GET", "HEAD"})


def reads(call: Call[Caller]) -> bool:
    """Tell whether the call changes nothing."""
    return call.method in _READ_METHODS


def acting(unit: Unit, call: Call[Caller]) -> Acting:
    """Return who acts in which account; raises what ``core.accounts.acting.acting_in`` raises."""
    return acting_in(unit, call.caller, call.path.get("account_id"), only_reads=reads(call))


def path_id(call: Call[Caller], name: str, missing: type[Exception]) -> str:
    """Return the id in the path; raise ``missing`` where it can be none, for then there is nothing of that name."""
    text = call.path[name]
    if not is_id(text):
        raise missing
    return text
