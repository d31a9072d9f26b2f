"""The vendor's own model as a witness: the last boto3 that brought it, where the environment for it was made."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from factories.demo import REGION

if TYPE_CHECKING:
    from factories.demo import Demo
    from journeys.aws_user import AwsUser

WITNESS = Path(sys.prefix) / "witness" / "bin" / "python"
PROGRAM = Path(__file__).with_name("vendor_panorama.py")

pytestmark = pytest.mark.skipif(not WITNESS.exists(), reason="the environment of the witness is missing: make clients")


def test_a_program_with_the_vendors_model_does_all_with_its_own_exceptions(demo: Demo, administrator: AwsUser) -> None:
    iam = administrator.client("iam")
    key = iam.create_access_key()["AccessKey"]
    name = demo.new_name("witness")
    words = (demo.url(), REGION, key["AccessKeyId"], key["SecretAccessKey"], name)
    ended = subprocess.run([WITNESS, "-I", PROGRAM, *words], capture_output=True, text=True, check=False, timeout=120)
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)

    taken, malformed = seen.pop("taken"), seen.pop("malformed")
    assert (taken["ResourceType"], taken["ErrorArguments"]) == ("device", [{"Name": "Name", "Value": name}])
    assert (malformed["Reason"], malformed["Fields"][0]["Name"]) == ("FIELD_VALIDATION_FAILED", "Name")
    assert seen == {
        "boto3": "1.43.37",
        "status": "AWAITING_PROVISIONING",
        "entries": ["claim.crt.pem", "claim.key.pem", "manifest.json", "network.json", "root-ca.pem"],
        "described": [name, "AWAITING_PROVISIONING", "AWAITING_CREDENTIALS"],
        "year": datetime.now(UTC).year,
        "listed": True,
        "description": "moved",
        "tags": {"floor": "2"},
        "deleted": True,
        "gone": "device",
    }
