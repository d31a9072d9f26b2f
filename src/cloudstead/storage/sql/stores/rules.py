"""Rules, how often they were hit, and how far the log has been looked at for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, null, select

from cloudstead.core.rules.errors import RuleIdTaken
from cloudstead.core.rules.model import Expression, Filter, Operator, Rule, RuleUid, Threshold
from cloudstead.core.rules.ports import StateKey
from cloudstead.core.rules.thresholds import ThresholdState
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, adding_if_free, putting, replacing
from cloudstead.storage.sql.tables import checkpoints, things
from cloudstead.storage.sql.tables_jobs import jobs
from cloudstead.storage.sql.tables_rules import rule_refusals, rule_states, rules

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.sql.base import Executable

    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.rules.model import RuleId
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction

_CHECKPOINT: Final = "rules"


def _counting_refusals(words: Words) -> Executable:
    insert = words.insert(rule_refusals)
    more = {"refused": rule_refusals.c.refused + insert.excluded.refused}
    return insert.on_conflict_do_update(index_elements=["rule_uid"], set_=more)


_ADD = adding_if_free(rules)
_REPLACE = replacing(rules, "uid")
_REMOVE = Statement(
    lambda _: (
        rules.delete().where(rules.c.account_id == bindparam("account_id")).where(rules.c.uid == bindparam("uid"))
    ),
    "account_id",
    "uid",
)
_GET = Statement(
    lambda _: select(rules).where(rules.c.account_id == bindparam("account_id")).where(rules.c.id == bindparam("id")),
    "account_id",
    "id",
)
_ALL = Statement(
    lambda _: select(rules).where(rules.c.account_id == bindparam("account_id")).order_by(rules.c.id), "account_id"
)
_COUNT = Statement(
    lambda _: select(func.count()).select_from(rules).where(rules.c.account_id == bindparam("account_id")),
    "account_id",
)
_ENABLED = Statement(lambda _: select(rules).where(rules.c.is_enabled).order_by(rules.c.uid))
_GET_CHECKPOINT = Statement(
    lambda _: select(checkpoints.c.offset).where(checkpoints.c.name == bindparam("name")), "name"
)
_PUT_CHECKPOINT = putting(checkpoints, "name")
_DROP_STATES = Statement(lambda _: rule_states.delete().where(rule_states.c.rule_uid == bindparam("uid")), "uid")
_STATES_OF = Statement(
    lambda _: select(rule_states.c.rule_uid, rule_states.c.hits, rule_states.c.last_run_ms).where(
        rule_states.c.thing_uid == bindparam("uid")
    ),
    "uid",
)
_STATES = Statement(lambda words: select(rule_states).where(words.any_of(rule_states.c.key, "keys")), "keys")
_PUT_STATE = putting(rule_states, "key")
_KNOWN_RULES = Statement(lambda words: select(rules.c.uid).where(words.any_of(rules.c.uid, "uids")), "uids")
_KNOWN_THINGS = Statement(lambda words: select(things.c.uid).where(words.any_of(things.c.uid, "uids")), "uids")
_WAITING = Statement(
    lambda words: (
        select(jobs.c.cause, func.count())
        .where(jobs.c.account_id == bindparam("account_id"))
        .where(words.any_of(jobs.c.cause, "causes"))
        .where(jobs.c.finished_at_ms.is_(null()))
        .group_by(jobs.c.cause)
    ),
    "account_id",
    "causes",
)
_ADD_REFUSED = Statement(_counting_refusals, "rule_uid", "refused")
_REFUSED = Statement(
    lambda _: select(rule_refusals.c.refused).where(rule_refusals.c.rule_uid == bindparam("uid")), "uid"
)


class SqlRules:
    """Rules (``core.rules.ports.RuleStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, rule: Rule) -> None:
        """Insert a rule; raise ``RuleIdTaken``."""
        if not self._transaction.change(_ADD, *_values(rule)):
            raise RuleIdTaken(rule.id)

    def replace(self, rule: Rule) -> None:
        """Write all columns of a rule."""
        self._transaction.change(_REPLACE, *_values(rule))

    def remove(self, account_id: AccountId, uid: RuleUid) -> None:
        """Delete a rule with its threshold states."""
        self._transaction.change(_REMOVE, account_id, uid)

    def get(self, account_id: AccountId, rule_id: RuleId) -> Rule | None:
        """Return the rule with that id."""
        row = self._transaction.row(_GET, account_id, rule_id)
        return None if row is None else _rule(row)

    def all(self, account_id: AccountId) -> Sequence[Rule]:
        """Return the account's rules, ordered by id."""
        return [_rule(row) for row in self._transaction.rows(_ALL, account_id)]

    def count(self, account_id: AccountId) -> int:
        """Return how many rules the account has."""
        return _number(self._transaction.row(_COUNT, account_id))

    def drop_states(self, uid: RuleUid) -> None:
        """Forget the threshold states of a rule: it waits for something else from now on."""
        self._transaction.change(_DROP_STATES, uid)

    def states_of(self, thing_uid: ThingUid) -> Mapping[RuleUid, ThresholdState]:
        """Return the threshold states of a thing."""
        return {uid: ThresholdState(*state) for uid, *state in self._transaction.rows(_STATES_OF, thing_uid)}

    def refused(self, uid: RuleUid) -> int:
        """Return how many deliveries of the rule were refused, since too many waited or they were too long."""
        return _number(self._transaction.row(_REFUSED, uid))

    def enabled(self) -> Sequence[Rule]:
        """Return the enabled rules of every account."""
        return [_rule(row) for row in self._transaction.rows(_ENABLED)]

    def offset(self) -> int:
        """Return the offset of the log up to which hits are stored; 0 at the beginning."""
        return _number(self._transaction.row(_GET_CHECKPOINT, _CHECKPOINT))

    def set_offset(self, offset: int) -> None:
        """Move that offset on, in the same transaction as the hits."""
        self._transaction.change(_PUT_CHECKPOINT, _CHECKPOINT, offset)

    def known(self, uids: Collection[RuleUid]) -> Collection[RuleUid]:
        """Return those of these rules that there are. One query."""
        return {RuleUid(uid) for uid in self._known(_KNOWN_RULES, uids)}

    def states(self, keys: Collection[StateKey]) -> Mapping[StateKey, ThresholdState]:
        """Return the states that there are. One query."""
        rows = self._transaction.rows(_STATES, [_key(key) for key in keys])
        return {StateKey(rule, thing): ThresholdState(hits, last) for _, rule, thing, hits, last in rows}

    def save_states(self, states: Mapping[StateKey, ThresholdState]) -> None:
        """Insert or replace states; those whose rule or thing is gone are passed over."""
        rule_uids = self._known(_KNOWN_RULES, {key.rule_uid for key in states})
        thing_uids = self._known(_KNOWN_THINGS, {key.thing_uid for key in states})
        self._transaction.change_each(
            _PUT_STATE,
            [
                (_key(key), *key, *state)
                for key, state in states.items()
                if key.rule_uid in rule_uids and key.thing_uid in thing_uids
            ],
        )

    def waiting(self, account_id: AccountId, causes: Collection[str]) -> Mapping[str, int]:
        """Return how many jobs of each of these causes are not finished. One query."""
        return {cause: int(count) for cause, count in self._transaction.rows(_WAITING, account_id, list(causes))}

    def add_refused(self, counts: Mapping[RuleUid, int]) -> None:
        """Count deliveries that were refused; of a rule that is gone, nothing."""
        known = self._known(_KNOWN_RULES, counts)
        self._transaction.change_each(_ADD_REFUSED, [(uid, count) for uid, count in counts.items() if uid in known])

    def _known(self, statement: Statement, uids: Collection[str]) -> set[str]:
        return {row[0] for row in self._transaction.rows(statement, list(uids))}


