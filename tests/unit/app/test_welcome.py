from __future__ import annotations

import io

import msgspec
from rich.console import Console

from cloudstead.app.ready import ReadyReport
from cloudstead.app.welcome import show_ready

REPORT = ReadyReport(
    http="http://127.0.0.1:8080",
    https="https://localhost:8443",
    mqtts="127.0.0.1:8883",
    ca_file="/data/ca.pem",
    hostname="localhost",
    user_name="admin",
    password="s3cret",
    api_key="csk_" + "0" * 97,
    manifest_url="http://127.0.0.1:8080/prod/manifest/?hostname=localhost",
    thing_name="box",
    account_count=1,
)
NOBODY = msgspec.structs.replace(REPORT, user_name=None, password=None, api_key=None, thing_name=None, account_count=0)


def shown(report: ReadyReport) -> str:
    page = io.StringIO()
    show_ready(report, data="data", console=Console(file=page, width=40, highlight=False, soft_wrap=True))
    return page.getvalue()


def test_the_terminal_says_where_to_look_and_how_to_sign_in() -> None:
    told = shown(REPORT)

    for word in (
        "http://127.0.0.1:8080/\n",
        "http://127.0.0.1:8080/docs\n",
        "https://localhost:8443\n",
        "admin\n",
        "s3cret\n",
        "box\n",
    ):
        assert word in told


def test_a_key_is_never_cut_however_narrow_the_terminal() -> None:
    assert str(REPORT.api_key) in shown(REPORT)


def test_a_server_without_accounts_says_how_to_open_one() -> None:
    assert "cloudstead account create --data data" in shown(NOBODY)


def test_a_server_with_accounts_does_not() -> None:
    assert "account create" not in shown(msgspec.structs.replace(NOBODY, account_count=2))


def test_what_is_off_is_not_mentioned() -> None:
    assert "MQTT" not in shown(msgspec.structs.replace(REPORT, mqtts=None))


def test_a_demo_without_the_devices_door_says_that_its_thing_stays_silent() -> None:
    told = shown(msgspec.structs.replace(REPORT, mqtts=None))

    assert "--mqtts" in told
    assert "reports as" not in told
