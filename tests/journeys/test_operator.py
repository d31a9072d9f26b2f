"""An operator at the command line of a machine on which the service runs, and afterwards on one where it does not."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from factories.running import RunningCloud, running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operator")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[RunningCloud]:
    """A service that was started on an empty folder."""
    with running_cloud(folder, "serve") as cloud:
        yield cloud


def command(folder: Path, *words: str) -> Any:
    """What a command answers."""
    done = subprocess.run(
        [sys.executable, "-m", "cloudstead.app", *words, "--data", str(folder / "data"), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask(cloud: RunningCloud, path: str, key: str, *, form: dict[str, str] | None = None) -> tuple[int, str]:
    data = None if form is None else urllib.parse.urlencode(form).encode()
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    request = urllib.request.Request(f"{cloud.ready['http']}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_an_account_is_opened_limited_and_suspended_while_the_service_runs(running: RunningCloud, folder: Path) -> None:
    assert command(folder, "account", "list") == []
    assert "cloudstead account create" in ask(running, "/", "")[1]
    opened = command(folder, "account", "create", "--name", "One", "--user", "ada")
    key = opened["api_key"]
    assert "cloudstead account create" not in ask(running, "/", "")[1]

    assert ask(running, "/v3/accounts/me", key)[0] == 200
    command(folder, "account", "policy", "localhost", "--deny", "policy-group")
    assert ask(running, "/v3/policy-groups", key)[0] == 403
    command(folder, "account", "policy", "localhost", "--forget", "policy-group")
    assert ask(running, "/v3/policy-groups", key)[0] == 200
    assert command(folder, "account", "suspend", "localhost")["status"] == "SUSPENDED"
    assert ask(running, "/v3/accounts/me", key)[0] == 403
    assert command(folder, "account", "resume", "localhost")["status"] == "ACTIVE"
    assert ask(running, "/v3/accounts/me", key)[0] == 200

    made = command(folder, "person", "reset-link", "ada")
    parts = urllib.parse.urlsplit(made["link"])
    [token] = urllib.parse.parse_qs(parts.query)["token"]
    form = {"token": token, "password": "a long way to the sea", "again": "a long way to the sea"}
    assert made["link"].startswith(f"{running.ready['http']}/people/set-password?")
    assert ask(running, parts.path, "", form=form)[0] == 200
    signed_in = ask(running, "/people/sign-in", "", form={"userName": "ada", "password": "a long way to the sea"})
    assert signed_in[0] == 200, signed_in
    assert "cst_" in signed_in[1]

    assert running.stop() == 0
    assert not (folder / "data" / "operator.sock").exists()
    assert [each["name"] for each in command(folder, "account", "list")] == ["One"]
    assert command(folder, "account", "limit", "localhost", "cert-count", "7")["hosts"]


def test_an_access_key_opens_the_cloud_from_when_it_is_printed_until_it_is_removed(
    tmp_path: Path,
) -> None:
    with running_cloud(tmp_path, "serve") as running:
        use_an_access_key(running, tmp_path)


def use_an_access_key(running: RunningCloud, folder: Path) -> None:
    command(folder, "account", "create", "--name", "Keys", "--user", "kim")
    made = command(folder, "access-key", "create", "--person", "kim")
    sts = boto3.client(
        "sts",
        endpoint_url=running.ready["http"],
        region_name=made["region"],
        config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=made["id"],
        aws_secret_access_key=made["secret"],
    )
    assert sts.get_caller_identity()["Account"] == made["account_number"]
    asked = ("access-key", "list", "--person", "kim", "--data", str(folder / "data"))
    printed = subprocess.run(
        [sys.executable, "-m", "cloudstead.app", *asked], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert made["id"] in printed
    assert made["secret"] not in printed
    assert command(folder, "access-key", "remove", made["id"])["user_name"] == "kim"
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
