"""The two switches of a cloud beside its state: ``enable`` is its owner's, ``suspended`` the operator's.

A disabled cloud answers no device; its people still come in. A suspended one answers nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.events import AccountStatusChanged
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.clouds.errors import CloudNotFound
from cloudstead.core.clouds.model import CloudState

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.registry import Clouds
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit


def set_suspended(
    unit: Unit, actor: Actor, clouds: Clouds, account_id: AccountId, cloud_id: CloudId, *, to: bool
) -> Cloud:
    """Suspend a cloud of any account, or let it go on; for the operator's administrators.

    Raise ``CloudNotFound``, also for whoever is not the operator: others see only clouds of their own.
    """
    operator = clouds.operator(unit)
    if operator is None or operator.id != actor.account_id or actor.only_cloud is not None:
        raise CloudNotFound
    before = unit.clouds.get(account_id, cloud_id)
    if before is None or before.state is CloudState.REMOVING:
        raise CloudNotFound
    after = clouds.put(unit, before, replace(before, suspended=to))
    if after is not before:
        clouds.trail.changed(unit, replace(actor.caller, account_id=account_id), "cloud.suspend", before, after)
    account = None if after.tenant_id is None else unit.accounts.get(after.tenant_id)
    if account is not None:
        put_status(unit, account, AccountStatus.SUSPENDED if to else AccountStatus.ACTIVE)
    return after


def tell_enabled(unit: Unit, before: Cloud, after: Cloud) -> None:
    """Let the devices of a cloud come again where the owner's switch was turned: they find what it is now."""
    if before.enabled is after.enabled or after.tenant_id is None:
        return
    account = unit.accounts.get(after.tenant_id)
    if account is not None:
        unit.emit(AccountStatusChanged(account.id, account.status, True))
