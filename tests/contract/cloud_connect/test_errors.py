"""The words for errors."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cloudstead.core
from cloudstead.core.caller import Caller
from cloudstead.core.errors import CloudsteadError, InvalidField
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.dialects.cloud_connect.errors import REFRESH_TRIGGERS, WORDS, failure, words_for
from factories.contract import cloud_connect

# What no caller of these functions can bring about; it is logged and told to nobody.
OURS = {
    "AccessKeyNotFound",
    "AccountLimitExceeded",
    "AccountNotFound",
    "AlreadyMember",
    "ApiKeyNotFound",
    "ClaimExpired",
    "ClaimRefused",
    "CloudChangeForbidden",
    "CloudClosed",
    "CloudDeviceNotFound",
    "CloudNameTaken",
    "CloudNotFound",
    "CloudStateForbids",
    "CloudTokenNotFound",
    "CodeRefused",
    "CommercialOnly",
    "ConnectRefused",
    "DeviceBlocked",
    "DeviceClaimed",
    "DeviceExists",
    "DeviceNameTaken",
    "DeviceNotClaimed",
    "DeviceNotFound",
    "EmailTaken",
    "EngineFailed",
    "GroupMoveMakesLoop",
    "GroupNotEmpty",
    "GroupNotFound",
    "HostInUse",
    "HostNameTaken",
    "HostNotOpen",
    "InvitationNotFound",
    "LaunchOver",
    "LinkNotUsable",
    "LogBegunAnew",
    "LogBehindStore",
    "MemberNotFound",
    "MemberStays",
    "NobodyVouchedFor",
    "NotDeliverable",
    "ObjectUnreadable",
    "OutsideKeyExists",
    "OutsideKeyNotFound",
    "PersonIsActive",
    "PolicyGroupNameTaken",
    "PolicyGroupNotFound",
    "ProviderBuiltIn",
    "ProviderInUse",
    "ProviderNotFound",
    "ProviderNotUsable",
    "ProvidersNotIncluded",
    "RecordUnreadable",
    "RoleInUse",
    "RoleIsBuiltIn",
    "RoleNameTaken",
    "RoleNotFound",
    "SealBroken",
    "SecondFactorMissing",
    "ShadowRejected",
    "ShadowUnavailable",
    "SlotUnknown",
    "SpanNotThere",
    "TicketOver",
    "TooManyAccessKeys",
    "TooManyProviders",
    "TopGroupStays",
    "TopicForbidden",
    "TrustedCertificateNameTaken",
    "TrustedCertificateNotFound",
    "TrustedCertificateSubjectTaken",
    "VouchingRefused",
}

CONTRACT_KEYS = {
    error["key"]
    for function in cloud_connect()["lambdas"].values()
    for action in function["actions"].values()
    for error in action["errors"]
} | {error["key"] for error in cloud_connect()["errors"]["general"]}


def core_errors():
    for module in pkgutil.walk_packages(cloudstead.core.__path__, "cloudstead.core."):
        importlib.import_module(module.name)

    def below(kind):
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    return [each for each in below(CloudsteadError) if each.__module__.startswith("cloudstead.core.")]


def test_every_error_of_core_has_words_or_is_a_failure_of_our_own():
    unknown = {each.__name__ for each in core_errors() if not any(kind in WORDS for kind in each.__mro__)}
    assert unknown == OURS


def test_a_failure_of_our_own_has_no_words():
    class Broken(CloudsteadError):
        pass

    assert words_for(Broken("x")) is None


async def test_only_one_key_is_ours(world):
    assert {words_for(error).key for error in await provoked()} - {None} <= CONTRACT_KEYS | {"THING_NAME_EXISTS"}


async def provoked():
    from cloudstead.core.domains import errors as domains
    from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
    from cloudstead.core.people import errors as people
    from cloudstead.core.things import errors as things
    from cloudstead.core.thingtypes import errors as types
    from cloudstead.dialects.cloud_connect.call import PropertyMissing, UnknownAction

    return [
        UnknownAction("x"),
        PropertyMissing("x"),
        InvalidField("x", "y"),
        NotPermitted("thing:read"),
        OutOfReach(),
        domains.DomainNotFound("x"),
        domains.DomainIdTaken("x"),
        domains.DomainHasThings(),
        domains.DomainHasPeople(),
        domains.DomainMoveMakesLoop(),
        domains.RootIsFixed(),
        people.LoginRefused(),
        people.LoginLocked(5),
        people.UserNameTaken("x"),
        people.PersonNotFound(),
        people.DemoPersonStays(),
        people.OldPasswordWrong(),
        people.NotOneself(),
        people.RoleTooHigh(),
        people.TooManySignUps(),
        things.ThingNotFound("x"),
        things.ThingNameTaken("x"),
        types.ThingTypeNotFound("x"),
        types.ThingTypeNotUsable("x"),
        types.ThingTypeIdTaken("x"),
        types.ThingTypeHasThings(),
    ]


@given(st.sampled_from(["No data", "Token is expired", "Invalid login token", "Not Found", "not found"]), st.text())
@settings(max_examples=60)
def test_no_message_makes_clients_log_in_again_whatever_it_quotes(trigger, text):
    body = failure(ThingNotFound(f"{text}{trigger}"))
    assert body is not None
    message = json.loads(json.loads(body)["errorMessage"])["message"]
    assert message
    assert not REFRESH_TRIGGERS.search(message)


def test_a_message_calls_a_field_as_the_client_does():
    answer = json.loads(json.loads(failure(InvalidField("filter.thing_type", "is too long")))["errorMessage"])

    assert (answer["message"], answer["property"]) == ("filter.thingType: is too long", "filter.thingType")


def test_what_makes_clients_log_in_again_is_what_the_contract_lists():
    for trigger in cloud_connect()["errors"]["transport"]["refresh-triggers"]:
        assert REFRESH_TRIGGERS.search(trigger)


async def test_every_message_of_its_own_is_harmless():
    for error in await provoked():
        assert not REFRESH_TRIGGERS.search(str(error))


async def test_a_failure_of_our_own_is_told_to_nobody_and_logged(world):
    world.index.failure = RuntimeError("the password of the database is hunter2")
    answer = await world.call("ThingLambda.FIND", world.administrator, query={})
    assert list(answer.error) == ["message"]
    assert "hunter2" not in answer.error["message"]
    (logged,) = world.log.calls
    assert logged.kwargs["action"] == "ThingLambda.FIND"
    assert "hunter2" in logged.kwargs["exception"]


@pytest.mark.parametrize("name", ["MicLambda", "Rulelambda", "ThingBatch", "thinglambda", ""])
async def test_a_function_that_is_not_served_is_no_function(world, name):
    assert not world.runtime.serves(name)
    assert name not in world.runtime.names
    with pytest.raises(KeyError):
        await world.runtime.invoke(name, world.tenant.account, None, b"{}")


def test_the_functions_served_are_known_by_name(world):
    assert set(world.runtime.names) == set(cloud_connect()["lambdas"])
    assert all(world.runtime.serves(name) for name in world.runtime.names)


async def test_a_guest_is_nobody_whatever_the_grants_of_a_foreign_caller(world):
    caller = Caller(world.foreign.id, "key:x", "x", None, world.administrator.grants)
    assert (await world.call("DomainLambda.LIST", caller)).told == ("NOT_AUTHORIZED", None)
