"""RuleLambda, where it succeeds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cloudstead.core.jobs.model import Attempt, Job
from cloudstead.core.paging import PageRequest
from factories.coverage import covers
from factories.rules import URL, WIRE_RULE

SECRETS = {"Authorization": "Bearer 1", "X-Api-Key": "k", "X-Plain": "shown"}
HIDDEN = {"Authorization": "(hidden)", "X-Api-Key": "(hidden)", "X-Plain": "shown"}
DEFINED = {"id", "name", "description", "enabled", "filter", "expression", "actions", "threshold", "readonly"}


def webhook(**config):
    return [{"type": "WEBHOOK", "config": {"url": URL, **config}}]


async def audited(world):
    page = await world.tenant.database.read(
        lambda unit: unit.audit.page(world.tenant.account.id, PageRequest(1000, descending=True))
    )
    return page.items


@covers("RuleLambda.CREATE", "success")
async def test_a_new_rule_has_the_next_number_and_shows_its_secret_once(world):
    made = (await world.call("RuleLambda.CREATE", world.writer, **WIRE_RULE)).ok()
    secret = made.pop("signingSecret")

    assert made == {
        "id": "00000001",
        **WIRE_RULE,
        "threshold": {"count": 0, "interval": 0},
        "readonly": False,
    }
    assert secret.startswith("whsec_")
    assert len(secret) == 49
    got = await world.call("RuleLambda.GET", world.writer, id="00000001")
    assert got.ok() == made
    assert secret not in json.dumps((await world.call("RuleLambda.LIST", world.writer)).ok())


async def test_numbers_pass_over_ids_that_are_taken_and_carry_the_name_of_the_stack(world):
    account = replace(world.tenant.account, stack="dev")
    await world.tenant.database.write(lambda unit: unit.accounts.replace(account))
    await world.call("RuleLambda.CREATE", world.writer, **WIRE_RULE, id="dev-00000001")
    made = await world.call("RuleLambda.CREATE", world.writer, **WIRE_RULE)

    assert made.ok()["id"] == "dev-00000002"


async def test_everything_that_was_given_is_shown(world):
    given = {
        "id": 490,
        "name": "All",
        "description": "d",
        "enabled": "false",
        "filter": {"domain": "fjord", "thingType": "type-north", "thingNames": ["a", 5, "a"]},
        "expression": {"operator": "eq", "resource": "pump.temp", "value": None},
        "actions": [
            {"type": "WEBHOOK", "config": {"url": "https://h.example/${rule.id}", "method": "put", "mine": [1]}},
            {"type": "MAIL", "config": {"to": ["a@b.example", "${x}"], "subject": "s ${y}", "text": "t"}},
        ],
        "threshold": {"count": 3, "interval": 1000},
    }
    made = (await world.call("RuleLambda.CREATE", world.writer, **given)).ok()
    given["filter"]["thingNames"] = ["a", "5"]

    assert {name: made[name] for name in given} == {**given, "id": "490", "enabled": False}
    assert set(made) == DEFINED | {"signingSecret"}


@covers("RuleLambda.GET", "success")
async def test_a_rule_above_can_be_seen_and_is_read_only(world):
    assert (await world.call("RuleLambda.GET", world.reader, id="rule-root")).ok()["readonly"] is True
    assert (await world.call("RuleLambda.GET", world.reader, id="rule-north")).ok()["readonly"] is False


@covers("RuleLambda.LIST", "success")
async def test_a_list_is_a_bare_array_of_the_rules_of_the_subtree_and_above(world):
    await world.call(
        "RuleLambda.CREATE", world.writer, **{**WIRE_RULE, "filter": {"domain": "fjord", "thingType": "type-north"}}
    )
    listed = (await world.call("RuleLambda.LIST", world.reader)).ok()

    assert [(each["id"], each["readonly"]) for each in listed] == [
        ("00000001", False),
        ("rule-north", False),
        ("rule-root", True),
    ]
    assert all(set(each) <= DEFINED for each in listed)


@covers("RuleLambda.UPDATE", "success")
async def test_an_update_puts_the_whole_definition_in_place(world):
    first = {**WIRE_RULE, "description": "d", "threshold": {"count": 5}}
    await world.call("RuleLambda.UPDATE", world.writer, **first, id="rule-north")
    changed = (await world.call("RuleLambda.UPDATE", world.writer, **WIRE_RULE, id="rule-north")).ok()

    assert "description" not in changed
    assert "signingSecret" not in changed
    assert changed["threshold"] == {"count": 0, "interval": 0}
    assert (await world.call("RuleLambda.GET", world.writer, id="rule-north")).ok() == changed


@covers("RuleLambda.REMOVE", "success")
async def test_a_removed_rule_is_gone(world):
    assert (await world.call("RuleLambda.REMOVE", world.writer, id="rule-north")).ok() == {}
    assert (await world.call("RuleLambda.GET", world.writer, id="rule-north")).told == ("RULE_NOT_FOUND", "id")


async def test_an_account_can_have_so_many_rules(world):
    def fill(unit):
        rule = unit.rules.get(world.tenant.account.id, "rule-north")
        for number in range(1997):
            unit.rules.add(replace(rule, uid=f"u{number}", id=f"n{number}"))

    await world.tenant.database.write(fill)
    answer = await world.call("RuleLambda.CREATE", world.writer, **WIRE_RULE)

    assert answer.told == ("INVALID_ARGUMENTS", None)
    assert "2000" in answer.error["message"]


# What is missing inside ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"filter": {"thingType": "type-north"}}, "filter.domain"),
        ({"filter": {"domain": "", "thingType": "type-north"}}, "filter.domain"),
        ({"filter": {"domain": "north"}}, "filter.thingType"),
        ({"expression": {"resource": "temp", "value": 1}}, "expression.operator"),
        ({"expression": {"operator": "gt", "value": 1}}, "expression.resource"),
        ({"expression": {"operator": "gt", "resource": "temp"}}, "expression.value"),
        ({"actions": [{"type": "WEBHOOK"}]}, "actions[0].config"),
        ({"actions": [{"config": {"url": URL}}]}, "actions[0].type"),
    ],
)
async def test_what_is_missing_inside_is_told_by_the_way_there(world, fields, name):
    answer = await world.call("RuleLambda.CREATE", world.writer, **{**WIRE_RULE, **fields})
    assert answer.told == ("PROPERTY_REQUIRED", name)
    tried = await world.call("RuleLambda.TRY", world.writer, rule={**WIRE_RULE, **fields})
    assert tried.told == ("PROPERTY_REQUIRED", f"rule.{name}")


async def test_a_dry_run_needs_something_to_try(world):
    assert (await world.call("RuleLambda.TRY", world.writer)).told == ("PROPERTY_REQUIRED", "id")


# Secrets ---------------------------------------------------------------------------------------------------------


async def test_headers_that_are_likely_secrets_are_never_shown_nor_kept_readable(world):
    rule = {**WIRE_RULE, "actions": webhook(headers=SECRETS)}
    answers = [
        await world.call("RuleLambda.CREATE", world.writer, **rule, id="s"),
        await world.call("RuleLambda.GET", world.writer, id="s"),
        await world.call("RuleLambda.UPDATE", world.writer, **rule, id="s"),
    ]
    for answer in answers:
        assert answer.ok()["actions"][0]["config"]["headers"] == HIDDEN
    stored = await world.tenant.database.read(lambda unit: unit.rules.get(world.tenant.account.id, "s"))
    assert b"Bearer" not in stored.sealed


async def test_the_audit_trail_tells_what_changed_without_secrets(world):
    made = await world.call("RuleLambda.CREATE", world.writer, **{**WIRE_RULE, "actions": webhook(headers=SECRETS)})
    rule_id, secret = made.ok()["id"], made.ok()["signingSecret"]
    renewed = (await world.call("RuleLambda.RENEW_SECRET", world.writer, id=rule_id)).ok()["signingSecret"]
    await world.call("RuleLambda.UPDATE", world.writer, **{**WIRE_RULE, "name": "Other"}, id=rule_id)
    await world.call("RuleLambda.REMOVE", world.writer, id=rule_id)
    entries = [each for each in await audited(world) if each.object_id == rule_id]

    assert [each.operation for each in entries] == ["rule.remove", "rule.update", "rule.renew-secret", "rule.create"]
    assert entries[1].after["name"] == "Other"
    for hidden in ("Bearer", secret, renewed):
        assert hidden not in repr(entries)


async def test_a_hidden_header_keeps_its_value_for_the_same_url_only(world):
    await world.call(
        "RuleLambda.UPDATE", world.writer, id="rule-north", **{**WIRE_RULE, "actions": webhook(headers=SECRETS)}
    )
    same = {**WIRE_RULE, "actions": webhook(headers=HIDDEN, method="PUT")}
    assert (await world.call("RuleLambda.UPDATE", world.writer, id="rule-north", **same)).ok()
    rule = await world.tenant.database.read(lambda unit: unit.rules.get(world.tenant.account.id, "rule-north"))
    assert world.rules.seal.open(rule).actions[0].config["headers"] == SECRETS

    elsewhere = {**WIRE_RULE, "actions": webhook(headers=HIDDEN, url="https://evil.example/")}
    answer = await world.call("RuleLambda.UPDATE", world.writer, id="rule-north", **elsewhere)
    assert answer.told == ("INVALID_ARGUMENTS", "actions[0].config.headers")


@covers("RuleLambda.RENEW_SECRET", "success")
async def test_a_secret_can_be_renewed(world):
    before = await world.tenant.database.read(lambda unit: unit.rules.get(world.tenant.account.id, "rule-north"))
    world.rules.random[0] += 1
    renewed = (await world.call("RuleLambda.RENEW_SECRET", world.writer, id="rule-north")).ok()
    after = await world.tenant.database.read(lambda unit: unit.rules.get(world.tenant.account.id, "rule-north"))

    assert renewed == {"id": "rule-north", "signingSecret": world.rules.seal.open(after).signing_secret}
    assert world.rules.seal.open(before).signing_secret != renewed["signingSecret"]


# Dry runs --------------------------------------------------------------------------------------------------------


def hits(*observations, total=None):
    found = [
        {
            "_id": str(number),
            "_source": {
                "thingName": "thing-north",
                "thingType": "type-north",
                "domain": "north",
                "timestamp": 1000 * number,
                "state": state,
            },
        }
        for number, state in enumerate(observations, 1)
    ]
    return {"hits": {"total": len(found) if total is None else total, "hits": found}}


@covers("RuleLambda.TRY", "success")
async def test_a_dry_run_tells_what_would_have_gone_out(world):
    world.index.answer = hits({"temp": 60}, {"temp": 10}, {"other": 1}, {"temp": 61}, {"temp": 62}, {"temp": 63})
    rule = {
        **WIRE_RULE,
        "actions": webhook(headers={**SECRETS, "X-Value": "${resource.value}"}, body={"v": "${resource.value}"}),
        "threshold": {"count": 2},
    }
    tried = (await world.call("RuleLambda.TRY", world.writer, rule=rule, limit=1)).ok()

    assert {name: tried[name] for name in ("examined", "hits", "nearMisses", "heldBack", "runs", "complete")} == {
        "examined": 6,
        "hits": 4,
        "nearMisses": 1,
        "heldBack": 2,
        "runs": 2,
        "complete": True,
    }
    assert tried["messages"] == [
        {
            "offset": 4,
            "timestamp": 4000,
            "thingName": "thing-north",
            "path": "temp",
            "value": 61,
            "requests": [
                {
                    "type": "WEBHOOK",
                    "method": "POST",
                    "url": URL,
                    "headers": {**HIDDEN, "X-Value": "61", "Content-Type": "application/json"},
                    "body": '{"v":61}',
                }
            ],
        }
    ]
    assert (
        await world.tenant.database.read(lambda unit: unit.jobs.page(world.tenant.account.id, PageRequest(10)).items)
        == ()
    )


async def test_a_dry_run_shows_letters_and_what_could_not_be_sent(world):
    world.index.answer = hits({"temp": 60})
    actions = [
        {"type": "MAIL", "config": {"to": "a@b.example", "subject": "At ${resource.value}", "text": "Hot"}},
        {"type": "MAIL", "config": {"to": "${thing.state.mail}", "subject": "s", "text": "t"}},
    ]
    tried = (await world.call("RuleLambda.TRY", world.writer, rule={**WIRE_RULE, "actions": actions})).ok()

    sent, failed = tried["messages"][0]["requests"]
    assert sent == {"type": "MAIL", "to": ["a@b.example"], "subject": "At 60", "text": "Hot"}
    assert failed["error"]


async def test_a_dry_run_looks_no_further_than_the_rule_and_the_caller_do(world):
    await world.call("RuleLambda.TRY", world.reader, id="rule-root")
    settled, (kind, scope, search) = world.index.asked

    assert settled[0] == "settle"
    assert (kind, scope.domains) == ("observations", {"north", "fjord"})
    assert search.lower_bounded("timestamp")


async def test_a_dry_run_that_is_too_long_says_how_far_it_came(world):
    world.index.answer = hits(*[{"temp": 1}] * 1000, total=50_000)
    tried = (await world.call("RuleLambda.TRY", world.writer, id="rule-north")).ok()

    assert (tried["examined"], tried["complete"], tried["examinedTo"]) == (10_000, False, 1_000_000)


# Deliveries ------------------------------------------------------------------------------------------------------


async def deliver(world, count, *, rule_id="rule-north", **others):
    def job(number):
        return Job(
            id=world.tenant.ids.new(),
            account_id=world.tenant.account.id,
            kind="webhook",
            lane=str(number),
            payload=b"sealed",
            created_at_ms=number,
            due_at_ms=number,
            cause=f"rule:{rule_id}",
            offset=number,
            **others,
        )

    made = [job(number) for number in range(1, count + 1)]
    await world.tenant.database.write(lambda unit: unit.jobs.add(made))
    return made


async def bury_one(world):
    def claim(unit):
        return unit.jobs.claim("webhook", 1, now_ms=10**13, leased_until_ms=10**13 + 9)

    [claimed] = await world.tenant.database.write(claim)
    attempt = Attempt(
        job_id=claimed.id, number=1, started_at_ms=5, took_ms=7, status=500, detail="refused", response=b"no \xff" * 900
    )
    await world.tenant.database.write(lambda unit: unit.jobs.bury(claimed, attempt, now_ms=10**13 + 1))
    return claimed


@covers("RuleLambda.LIST_DELIVERIES", "success")
async def test_deliveries_are_listed_newest_first_with_their_attempts(world):
    made = await deliver(world, 3)
    dead = await bury_one(world)
    page = (await world.call("RuleLambda.LIST_DELIVERIES", world.reader, id="rule-north", limit=2)).ok()
    rest = await world.call("RuleLambda.LIST_DELIVERIES", world.reader, id="rule-north", limit=2, after=page["after"])

    listed = page["deliveries"] + rest.ok()["deliveries"]
    assert [each["id"] for each in listed] == [job.id for job in reversed(made)]
    assert (page["refused"], "after" in rest.ok()) == (0, False)
    only = (await world.call("RuleLambda.LIST_DELIVERIES", world.reader, id="rule-north", state="DEAD")).ok()
    [shown] = only["deliveries"]
    assert (shown["id"], shown["type"], shown["offset"]) == (dead.id, "WEBHOOK", dead.offset)
    [attempt] = shown["attempts"]
    assert (attempt["status"], attempt["took"], attempt["detail"]) == (500, 7, "refused")
    assert attempt["response"].startswith("no ")
    assert "payload" not in shown


async def test_a_new_rule_does_not_show_what_an_earlier_one_of_its_id_has_sent(world):
    await deliver(world, 2)
    await bury_one(world)
    await world.call("RuleLambda.REMOVE", world.writer, id="rule-north")
    await world.call("RuleLambda.CREATE", world.writer, **WIRE_RULE, id="rule-north")

    assert (await world.call("RuleLambda.LIST_DELIVERIES", world.writer, id="rule-north")).ok()["deliveries"] == []
    assert (await world.call("RuleLambda.REPLAY_DELIVERIES", world.writer, id="rule-north")).ok() == {"replayed": 0}


async def test_a_rule_that_leaves_domains_does_not_show_what_it_has_sent_about_them(world):
    whole = {**WIRE_RULE, "filter": {**WIRE_RULE["filter"], "domain": "root"}}
    (await world.call("RuleLambda.CREATE", world.administrator, **whole, id="wide")).ok()
    await deliver(world, 2, rule_id="wide")
    await bury_one(world)
    shown = (await world.call("RuleLambda.LIST_DELIVERIES", world.administrator, id="wide")).ok()["deliveries"]
    assert len(shown) == 2

    (await world.call("RuleLambda.UPDATE", world.administrator, **WIRE_RULE, id="wide")).ok()

    assert (await world.call("RuleLambda.LIST_DELIVERIES", world.writer, id="wide")).ok()["deliveries"] == []
    assert (await world.call("RuleLambda.REPLAY_DELIVERIES", world.writer, id="wide")).ok() == {"replayed": 0}
    [later] = await deliver(world, 1, rule_id="wide")
    listed = (await world.call("RuleLambda.LIST_DELIVERIES", world.writer, id="wide")).ok()["deliveries"]
    assert [each["id"] for each in listed] == [later.id]


async def test_a_rule_that_looks_at_more_keeps_what_it_has_sent(world):
    (await world.call("RuleLambda.CREATE", world.administrator, **WIRE_RULE, id="narrow")).ok()
    await deliver(world, 2, rule_id="narrow")

    whole = {**WIRE_RULE, "filter": {**WIRE_RULE["filter"], "domain": "root"}}
    (await world.call("RuleLambda.UPDATE", world.administrator, **whole, id="narrow")).ok()

    assert (
        len((await world.call("RuleLambda.LIST_DELIVERIES", world.administrator, id="narrow")).ok()["deliveries"]) == 2
    )


async def test_what_waits_goes_with_its_rule(world):
    await deliver(world, 2)
    await world.call("RuleLambda.REMOVE", world.writer, id="rule-north")
    left = await world.tenant.database.read(
        lambda unit: unit.jobs.page(world.tenant.account.id, PageRequest(10), cause="rule:rule-north").items
    )
    assert left == ()


@covers("RuleLambda.REPLAY_DELIVERIES", "success")
async def test_dead_deliveries_can_try_again(world):
    await deliver(world, 3)
    dead = [await bury_one(world) for _ in range(2)]
    [foreign] = await deliver(world, 1, rule_id="rule-south")
    named = await world.call(
        "RuleLambda.REPLAY_DELIVERIES", world.writer, id="rule-north", deliveryIds=[dead[0].id, foreign.id, "x"]
    )
    assert named.ok() == {"replayed": 1}
    assert (await world.call("RuleLambda.REPLAY_DELIVERIES", world.writer, id="rule-north")).ok() == {"replayed": 1}
    assert (await world.call("RuleLambda.REPLAY_DELIVERIES", world.writer, id="rule-north")).ok() == {"replayed": 0}
    assert (await audited(world))[0].operation == "rule.replay-deliveries"
