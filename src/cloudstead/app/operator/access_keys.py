"""The operator's desk for access keys, with which people's programs sign AWS-style requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudstead.app.operator.asks import AccessKeyLine, AccessKeyList, AccessKeyMade, AccessKeyRemoved
from cloudstead.app.operator.desk import OperatorRefused, find_account, operator_in, utc
from cloudstead.app.operator.people import member_called
from cloudstead.core.credentials.access_keys import is_access_key_id
from cloudstead.core.ids import AccessKeyId, DomainId

if TYPE_CHECKING:
    from cloudstead.app.operator.asks import ListAccessKeys, MakeAccessKey, RemoveAccessKey
    from cloudstead.app.operator.desk import Desk
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.credentials.access_keys import AccessKey
    from cloudstead.core.people.model import Member
    from cloudstead.core.unit import Unit


async def make(desk: Desk, asked: MakeAccessKey) -> AccessKeyMade:
    """Make somebody an access key."""

    def write(unit: Unit) -> AccessKeyMade:
        account = find_account(unit, asked.account)
        member = member_called(unit, account, asked.user_name)
        made = desk.access_keys.create_for(
            unit,
            operator_in(account),
            member.person.id,
            domain_id=None if asked.domain is None else DomainId(asked.domain),
        )
        return AccessKeyMade(
            **_fields(made.key, member.person.user_name),
            account=account.name,
            account_number=account.number,
            region=desk.settings.public.region,
            secret=made.secret,
            obstacle=_obstacle(account, member),
        )

    return await desk.database.write(write)


async def list_of(desk: Desk, asked: ListAccessKeys) -> AccessKeyList:
    """Return the access keys of somebody."""

    def read(unit: Unit) -> AccessKeyList:
        account = find_account(unit, asked.account)
        person = member_called(unit, account, asked.user_name).person
        found = desk.access_keys.of(unit, operator_in(account), person.id)
        keys = [AccessKeyLine(**_fields(key, person.user_name)) for key in found]
        return AccessKeyList(account=account.name, account_number=account.number, keys=keys)

    return await desk.database.read(read)


async def remove(desk: Desk, asked: RemoveAccessKey) -> AccessKeyRemoved:
    """Let an access key open nothing any more; where no account is named, it may be of any."""

    def write(unit: Unit) -> AccessKeyRemoved:
        key_id = AccessKeyId(asked.id)
        key = unit.access_keys.get(key_id) if is_access_key_id(key_id) else None
        account = None if key is None else unit.accounts.get(key.account_id)
        if account is None or (asked.account is not None and find_account(unit, asked.account).id != account.id):
            raise OperatorRefused(f"There is no access key {asked.id!r}: see 'cloudstead access-key list'.")
        gone = desk.access_keys.remove_any(unit, operator_in(account), key_id)
        person = unit.people.get(gone.person_id)
        return AccessKeyRemoved(**_fields(gone, "" if person is None else person.user_name))

    return await desk.database.write(write)


def _fields(key: AccessKey, user_name: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "user_name": user_name,
        "domain": key.domain_id,
        "is_active": key.is_active,
        "created_at": utc(key.created_at_ms),
    }


def _obstacle(account: Account, member: Member) -> str | None:
    if not account.is_usable:
        return f"the account is {account.status.lower()}"
    if not member.person.may_enter:
        return "the user is disabled, or has not confirmed the mail address yet"
    return None if member.grants else "the user has no role and no domain yet"
