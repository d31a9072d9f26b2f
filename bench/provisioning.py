"""What provisioning costs: ProvisionDevice calls and registrations per second, against the real server process.

Usage: provisioning.py [SECONDS]. Every call is signed with Signature Version 4 by an access key, has a name and a body
of its own, and is signed before the clock starts; each makes a key, a certificate and an archive, and writes a device
and an audit row in one transaction, durably. Registrations come from that many devices, each with a request for a key
of its own, over plain HTTP with the proof of the claim in the body, so that no TLS handshakes are in the figure; each
makes a thing with a lasting certificate. The client is a process of its own on the same machine (``_http_load.py``).
PostgreSQL is a private one on a Unix socket, with its commits synced. Takes about 40 seconds with the default of three
seconds for each measurement.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import importlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from cryptography.hazmat.primitives.asymmetric import ec

from _figures import Figure, conditions, tell
from _http_load import Answered, Load, apply
from cloudstead.app.agent.archive import read_archive, signed_request
from cloudstead.web.sigv4 import ALGORITHM, Rules, Signature, SignedRequest, canonical_request, signing_key

# The tests know how to run a cloud and how to start a PostgreSQL.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")
postgres: Any = importlib.import_module("factories.postgres")

CONNECTIONS = 16
REGION = "eu-west-1"
LEAST_PER_S = 200
MOST_PER_S = 1500  # how many requests are made ready for each second of a measurement without a pace
DEVICES = 1500
NAMES = count()
RULES = Rules(frozenset({"panorama"}), takes_any_region=True)


class Key(NamedTuple):
    """An access key."""

    id: str
    secret: str


class Server(NamedTuple):
    """A process that serves."""

    pid: int
    port: int


class Speed(NamedTuple):
    """How fast requests were answered, and what each cost the server's process."""

    answered: Answered
    cpu_us: float


def operate(folder: Path, *words: str) -> Any:
    command = [sys.executable, "-m", "cloudstead.app", *words, "--data", str(folder / "data"), "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def signed(key: Key, port: int, body: bytes) -> bytes:
    """Return a ProvisionDevice call as boto3 sends it."""
    at = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    host = f"127.0.0.1:{port}"
    names = ("content-type", "host", "x-amz-date")
    headers = dict(zip(names, ("application/json", host, at), strict=True))
    claim = Signature(key.id, at[:8], REGION, "panorama", names, "", at, None, None, stands_in_query=False)
    request = SignedRequest("POST", "/devices", "", tuple(headers.items()), hashlib.sha256(body).hexdigest())
    scope = f"{claim.day}/{REGION}/panorama/aws4_request"
    digest = hashlib.sha256(canonical_request(request, claim, RULES).encode()).hexdigest()
    sealed = hmac.digest(
        signing_key(key.secret, claim.day, REGION, "panorama"),
        f"{ALGORITHM}\n{at}\n{scope}\n{digest}".encode(),
        "sha256",
    )
    proof = f"{ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={';'.join(names)}, Signature={sealed.hex()}"
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = ["POST /devices HTTP/1.1", *lines, f"authorization: {proof}", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def calls(key: Key, port: int, number: int) -> list[bytes]:
    """Return calls that each announce another device, as an installer would: tags, and a fixed address."""
    network = {
        "Ethernet0": {
            "ConnectionType": "STATIC_IP",
            "StaticIpConnectionInfo": {
                "DefaultGateway": "192.0.2.1",
                "Dns": ["192.0.2.53"],
                "IpAddress": "192.0.2.10",
                "Mask": "255.255.255.0",
            },
        }
    }
    more = {"Description": "by the gate", "Tags": {"site": "harbour"}, "NetworkingConfiguration": network}
    return [signed(key, port, json.dumps({"Name": f"camera-{next(NAMES)}", **more}).encode()) for _ in range(number)]


def registrations(key: Key, port: int) -> list[bytes]:
    """Announce devices, and return what each sends to register."""
    made = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "archive.zip")
        for call in calls(key, port, DEVICES):
            head, _, body = call.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
            connection.request("POST", "/devices", body, dict(lines))
            file.write_bytes(base64.b64decode(json.load(connection.getresponse())["Certificates"]))
            asked = signed_request(read_archive(file), ec.generate_private_key(ec.SECP256R1()))
            made.append(
                b"POST /provision/register HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%b" % (len(asked), asked)
            )
    connection.close()
    return made


class Bench:
    """Measures one engine after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def measure(self, engine: str, folder: Path, url: str = "") -> None:
        """Run a cloud in ``folder``, with its state in PostgreSQL where a ``url`` is given, and measure it."""
        folder.mkdir()
        os.environ["CLOUDSTEAD_STORAGE_URL"] = url
        with running.running_cloud(folder, "serve") as cloud:
            opened = operate(folder, "account", "create", "--name", "Bench", "--user", "ada")
            operate(folder, "account", "limit", opened["number"], "provisioned-device-count", "999999")
            made = operate(folder, "access-key", "create", "--person", "ada")
            key = Key(made["id"], made["secret"])
            server = Server(cloud.process.pid, int(cloud.ready["http"].rpartition(":")[2]))
            self._announce(engine, server, key)
            self._register(engine, server, key)

    def _announce(self, engine: str, server: Server, key: Key) -> None:
        most = calls(key, server.port, int(MOST_PER_S * (self._seconds + 1)))
        found, cpu_us = self._load(server, most)
        tell(
            Figure(
                name=f"ProvisionDevice, {engine}",
                value=f"{found.per_second:,.0f}/s, p99 {found.p99_ms:.1f} ms, {cpu_us:.0f} us of processor",
                target=f"{LEAST_PER_S}/s",
                is_met=found.per_second >= LEAST_PER_S,
            )
        )
        paced, _ = self._load(
            server, calls(key, server.port, int(LEAST_PER_S * (self._seconds + 2))), per_second=LEAST_PER_S
        )
        tell(
            Figure(
                name=f"ProvisionDevice, {engine}, at {LEAST_PER_S}/s",
                value=f"{paced.per_second:,.0f}/s, p50 {paced.p50_ms:.1f} ms, p99 {paced.p99_ms:.1f} ms",
            )
        )

    def _register(self, engine: str, server: Server, key: Key) -> None:
        found, cpu_us = self._load(server, registrations(key, server.port))
        tell(
            Figure(
                name=f"registrations, {engine}",
                value=f"{found.per_second:,.0f}/s, p99 {found.p99_ms:.1f} ms, {cpu_us:.0f} us of processor",
                target=f"{LEAST_PER_S}/s",
                is_met=found.per_second >= LEAST_PER_S,
            )
        )

    def _load(self, server: Server, requests: list[bytes], *, per_second: float = 0) -> Speed:
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        answered = apply(
            Load(
                port=server.port,
                requests=requests,
                connections=CONNECTIONS,
                seconds=self._seconds,
                per_second=per_second,
                is_repeated=False,
            )
        )
        after = process.cpu_times()
        cpu_s = after.user + after.system - before.user - before.system
        return Speed(answered, 1e6 * cpu_s / answered.sent)


def main() -> None:
    """Measure both engines."""
    print(f"{CONNECTIONS} connections, one request at a time on each; {conditions()}, shared with the client")
    bench = Bench(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
    with tempfile.TemporaryDirectory() as folder:
        bench.measure("SQLite", Path(folder, "sqlite"))
        with postgres.private_postgresql(durable=True) as server:
            bench.measure("PostgreSQL", Path(folder, "postgresql"), server.new_database())


if __name__ == "__main__":
    main()
