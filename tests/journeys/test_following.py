"""An operator follows what happens: in the headers of answers, in the log of the process, in the metrics."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from factories.repository import ROOT
from factories.running import FunctionRefused, RunningCloud, running_cloud

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "open sesame"
MISTYPED = "my pass phrase"


class Followed:
    """A cloud that was used and stopped, with the answers that it gave and the lines that it wrote."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud
        self.api_key: str = cloud.ready["api_key"]
        self.shadow = f"/things/{cloud.ready['thing_name']}/shadow"
        self.lines: list[dict[str, Any]] = []
        self.text = ""
        while self.ask("GET", self.shadow, None, "wait")[0] == 404:
            pass  # until the machine has reported for the first time
        self.accepted = self.ask(
            "POST", self.shadow + "?hush=1", {"state": {"desired": {"word": SECRET}}}, "accepted-1"
        )
        self.read = self.ask("GET", self.shadow, None, "read-1")
        self.rejected = self.ask("POST", self.shadow, {"state": {"desired": {}}, "version": 999_999}, "rejected-1")
        self.history = json.loads(self.ask("GET", self.shadow + "/history?limit=100", None, "history-1")[2])["changes"]
        for user_name in ("admin", MISTYPED):
            with pytest.raises(FunctionRefused):
                cloud.invoke("AuthLambda", action="LOGIN", attributes={"userName": user_name, "password": SECRET})
        self.metrics = self.ask("GET", "/metrics", None, "metrics-1")[2].decode()

    def ask(self, method: str, path: str, body: object, request_id: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(
            self._cloud.ready["http"] + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.api_key}", "x-request-id": request_id},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def told(self, event: str, **fields: object) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event and fields.items() <= line.items()]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    folder: Path = tmp_path_factory.mktemp("followed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "CLOUDSTEAD_LOGGING_LEVEL", "debug")
        with running_cloud(folder) as cloud:
            made = Followed(cloud)
            cloud.stop()
    made.text = (folder / "log.txt").read_text(encoding="utf-8")
    made.lines = [json.loads(line) for line in made.text.splitlines()]
    return made


def test_an_answer_leads_to_the_change_in_the_history(followed: Followed) -> None:
    status, headers, _ = followed.accepted
    [change] = [each for each in followed.history if str(each["offset"]) == headers["x-cloudstead-offset"]]

    assert (status, change["code"], change["authorName"]) == (200, 200, "admin")
    assert change["request"] == {"state": {"desired": {"word": SECRET}}}


def test_a_rejection_leads_to_the_rejected_change_in_the_history(followed: Followed) -> None:
    status, headers, _ = followed.rejected
    [change] = [each for each in followed.history if str(each["offset"]) == headers["x-cloudstead-offset"]]

    assert (status, change["code"]) == (409, 409)


def test_a_read_names_the_last_change_that_the_shadow_has_seen(followed: Followed) -> None:
    document = json.loads(followed.read[2])
    [change] = [each for each in followed.history if (each["version"], each["code"]) == (document["version"], 200)]

    assert followed.read[1]["x-cloudstead-offset"] == str(change["offset"])


@pytest.mark.parametrize(("answer", "request_id"), [("accepted", "accepted-1"), ("rejected", "rejected-1")])
def test_the_log_ties_request_and_offset_together(followed: Followed, answer: str, request_id: str) -> None:
    status, headers, _ = getattr(followed, answer)
    [line] = followed.told("shadow_request", request_id=request_id)
    [request] = followed.told("http_request", request_id=request_id)

    assert (line["offset"], line["code"]) == (int(headers["x-cloudstead-offset"]), status)
    assert (request["path"], request["status"], request["principal"]) == (followed.shadow, status, line["principal"])


def test_the_log_tells_of_the_device_from_connect_to_the_end(followed: Followed) -> None:
    thing = f"thing:{followed.shadow.split('/')[2]}"

    assert len(followed.told("mqtt_connected", kind="device", principal=thing)) == 1
    [end] = followed.told("mqtt_disconnected", kind="device", principal=thing)
    assert end["reason"]


def test_a_failed_sign_in_is_told_without_what_was_typed(followed: Followed) -> None:
    known, unknown = followed.told("sign_in_refused")

    assert known["principal"].startswith("person:")
    assert (unknown["principal"], unknown["address"]) == (None, "127.0.0.1")


def test_the_log_tells_the_start_and_the_end(followed: Followed) -> None:
    events = [line["event"] for line in followed.lines]

    assert events.index("ready") < events.index("stopping") < events.index("stopped")


def test_no_line_holds_a_secret_a_query_or_a_payload(followed: Followed) -> None:
    secrets = (SECRET, MISTYPED, followed.api_key, followed.api_key.rpartition("_")[2], "hush")

    assert [secret for secret in secrets if secret in followed.text] == []


def test_every_metric_that_is_served_stands_in_the_reference(followed: Followed) -> None:
    served = set(re.findall(r"^# TYPE (cloudstead_\w+)", followed.metrics, re.MULTILINE))
    page = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(cloudstead_\w+)`", page, re.MULTILINE))

    assert len(served) > 40
    assert served ^ told == set()
