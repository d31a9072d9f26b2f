"""Load, ``kill -9`` at a random moment, restart, count: ``make crash``.

Things publish numbered reports at QoS 1 as fast as they are acknowledged. After each kill the cloud is started again on
the same data (every third time it is killed once more while it recovers), and everything that was acknowledged is
looked for among the observations. A report is *lost* when it was acknowledged and is not there, and *doubled* when it
is there more than once, or counted more than once by the version of its shadow. A thing is *at odds* when its shadow,
its observations and its history do not tell the same story. At the end the objects of the archive are read: a report is
*unarchived* when it was acknowledged and is in none, and *archived twice* when it is in several.

A report that was under way when the cloud was killed may be there or not. It is never sent again.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt

from crash.archives import archived_reports
from factories.running import running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterable

    from factories.running import RunningCloud

_IN_FLIGHT = 20
_PACKET_IDS = 65_000
_PAGE = 5000
_PAD = "x" * 1500
_EVER = {"range": {"timestamp": {"gte": 0}}}


@dataclass
class Outcome:
    """What a round, or all of them, came to."""

    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    at_odds: int = 0
    unarchived: int = 0
    archived_twice: int = 0

    def add(self, other: Outcome) -> None:
        """Count another one in."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def is_sound(self) -> bool:
        """Whether everything is there, once."""
        return not (self.lost or self.doubled or self.at_odds or self.unarchived or self.archived_twice)

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged:6}  found {self.found:6}  lost {self.lost}  doubled {self.doubled}  "
            f"at odds {self.at_odds}  unarchived {self.unarchived}  archived twice {self.archived_twice}"
        )


@dataclass
class Reporter:
    """A thing that counts upwards, over all rounds."""

    name: str
    tls: ssl.SSLContext
    sent: int = 0
    acknowledged: set[int] = field(default_factory=set)

    def report_until_cut(self, address: str) -> None:
        """Publish as fast as is acknowledged, until the connection ends."""
        numbers: dict[int, int] = {}
        acknowledged: list[int] = []
        slots = threading.Semaphore(_IN_FLIGHT)
        cut = threading.Event()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=self.name, reconnect_on_failure=False)
        client.tls_set_context(self.tls)

        def on_publish(_client: Any, _user: Any, packet_id: int, *_rest: Any) -> None:
            # No lock of ours: the client calls this with one of its own held, which publish() asks for as well.
            acknowledged.append(packet_id)
            slots.release()

        def on_disconnect(*_rest: Any) -> None:
            cut.set()
            slots.release()

        client.on_publish = on_publish
        client.on_disconnect = on_disconnect
        host, port = address.rsplit(":", 1)
        client.connect(host, int(port))
        client.loop_start()
        # Packet ids begin anew after 65,535; within one connection each stands for one report here.
        while not cut.is_set() and len(numbers) < _PACKET_IDS:
            slots.acquire()
            self.sent += 1
            # Shadows know nothing of what stands beside the state; it lets files of the archive fill up.
            report = json.dumps({"state": {"reported": {"n": self.sent}}, "by": self.name, "n": self.sent, "pad": _PAD})
            numbers[client.publish(f"$aws/things/{self.name}/shadow/update", report, qos=1).mid] = self.sent
        cut.wait()
        client.loop_stop()
        self.acknowledged.update(numbers[packet_id] for packet_id in acknowledged)


def make_things(cloud: RunningCloud, count: int) -> list[Reporter]:
    """Make things and fetch their certificates."""
    attributes = {"id": "counter", "label": "Counter", "domain": "root"}
    cloud.invoke("ThingTypeLambda", action="CREATE", attributes=attributes)
    return [_make_thing(cloud, f"counter-{number}") for number in range(count)]


def _make_thing(cloud: RunningCloud, name: str) -> Reporter:
    attributes = {"thingName": name, "thingType": "counter", "domain": "root"}
    cloud.invoke("ThingLambda", action="CREATE", attributes=attributes)
    bundle = cloud.invoke("ThingLambda", action="DOWNLOAD_CERTIFICATE", attributes={"thingName": name})
    tls = ssl.create_default_context(cafile=cloud.ready["ca_file"])
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle))).extractall(folder)
        tls.load_cert_chain(Path(folder, name, "cert.pem"), Path(folder, name, "privkey.pem"))
    return Reporter(name, tls)


def load_and_kill(cloud: RunningCloud, reporters: list[Reporter], after_s: float) -> None:
    """Let every thing report, and kill the cloud after some time."""
    threads = [threading.Thread(target=each.report_until_cut, args=(cloud.ready["mqtts"],)) for each in reporters]
    for thread in threads:
        thread.start()
    threading.Event().wait(after_s)
    cloud.kill()
    for thread in threads:
        thread.join()


def kill_while_recovering(folder: Path, after_s: float) -> None:
    """Start the cloud and kill it after some time, ready or not."""
    listeners = ("--http", "127.0.0.1:0", "--https", "", "--mqtts", "127.0.0.1:0", "--thing-event", "")
    command = [sys.executable, "-m", "cloudstead.app", "demo", "--data", str(folder / "data"), *listeners]
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    try:
        code = process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    else:
        raise AssertionError(f"the cloud ended by itself, exit code {code}")


