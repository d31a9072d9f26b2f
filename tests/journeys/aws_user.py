"""Somebody who uses the cloud through boto3, in the order in which Cloud Connect 2.11 logs in."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from factories.demo import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo, Doors, Resident

_BOTO = boto3.Session()  # one for all clients: reading the service models is what takes time
_ONE_TRY = {"total_max_attempts": 1, "mode": "standard"}


class Refused(Exception):
    """A function answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.key = error.get("messageKey")
        self.property = error.get("property")
        self.params = error.get("messageParams")


class AwsUser:
    """A guest who may log in. ``scheme`` says whether to talk plain HTTP or TLS, trusting the cloud's own authority."""

    def __init__(self, doors: Doors, who: Resident, scheme: str = "http") -> None:
        self._doors = doors
        self._scheme = scheme
        self._clients: dict[str, Any] = {}
        self.who = who
        self.manifest = doors.manifest(who)
        self.provider = f"cognito-idp.{REGION}.amazonaws.com/{self.manifest['UserPool']}"
        self.cognito = self._client("cognito-identity", Config(signature_version=UNSIGNED, retries=_ONE_TRY))
        self.identity_id = self.cognito.get_id(IdentityPoolId=self.manifest["IdentityPool"])["IdentityId"]
        self.login: dict[str, Any] = {}
        self.take_keys({})

    def take_keys(self, logins: dict[str, str]) -> None:
        """Ask for AWS keys with these logins, and be who they are for."""
        answer = self.cognito.get_credentials_for_identity(IdentityId=self.identity_id, Logins=logins)
        self.identity_id = answer["IdentityId"]
        self.use(answer["Credentials"])

    def use(self, keys: dict[str, Any]) -> None:
        """Sign with these keys from now on."""
        self.keys = keys
        self._clients.clear()

    def log_in(self) -> AwsUser:
        """Log in as a guest, then take one's own keys."""
        self.login = self.invoke("AuthLambda.LOGIN", userName=self.who.user_name, password=self.who.password)
        self.take_keys({self.provider: self.token})
        return self

    @property
    def token(self) -> str:
        """The token that the login gave."""
        return self.login["credentials"]["token"]

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, which signs with the keys at hand."""
        if service not in self._clients:
            keys = {
                "aws_access_key_id": self.keys["AccessKeyId"],
                "aws_secret_access_key": self.keys["SecretKey"],
                "aws_session_token": self.keys["SessionToken"],
            }
            self._clients[service] = self._client(service, Config(retries=_ONE_TRY), **keys)
        return self._clients[service]

    def invoke(self, label: str, /, *, query: Any = None, **attributes: Any) -> Any:
        """Perform an action such as ``ThingLambda.GET``; raise ``Refused``."""
        function, _, action = label.partition(".")
        payload: dict[str, Any] = {"action": action, "attributes": attributes}
        if query is not None:
            payload["query"] = query
        return self.send(self.manifest[function], payload)

    def send(self, function_name: str, payload: dict[str, Any]) -> Any:
        """Send a payload to a function of any name; raise ``Refused``."""
        answer = self.client("lambda").invoke(FunctionName=function_name, Payload=json.dumps(payload))
        result = json.load(answer["Payload"])
        if isinstance(result, dict) and "errorMessage" in result:
            assert answer["FunctionError"] == "Handled"
            raise Refused(json.loads(result["errorMessage"]))
        return result

    def add_thing(self, name: str, domain: str = "root") -> str:
        """Make a thing, and its type when there is none yet."""
        if all(each["id"] != "sensor" for each in self.invoke("ThingTypeLambda.LIST", label=None)):
            self.invoke("ThingTypeLambda.CREATE", id="sensor", domain="root", label="Sensor")
        self.invoke("ThingLambda.CREATE", thingName=name, thingType="sensor", domain=domain)
        return name

    def fetch_certificate(self, name: str, folder: Path) -> Path:
        """Unpack a thing's certificate, and return the folder that holds its files."""
        bundle = base64.b64decode(self.invoke("ThingLambda.DOWNLOAD_CERTIFICATE", thingName=name))
        zipfile.ZipFile(io.BytesIO(bundle)).extractall(folder)
        return folder / name

    def shadow(self, name: str) -> dict[str, Any]:
        return json.load(self.client("iot-data").get_thing_shadow(thingName=name)["payload"])

    def update(self, name: str, **request: Any) -> dict[str, Any]:
        answer = self.client("iot-data").update_thing_shadow(thingName=name, payload=json.dumps(request))
        return json.load(answer["payload"])

    def _client(self, service: str, config: Config, **keys: str) -> Any:
        address = self._doors.url(self._scheme)
        return _BOTO.client(
            service, endpoint_url=address, region_name=REGION, verify=self._doors.ca_file, config=config, **keys
        )


@pytest.fixture(scope="session")
def administrator(demo: Demo) -> AwsUser:
    return AwsUser(demo, demo.administrator).log_in()


@pytest.fixture(scope="session")
def nora(demo: Demo) -> AwsUser:
    return AwsUser(demo, demo.nora).log_in()


@pytest.fixture(scope="session")
def ron(demo: Demo) -> AwsUser:
    return AwsUser(demo, demo.ron).log_in()


@pytest.fixture(scope="session")
def stranger(demo: Demo) -> AwsUser:
    return AwsUser(demo, demo.stranger).log_in()