def _number(row: Sequence[Any] | None) -> int:
    return 0 if row is None else int(row[0])


def _key(key: StateKey) -> str:
    return f"{key.rule_uid}{key.thing_uid}"


def _values(rule: Rule) -> tuple[object, ...]:
    return (
        rule.uid,
        rule.account_id,
        rule.id,
        rule.name,
        rule.description,
        rule.is_enabled,
        rule.filter.domain_id,
        rule.filter.thing_type,
        to_text(rule.filter.thing_names),
        rule.expression.operator.value,
        rule.expression.resource,
        to_text(rule.expression.value),
        rule.threshold.count,
        rule.threshold.interval_ms,
        rule.sealed,
        rule.since_offset,
        rule.created_at_ms,
    )


def _rule(row: Sequence[Any]) -> Rule:
    uid, account_id, rule_id, name, description, is_enabled, domain_id, thing_type, thing_names, *more = row
    operator, resource, value, count, interval_ms, sealed, since_offset, created_at_ms = more
    return Rule(
        account_id=account_id,
        uid=uid,
        id=rule_id,
        name=name,
        description=description,
        is_enabled=bool(is_enabled),
        filter=Filter(domain_id, thing_type, tuple(from_text(thing_names))),
        expression=Expression(Operator(operator), resource, from_text(value)),
        threshold=Threshold(count, interval_ms),
        sealed=bytes(sealed),
        since_offset=since_offset,
        created_at_ms=created_at_ms,
    )
