"""ProvisionDevice as its clients see it: boto3 with our service description, and a device with an archive."""

from __future__ import annotations

import http.client
import io
import json
import ssl
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from factories.demo import REGION
from factories.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODELS = ROOT / "clients" / "boto3"
_ASKED_AT_MOST = 1000


def panorama(url: str, keys: Mapping[str, str], *, region: str = REGION, attempts: int = 1) -> Any:
    """Return a boto3 client; ``keys`` are those of an access key, or temporary ones with their token."""
    session = botocore.session.Session()
    session.set_config_variable("data_path", str(MODELS))
    return boto3.Session(botocore_session=session).client(
        "panorama",
        endpoint_url=url,
        region_name=region,
        config=Config(retries={"total_max_attempts": attempts}),
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys.get("SecretAccessKey") or keys["SecretKey"],
        aws_session_token=keys.get("SessionToken"),
    )


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict[str, Any]


class Carried:
    """An archive on its way, and the device that opens it."""

    def __init__(self, archive: bytes) -> None:
        self.files = {}
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            self.files = {name: opened.read(name) for name in opened.namelist()}
        self.manifest = json.loads(self.files["manifest.json"])
        self.claim = x509.load_pem_x509_certificate(self.files["claim.crt.pem"])
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def private_key(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def request(self) -> x509.CertificateSigningRequest:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever it says")])
        return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key, SHA256())

    def tls(self, certificate: bytes | None = None, key: bytes | None = None) -> ssl.SSLContext:
        """Return a context that shows the claim, or another certificate."""
        context = ssl.create_default_context(cadata=self.files["root-ca.pem"].decode())
        with tempfile.TemporaryDirectory() as folder:
            chain, private = Path(folder, "c"), Path(folder, "k")
            chain.write_bytes(certificate or self.files["claim.crt.pem"])
            private.write_bytes(key or self.files["claim.key.pem"])
            context.load_cert_chain(chain, private)
        return context

    def send(self, body: bytes, tls: ssl.SSLContext) -> Reply:
        place = urlsplit(self.manifest["registerUrl"])
        connection = http.client.HTTPSConnection(place.hostname or "", place.port, context=tls, timeout=30)
        try:
            connection.request("POST", place.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return Reply(answer.status, json.loads(answer.read()))
        finally:
            connection.close()

    def register(self, **more: str) -> Reply:
        """Register with the claim in the handshake."""
        body = {"csr": self.request().public_bytes(Encoding.PEM).decode(), **more}
        return self.send(json.dumps(body).encode(), self.tls())


def until(ask: Callable[[], dict[str, Any]], is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask again and again, a call after the other, until the answer is as wanted."""
    for _ in range(_ASKED_AT_MOST):
        told = ask()
        if is_there(told):
            return told
    raise AssertionError(f"the last answer was {told}")
