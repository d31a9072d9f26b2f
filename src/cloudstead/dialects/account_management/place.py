"""Which account a call is about: the one that its path names, or the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.acting import acting_in

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
