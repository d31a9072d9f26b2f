"""Somebody is invited into a group and comes in with a browser; and one device is the same in every API."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from factories.chromium import chromium
from journeys.plain import ask
from journeys.test_invitations import PASSWORD, api, sign_in
from journeys.test_people import guest, mailed_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factories.chromium import Browser
    from factories.demo import Demo
    from journeys.aws_user import AwsUser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


class GroupUser:
    """Somebody who speaks Groups, with the key that a client is given."""

    def __init__(self, demo: Demo, key: str) -> None:
        self._demo = demo
        key_id = key.split("_")[1] if key.startswith("csk_") else key[47:79]
        basic = base64.b64encode(f"{key_id}:{key}".encode()).decode()
        path = "/oauth2/token?grant_type=client_credentials"
        form = "application/x-www-form-urlencoded"
        self._token = ask(demo, "POST", path, b"", Authorization=f"Basic {basic}", Content_Type=form).json[
            "access_token"
        ]

    def call(self, method: str, path: str, body: Any = None, *, expected: int = 200) -> Any:
        answer = ask(self._demo, method, f"/v1{path}", body, Authorization=self._token)
        assert answer.status == expected, answer.text
        return answer.json


def hand_in(demo: Demo, group: dict[str, Any], **uplink: Any) -> Any:
    """Hand an uplink in as the network does."""
    answer = ask(demo, "POST", "/sigfox/data", uplink, Authorization=f"Bearer {group['token']}")
    assert answer.status == 200, answer.text
    return answer.json


def place_and_type(user: AwsUser, name: str) -> tuple[str, str]:
    """Return a thing's domain and type as Cloud Connect tells them."""
    thing = user.invoke("ThingLambda.GET", thingName=name, domain=None, thingType=None)
    return thing["domain"]["id"], thing["thingType"]


def test_whoever_is_invited_into_a_group_comes_in_by_browser_and_sees_that_group_alone(
    demo: Demo, administrator: AwsUser, browser: Browser
) -> None:
    owner = GroupUser(demo, administrator.who.api_key)
    group = owner.call("POST", "/group", {"name": demo.new_name("harvest")})
    below = owner.call("POST", f"/group?parentId={group['id']}", {"name": "below"})
    name = demo.new_name("picker")
    address = f"{name}@pickers.example"
    invitation = {"email": address, "groupId": group["id"], "roleId": "group-installer"}
    assert owner.call("PUT", "/group/invite", invitation)["message"] == "The user was invited by mail."

    browser.open(demo.url() + mailed_link(demo, address, about="invitation"))
    assert address in browser.text
    for field, value in {"userName": name, "fullName": "A Picker", "password": PASSWORD, "again": PASSWORD}.items():
        browser.fill(field, value)
    browser.submit()
    assert "You are in" in browser.text

    who = guest(demo, name, PASSWORD).who
    token = sign_in(demo, who)
    assert api(demo, "GET", "/v3/users/me", token)["username"] == name
    api(demo, "GET", "/v3/users", token, expected=403)
    key = api(demo, "POST", "/v3/api-keys", token, {"name": "my client"}, expected=201)["key"]
    member = GroupUser(demo, key)
    seen = member.call("GET", "/user/groups")["items"]
    assert [(each["id"], each["role"]["name"]) for each in seen] == [
        (group["id"], "Installer"),
        (below["id"], "Installer"),
    ]
    users = {each["email"]: each for each in member.call("GET", f"/group/users?groupId={group['id']}")["items"]}
    assert (users[address]["firstName"], users[address]["role"]["name"]) == ("A", "Installer")
    invited = guest(demo, name, PASSWORD).log_in()
    assert list(invited.invoke("DomainLambda.LIST", name=None)) == [group["id"]]

    owner.call("DELETE", f"/group/user?groupId={group['id']}&userId={users[address]['id']}")
    assert member.call("GET", "/user/groups")["items"] == []
    member.call("GET", f"/group?groupId={group['id']}", expected=400)


def test_one_device_is_registered_in_a_group_and_is_the_same_thing_everywhere(
    demo: Demo, administrator: AwsUser
) -> None:
    owner = GroupUser(demo, administrator.who.api_key)
    group = owner.call("POST", "/group", {"name": demo.new_name("field")})
    barn = owner.call("POST", f"/group?parentId={group['id']}", {"name": "barn"})
    radio = f"{int(demo.new_name('x').partition('-')[2]) + 0xA0000:X}"
    sent = {"originalDevicesIds": [radio], "groupId": group["id"], "network": "sigfox", "type": "meter"}
    owner.call("POST", "/devices", sent)
    [device] = owner.call("GET", f"/group/devices?groupId={group['id']}")["items"]
    name = device["name"]

    assert place_and_type(administrator, name) == (group["id"], "meter")
    wish = {
        "devicesIds": [device["deviceId"]],
        "groupId": group["id"],
        "configuration": '{"downlink":"00112233aabbccdd"}',
    }
    owner.call("PUT", "/devices", wish)
    answered = hand_in(demo, group, device=radio, data="0A0B", time="1790000000", seqNumber="7", ack="true")
    assert answered == {radio: {"downlinkData": "00112233aabbccdd"}}
    shadow = administrator.shadow(name)["state"]
    assert shadow["reported"] == {"data": "0a0b", "time": 1790000000, "seqNumber": 7}
    assert shadow["desired"] == {"downlink": "00112233aabbccdd"}
    window = {"range": {"timestamp": {"gte": 0}}}
    query = {"query": {"bool": {"must": [window, {"term": {"thingName": name}}]}}}
    found = administrator.invoke("ObservationLambda.FIND", query=query)
    assert [hit["_source"]["state"]["data"] for hit in found["hits"]["hits"]] == ["0a0b"]

    move = {"deviceIds": [device["deviceId"]], "groupId": group["id"], "toGroupId": barn["id"]}
    owner.call("PUT", "/devices/transfer", move)
    assert place_and_type(administrator, name) == (barn["id"], "meter")
    assert hand_in(demo, group, device=radio, data="0c") == {}
    administrator.update(name, state={"reported": {"battery": 2.8}})
    assert owner.call("GET", f"/device?deviceId={device['deviceId']}")["battery"] == "2.8"
    owner.call("POST", "/devices/delete", {"deviceIds": [device["deviceId"]], "groupId": barn["id"]})
    token = sign_in(demo, administrator.who)
    log = api(demo, "GET", f"/v3/audit-log?object_id__eq={name}", token)["data"]
    assert [each["operation"] for each in log] == ["thing.create", "thing.update", "thing.remove"]
