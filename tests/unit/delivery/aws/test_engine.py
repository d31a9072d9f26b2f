"""Dedicated clouds, with moto's server as AWS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from cloudstead.core.clock import SystemClock
from cloudstead.core.clouds.errors import ConnectRefused, EngineFailed
from cloudstead.core.clouds.model import Access, Cloud, CloudId, CloudState, CloudType
from cloudstead.core.clouds.ports import DeviceToEnrol
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccountId
from cloudstead.delivery.aws.calls import Aws, AwsRefused, Keys
from cloudstead.delivery.aws.engine import AwsEngine
from cloudstead.delivery.aws.template import parameters, stack_name, template_body
from cloudstead.delivery.aws.things import tell_release
from factories.moto_aws import CUSTOMER, OPERATOR, REGION, MotoAws, made_by_moto

CLOUD_ID = CloudId("019b76daa800792ab860228955ff1d64")
ULID = ulid_of(CLOUD_ID)
EXTERNAL = "external-id-of-32-characters-or-so"
ROLE = f"arn:aws:iam::{CUSTOMER}:role/builder"
ACCESS = Access(ROLE, EXTERNAL)
CLOUD = Cloud(
    id=CLOUD_ID,
    account_id=AccountId("a1"),
    name="theirs",
    type=CloudType.DEDICATED,
    state=CloudState.CONNECTED,
    created_at_ms=0,
    updated_at_ms=0,
    region=REGION,
    connected=True,
    aws_account=CUSTOMER,
)
DEVICE = DeviceToEnrol(id="ABCDEFGH12")


@pytest.fixture(scope="module")
def server():
    made = MotoAws()
    yield made
    made.close()


@pytest.fixture
def aws(server):
    server.reset()
    server.external_ids["builder"] = EXTERNAL
    return server


@pytest.fixture
def executor():
    with ThreadPoolExecutor(max_workers=2) as threads:
        yield threads


@pytest.fixture
def engine(aws, executor):
    return engine_of(aws, executor)


class Answered(Exception):
    """An answer that AWS is not asked for."""


class Watched(Aws):
    """AWS, with somebody who is asked before each call."""

    def __init__(self, before, *given, **more):
        super().__init__(*given, **more)
        self._before = before

    async def run(self, client, service, operation, given):
        try:
            self._before(service, operation, given)
        except Answered as answered:
            return answered.args[0]
        return await super().run(client, service, operation, given)


def engine_of(aws, executor, *, before=lambda *_: None, **more):
    calls = Watched(before, aws.session(), executor=executor, endpoint_url=aws.url)
    return AwsEngine(
        calls,
        SystemClock(),
        builder_account=OPERATOR,
        connect_url=lambda: "https://cloud.example/connect",
        api_url=lambda: "https://cloud.example/api",
        **more,
    )


class Told(list):
    async def __call__(self, step):
        self.append(step)


def launched(aws, *, version="2"):
    """Make the stack of the cloud."""
    given = parameters(
        CLOUD, external=EXTERNAL, token="t" * 20, builder_account=OPERATOR, connect_url="https://x.example"
    )
    aws.launch(stack_name(CLOUD), {**given, "TemplateVersion": version})
    return aws.customer("cloudformation")


# The link and the command line ------------------------------------------------------------------------------------


def test_the_launch_link_fills_in_the_whole_form(aws, executor):
    address = "https://bucket.s3.eu-west-1.amazonaws.com/cloud.yaml"
    launch = engine_of(aws, executor, template_url=address).launch(CLOUD, external=EXTERNAL, token="once")
    place = urlsplit(launch.url)
    assert place.hostname == "eu-west-1.console.aws.amazon.com"
    query = parse_qs(place.fragment.partition("?")[2])
    assert query["templateURL"] == [address]
    assert query["stackName"] == [f"cloudstead-{ULID}"]
    assert query["param_ExternalId"] == [EXTERNAL]
    assert query["param_ConnectToken"] == ["once"]
    assert launch.template is None


def test_without_a_place_in_s3_there_is_a_file_and_a_command_line(engine):
    launch = engine.launch(CLOUD, external=EXTERNAL, token="it's; once")
    assert launch.url is None
    assert launch.template == template_body()
    assert "--template-body file://cloudstead-cloud.yaml" in launch.command
    assert "--capabilities CAPABILITY_NAMED_IAM" in launch.command
    assert "'ParameterKey=ConnectToken,ParameterValue=it'\"'\"'s; once'" in launch.command


def test_a_comma_in_a_value_does_not_begin_another_one_on_the_command_line(engine):
    launch = engine.launch(CLOUD, external="sixteen=or,more.", token="once")
    assert "'ParameterKey=ExternalId,ParameterValue=\"sixteen=or,more.\"'" in launch.command


@pytest.mark.parametrize("region", [None, "eu-nowhere-1"])
def test_a_cloud_in_no_region_of_aws_is_not_made(engine, region):
    with pytest.raises(InvalidField, match="region"):
        engine.admit(replace(CLOUD, region=region))
    engine.admit(CLOUD)


# Whose role it is -------------------------------------------------------------------------------------------------


async def test_a_role_that_demands_the_external_id_is_taken(engine):
    await engine.verify(CLOUD, ACCESS)


async def test_a_role_that_anybody_may_assume_is_refused(aws, engine):
    aws.external_ids["builder"] = None
    with pytest.raises(ConnectRefused, match="without the external id"):
        await engine.verify(CLOUD, ACCESS)


async def test_a_wrong_external_id_is_refused(engine):
    with pytest.raises(ConnectRefused, match="cannot be assumed"):
        await engine.verify(CLOUD, Access(ROLE, "another"))


async def test_a_role_of_another_account_is_refused(engine):
    with pytest.raises(ConnectRefused, match="another AWS account"):
        await engine.verify(replace(CLOUD, aws_account="333333333333"), ACCESS)


async def test_throttling_while_the_role_is_tried_proves_nothing(aws, executor):
    def throttle(service, operation, given):
        if operation == "assume_role" and "ExternalId" not in given:
            raise AwsRefused(service, operation, "Throttling", "Rate exceeded")

    engine = engine_of(aws, executor, before=throttle)
    with pytest.raises(EngineFailed, match="could not be tried") as failure:
        await engine.verify(CLOUD, ACCESS)
    assert not failure.value.is_final


async def test_a_role_that_cannot_be_tried_is_not_called_refused(aws, engine):
    aws.refuse("sts", "Throttling", times=3)
    with pytest.raises(EngineFailed, match="could not be tried") as failure:
        await engine.verify(CLOUD, ACCESS)
    assert not failure.value.is_final


async def test_without_credentials_the_operator_is_asked_for_some(aws, executor, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    import boto3

    calls = Aws(boto3.Session(), executor=executor, endpoint_url=aws.url)
    with pytest.raises(EngineFailed, match="no AWS credentials"):
        await calls.own_account()


# Provisioning ------------------------------------------------------------------------------------------------------


async def test_provisioning_makes_what_is_missing_and_may_come_again(aws, engine):
    launched(aws)
    told = Told()

    made = await engine.provision(CLOUD, ACCESS, told)

    assert made.iot_policy == f"cloudstead-{ULID}"
    assert made.device_role == "IotoDeviceAccess"
    assert made.template_version == 2
    assert ".iot.eu-west-1." in made.api_gateway
    iot = aws.customer("iot")
    assert iot.get_topic_rule(ruleName="IotoDevice")["rule"]["ruleDisabled"] is False
    assert iot.describe_role_alias(roleAlias=f"cloudstead-{ULID}")
    assert iot.describe_thing_group(thingGroupName=f"cloudstead-{ULID}")
    assert iot.list_things()["things"] == []  # the one that was tried is gone
    assert iot.list_certificates()["certificates"] == []
    assert told[0] == "Looking at the stack"

    again = await engine.provision(CLOUD, ACCESS, told)
    assert replace(again, api_gateway=None) == replace(made, api_gateway=None)  # moto has a new endpoint at each call


async def test_devices_are_told_where_to_enrol(aws, engine):
    launched(aws)
    assert (await engine.provision(CLOUD, ACCESS, Told())).api == "https://cloud.example/api"
    elsewhere = replace(CLOUD, api="https://theirs.example/api")
    assert (await engine.provision(elsewhere, ACCESS, Told())).api == elsewhere.api


async def test_the_rule_of_another_cloud_is_neither_taken_nor_taken_away(aws, engine):
    launched(aws)
    iot = aws.customer("iot")
    iot.create_topic_rule(ruleName="IotoDevice", topicRulePayload={"sql": "SELECT 1", "actions": []})
    with pytest.raises(EngineFailed, match="one cloud fits there") as failure:
        await engine.provision(CLOUD, ACCESS, Told())
    assert failure.value.is_final
    await engine.remove(CLOUD, ACCESS, Told())
    assert [each["ruleName"] for each in iot.list_topic_rules()["rules"]] == ["IotoDevice"]


async def test_a_cloud_without_its_stack_says_what_to_do(engine):
    with pytest.raises(EngineFailed, match="launch it, or remove the cloud") as failure:
        await engine.provision(CLOUD, ACCESS, Told())
    assert failure.value.is_final


SERVICES = ["cloudformation", "iot", "dynamodb", "s3"]


@pytest.mark.parametrize("service", SERVICES)
async def test_throttling_at_any_step_is_told_and_the_next_attempt_goes_on(aws, engine, service):
    launched(aws)
    aws.refuse(service, "ThrottlingException", times=3, status=503 if service == "s3" else 400)
    with pytest.raises(EngineFailed) as failure:
        await engine.provision(CLOUD, ACCESS, Told())
    assert not failure.value.is_final
    assert EXTERNAL not in str(failure.value)
    assert (await engine.provision(CLOUD, ACCESS, Told())).stack


async def test_a_role_that_may_not_do_a_thing_needs_its_owner(aws, engine):
    launched(aws)
    aws.refuse("iot", "UnauthorizedException", status=403)
    with pytest.raises(EngineFailed, match="AWS IoT refused") as failure:
        await engine.provision(CLOUD, ACCESS, Told())
    assert failure.value.is_final


async def test_nobody_at_the_other_end_is_told_in_words(executor):
    gone = MotoAws()
    gone.close()
    engine = engine_of(gone, executor)
    with pytest.raises(EngineFailed, match="cannot be reached") as failure:
        await engine.provision(CLOUD, ACCESS, Told())
    assert not failure.value.is_final


# Updating ----------------------------------------------------------------------------------------------------------


async def test_an_update_keeps_every_parameter_but_the_version(aws, executor):
    def leave_out(service, operation, given):
        if operation == "update_stack":
            assert given["TemplateBody"] == template_body()
            given["TemplateBody"] = made_by_moto(ULID)

    formation = launched(aws, version="0")
    engine = engine_of(aws, executor, before=leave_out)
    assert (await engine.look(CLOUD, ACCESS)).template_version == 0

    look = await engine.update(CLOUD, ACCESS)

    assert (look.status, look.template_version) == ("UPDATE_COMPLETE", 2)
    stack = formation.describe_stacks(StackName=stack_name(CLOUD))["Stacks"][0]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert given["ConnectUrl"] == "https://x.example"


@pytest.mark.parametrize(
    ("left_out", "sent"),
    [("OwnerAccount", {"ParameterValue": ulid_of(CLOUD.account_id)}), ("", {"UsePreviousValue": True})],
)
async def test_an_update_gives_the_owner_only_to_a_stack_that_lacks_it(aws, executor, left_out, sent):
    seen = []

    def answer(service, operation, given):
        if operation == "describe_stacks":
            names = {"CloudId", "OwnerAccount", "TemplateVersion"} - {left_out}
            told = [{"ParameterKey": name, "ParameterValue": "1"} for name in sorted(names)]
            raise Answered({"Stacks": [{"StackId": "s", "StackStatus": "CREATE_COMPLETE", "Parameters": told}]})
        if operation == "update_stack":
            seen.extend(given["Parameters"])
            raise Answered({})

    await engine_of(aws, executor, before=answer).update(CLOUD, ACCESS)
    assert [each for each in seen if each["ParameterKey"] == "OwnerAccount"] == [
        {"ParameterKey": "OwnerAccount", **sent}
    ]


async def test_nothing_to_update_is_success(aws, executor):
    def find_nothing(service, operation, given):
        if operation == "update_stack":  # which moto never says
            raise AwsRefused(service, operation, "ValidationError", "No updates are to be performed.")

    launched(aws)
    look = await engine_of(aws, executor, before=find_nothing).update(CLOUD, ACCESS)
    assert look.status == "UPDATE_COMPLETE"


@pytest.mark.parametrize("message", ["Stack:x is in UPDATE_IN_PROGRESS state and can not be updated.", None])
async def test_an_update_that_has_begun_is_followed_whatever_is_seen_of_it(aws, executor, message):
    begun = []

    def cut_off(service, operation, given):
        if operation == "update_stack":
            begun.append(given)
            if message is None:
                raise Answered({})
            raise AwsRefused(service, operation, "ValidationError", message)
        if begun:
            raise AwsRefused(service, operation, "Throttling", "Rate exceeded")

    launched(aws)
    look = await engine_of(aws, executor, before=cut_off).update(CLOUD, ACCESS)
    assert look.status == "UPDATE_IN_PROGRESS"


async def test_cloudformation_works_with_a_role_of_the_stack(aws, executor):
    roles = []

    def watch(service, operation, given):
        if operation in {"update_stack", "delete_stack"}:
            roles.append(given["RoleARN"])
        if operation == "update_stack":
            given["TemplateBody"] = made_by_moto(ULID)

    launched(aws, version="0")
    engine = engine_of(aws, executor, before=watch)
    await engine.update(CLOUD, ACCESS)
    await engine.remove(CLOUD, ACCESS, Told())
    assert roles == [f"arn:aws:iam::{CUSTOMER}:role/cloudstead-stack-{ULID}"] * 2


# Devices -----------------------------------------------------------------------------------------------------------


async def test_a_device_is_enrolled_anew_after_an_attempt_that_was_cut_off(aws, engine):
    launched(aws)
    await engine.provision(CLOUD, ACCESS, Told())

    first = await engine.enrol(CLOUD, ACCESS, DEVICE)
    second = await engine.enrol(CLOUD, ACCESS, DEVICE)

    assert first.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert (second.thing, second.port, second.account) == (DEVICE.id, 443, CUSTOMER)
    assert first.certificate != second.certificate
    iot = aws.customer("iot")
    assert len(iot.list_certificates()["certificates"]) == 1
    assert len(iot.list_thing_principals(thingName=DEVICE.id)["principals"]) == 1


async def test_a_certificate_that_no_thing_has_opens_nothing(aws, executor):
    def cut_off(_service, operation, _given):
        if operation == "attach_thing_principal":
            raise EngineFailed("cut off")

    launched(aws)
    await engine_of(aws, executor).provision(CLOUD, ACCESS, Told())
    with pytest.raises(EngineFailed):
        await engine_of(aws, executor, before=cut_off).enrol(CLOUD, ACCESS, DEVICE)
    assert aws.found(stack_name(CLOUD))["certificates"] == ["INACTIVE"]


async def test_messages_are_handed_in_at_the_hosts_of_the_account(executor):
    made = {}

    class Session:
        def client(self, service_name, **given):
            made[service_name] = given["endpoint_url"]
            return SimpleNamespace(
                describe_endpoint=lambda **_: {"endpointAddress": "a1-ats.iot.eu-west-1.amazonaws.com"},
                publish=lambda **_: {},
            )

    calls = Aws(Session(), executor=executor)
    reach = calls.reach(Keys("a", "s", "t", 0), REGION)
    await tell_release(reach, DEVICE.id, now_ms=1)
    assert made == {"iot": None, "iot-data": "https://a1-ats.iot.eu-west-1.amazonaws.com"}


async def test_a_released_device_leaves_nothing_behind(aws, engine):
    launched(aws)
    await engine.provision(CLOUD, ACCESS, Told())
    await engine.enrol(CLOUD, ACCESS, DEVICE)

    await engine.release(CLOUD, ACCESS, DEVICE)
    await engine.release(CLOUD, ACCESS, DEVICE)

    iot = aws.customer("iot")
    assert iot.list_things()["things"] == []
    assert iot.list_certificates()["certificates"] == []


# Browsers, and the end ---------------------------------------------------------------------------------------------


async def test_keys_for_a_browser_are_narrow_and_last_an_hour_at_most(engine):
    keys = await engine.browser_keys(CLOUD, ACCESS, None)
    assert keys.region == REGION
    assert keys.access_key_id
    assert keys.expires_at_ms <= SystemClock().millis() + 3_600_000 + 5_000
    assert keys.secret_access_key not in repr(keys)


async def test_what_holds_data_outlives_the_cloud(aws, engine):
    formation = launched(aws)
    await engine.provision(CLOUD, ACCESS, Told())
    iot = aws.customer("iot")

    removed = await engine.remove(CLOUD, ACCESS, Told())

    assert any("databucket" in each for each in removed.retained)
    assert any("DeviceTable" in each for each in removed.retained)
    assert iot.list_topic_rules()["rules"] == []
    assert [each["StackStatus"] for each in formation.list_stacks()["StackSummaries"]] == ["DELETE_COMPLETE"]
    again = await engine.remove(CLOUD, ACCESS, Told())
    assert again.notes == {"stack": "was gone already"}


@pytest.fixture
def describing():
    """What CloudFormation says of the stack, one after another, once it is being deleted."""
    return []


@pytest.fixture
def slow(aws, executor, describing):
    """An engine whose stacks take their time to go; it does not wait."""
    launched(aws)
    waited = []

    def answer(service, operation, _given):
        if operation == "delete_stack":
            describing.insert(0, None)
        if operation == "describe_stacks" and describing and describing[0] is None:
            status = describing[1] if len(describing) == 2 else describing.pop(1)
            if isinstance(status, Exception):
                raise status
            told = {"StackId": "s", "StackStatus": status}
            raise Answered({"Stacks": [told]})

    async def pause(seconds):
        waited.append(seconds)

    engine = engine_of(aws, executor, before=answer, pause=pause)
    engine.waited = waited
    return engine


async def test_a_removal_waits_until_the_stack_is_gone(slow, describing):
    describing += ["DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    told = Told()
    assert (await slow.remove(CLOUD, ACCESS, told)).notes == {}
    assert (slow.waited, told[-1]) == ([5.0, 5.0], "Waiting until the stack is gone")


async def test_a_stack_that_cannot_be_deleted_is_tried_again(slow, describing):
    describing += ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
    with pytest.raises(EngineFailed, match="could not be deleted, it is DELETE_FAILED") as failure:
        await slow.remove(CLOUD, ACCESS, Told())
    assert not failure.value.is_final


async def test_a_stack_that_takes_too_long_is_looked_at_later(slow, describing):
    describing += ["DELETE_IN_PROGRESS"]
    with pytest.raises(EngineFailed, match="still being deleted") as failure:
        await slow.remove(CLOUD, ACCESS, Told())
    assert not failure.value.is_final


async def test_the_role_may_go_before_the_rest_of_its_stack(slow, describing):
    describing += [AwsRefused("cloudformation", "describe_stacks", "AccessDenied", "")]
    assert "our role with it" in (await slow.remove(CLOUD, ACCESS, Told())).notes["stack"]


async def test_a_role_that_lets_nobody_in_does_not_keep_the_record(aws, engine):
    aws.external_ids["builder"] = "changed by its owner"
    removed = await engine.remove(CLOUD, ACCESS, Told())
    assert "lets us in no more" in removed.notes["role"]
    await engine.release(CLOUD, ACCESS, DEVICE)


async def test_a_cloud_that_was_never_connected_is_simply_forgotten(engine):
    assert (await engine.remove(CLOUD, None, Told())).notes
    with pytest.raises(EngineFailed, match="has not called back"):
        await engine.browser_keys(CLOUD, None, None)