def look_for(cloud: RunningCloud, reporter: Reporter, since: int) -> Outcome:
    """Look for the reports numbered above ``since``, and at the shadow."""
    found: set[int] = set()
    hits = 0
    for first in range(since, reporter.sent, _PAGE):
        numbers = {"range": {"state.n": {"gt": first, "lte": first + _PAGE}}}
        answer = _find(cloud, reporter, numbers, size=2 * _PAGE)
        hits += answer["hits"]["total"]
        found |= {hit["_source"]["state"]["n"] for hit in answer["hits"]["hits"]}
    expected = {number for number in reporter.acknowledged if number > since}
    shadow = cloud.invoke("ThingLambda", action="GET", attributes={"thingName": reporter.name, "shadow": None})[
        "shadow"
    ]
    stored = _find(cloud, reporter, _EVER, size=0)["hits"]["total"]
    newest = max(found, default=since)
    version, last = shadow.get("version", 0), shadow["state"].get("reported", {}).get("n", 0)
    return Outcome(
        acknowledged=len(expected),
        found=len(found),
        lost=len(expected - found),
        doubled=hits - len(found) + max(0, version - stored),
        at_odds=int(version != stored or (bool(found) and last != newest)),
    )


def _find(cloud: RunningCloud, reporter: Reporter, condition: dict[str, Any], *, size: int) -> Any:
    terms = [{"term": {"thingName": reporter.name}}, _EVER, condition]
    query = {"size": size, "query": {"bool": {"must": terms}}, "_source": ["state.n"]}
    return cloud.invoke("ObservationLambda", action="FIND", query=query)


def compare_histories(folder: Path, names: Iterable[str], *, stored: int) -> Outcome:
    """Read the histories in the data of a stopped cloud: the versions of a thing count from 1, in the order of the log.

    Together they hold as many changes as there are reports ``stored``.

    One process holds the store, and none may fork once it has opened it, so a process of its own reads.
    """
    program = Path(__file__).with_name("histories.py")
    output = subprocess.run([sys.executable, program, folder / "data", *names], stdout=subprocess.PIPE, check=True)
    histories = json.loads(output.stdout).values()
    outcome = Outcome(at_odds=int(sum(len(history["changes"]) for history in histories) != stored))
    for history in histories:
        versions = [change["version"] for change in history["changes"]]
        offsets = [change["offset"] for change in history["changes"]]
        outcome.doubled += len(offsets) - len(set(offsets))
        outcome.at_odds += versions != list(range(1, len(versions) + 1))
        outcome.at_odds += history["observed"] != offsets
    return outcome


def look_into_archive(folder: Path, reporters: list[Reporter]) -> Outcome:
    """Look for every acknowledged report in the objects of the archive."""
    archived = archived_reports(folder / "data")
    expected = {(reporter.name, number) for reporter in reporters for number in reporter.acknowledged}
    return Outcome(
        unarchived=len(expected - set(archived)),
        archived_twice=sum(count - 1 for count in archived.values()),
    )


def run_rounds(folder: Path, rounds: int, *, things: int, longest_s: float, random_source: random.Random) -> Outcome:
    """Run the rounds in ``folder``, print a line for each, and return what they came to."""
    total = Outcome()
    with running_cloud(folder) as cloud:
        reporters = make_things(cloud, things)
    for number in range(1, rounds + 1):
        since = {reporter.name: reporter.sent for reporter in reporters}
        after_s = random_source.uniform(0.2, longest_s)
        story = f"killed after {after_s:4.2f} s"
        with running_cloud(folder) as cloud:
            load_and_kill(cloud, reporters, after_s)
        if number % 3 == 2:
            again_s = random_source.uniform(0.3, 1.5)
            kill_while_recovering(folder, again_s)
            story += f", again {again_s:4.2f} s into the start"
        outcome = Outcome()
        with running_cloud(folder) as cloud:
            for reporter in reporters:
                outcome.add(look_for(cloud, reporter, since[reporter.name]))
        if cloud.process.returncode:
            raise AssertionError(f"the cloud did not stop well, exit code {cloud.process.returncode}")
        _say(f"round {number:3}  {outcome}  {story}")
        total.add(outcome)
    total.add(compare_histories(folder, [reporter.name for reporter in reporters], stored=total.found))
    total.add(look_into_archive(folder, reporters))
    return total


def main() -> None:
    """Run as many rounds as were asked for; exit code 1 when anything was lost or is there twice."""
    parser = argparse.ArgumentParser(description="Kill the cloud under load and count what it had acknowledged.")
    # `make crash ROUNDS=50` reaches us through the environment.
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "20")))
    parser.add_argument("--things", type=int, default=8)
    parser.add_argument("--longest", type=float, default=3.0, metavar="SECONDS", help="longest time under load")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    chosen = parser.parse_args()
    _say(f"seed {chosen.seed}")
    with tempfile.TemporaryDirectory(prefix="cloudstead-crash-") as folder:
        source = random.Random(chosen.seed)
        total = run_rounds(
            Path(folder), chosen.rounds, things=chosen.things, longest_s=chosen.longest, random_source=source
        )
    _say(f"all {chosen.rounds:5}  {total}")
    sys.exit(0 if total.is_sound else 1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
