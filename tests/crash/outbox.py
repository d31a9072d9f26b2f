"""Webhooks in flight, ``kill -9``, restart, count: the second part of ``make crash``.

Webhooks to some destinations are enqueued while the cloud is stopped, so that it is known what has to arrive. Then the
cloud is started and killed again and again, and in the end left alone until everything has arrived. A webhook is *lost*
when it never arrived, *repeated* when it arrived again after it had been noted as done, and *late* when it arrived for
the first time after one that was enqueued behind it for the same destination.

One that was under way when the cloud was killed may arrive twice: at least once is what is promised.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.ids import Uuid7Source
from cloudstead.core.jobs.model import JobState
from cloudstead.core.paging import PageRequest
from cloudstead.core.webhooks.calls import WEBHOOK, WebhookCalls
from cloudstead.core.webhooks.model import Webhook
from cloudstead.storage.sql import Database
from factories.running import running_cloud

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_DESTINATIONS = 8
_WITHIN_S = 60
_ANSWER_AFTER_S = 0.02


@dataclass
class Outcome:
    """What all rounds came to."""

    enqueued: int = 0
    arrived: int = 0
    twice: int = 0
    lost: int = 0
    repeated: int = 0
    late: int = 0
    unfinished: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether everything arrived, in order, and nothing that was noted came again."""
        return self.enqueued > 0 and not (self.lost or self.repeated or self.late or self.unfinished)

    def __str__(self) -> str:
        return (
            f"enqueued {self.enqueued:5}  arrived {self.arrived:5}  twice {self.twice}  lost {self.lost}  "
            f"repeated {self.repeated}  late {self.late}  unfinished {self.unfinished}"
        )


@dataclass
class Receiver:
    """A server that takes its time and remembers in which order webhooks came."""

    deliveries: list[tuple[str, str, int]] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)
    complete: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> ThreadingHTTPServer:
        """Serve on a free port, in threads."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                number = int(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.note(self.headers["X-Cloudstead-Delivery"], self.path, number)
                threading.Event().wait(_ANSWER_AFTER_S)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Say nothing: whoever asked was killed before the answer."""

        server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def note(self, delivery: str, path: str, number: int) -> None:
        """Remember one arrival."""
        with self._lock:
            self.deliveries.append((delivery, path, number))
            self.expected.discard(delivery)
            if not self.expected:
                self.complete.set()


def in_store(folder: Path, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Open the store of a stopped cloud."""

    async def run() -> Any:
        database = await Database.open(f"sqlite:///{folder / 'data' / 'state.sqlite'}", on_events=lambda _: None)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def enqueue(folder: Path, count: int, url: str) -> list[str]:
    """Enqueue webhooks, one number each, in turn to each of the destinations."""
    key = InstallationKey(bytes.fromhex((folder / "data" / "keys" / "installation.key").read_text().strip()))
    clock = SystemClock()
    calls = WebhookCalls(Sealer(key), clock=clock, ids=Uuid7Source(clock))

    async def add(database: Database) -> list[str]:
        (account, *_) = await database.read(lambda unit: unit.accounts.all())
        jobs = [
            calls.job(account.id, Webhook(url=f"{url}/{number % _DESTINATIONS}", body=b"%d" % number))
            for number in range(count)
        ]
        await database.write(lambda unit: unit.jobs.add(jobs))
        return [job.id for job in jobs]

    ids: list[str] = in_store(folder, add)
    return ids


def done(folder: Path) -> set[str]:
    """Return what is noted as done in the store of a stopped cloud."""

    async def read(database: Database) -> set[str]:
        (account, *_) = await database.read(lambda unit: unit.accounts.all())
        found: set[str] = set()
        after = None
        while True:
            request = PageRequest(limit=1000, after=after)
            page = await database.read(
                lambda unit, request=request: unit.jobs.page(account.id, request, kind=WEBHOOK, state=JobState.DONE)
            )
            found |= {job.id for job in page.items}
            if (after := page.after) is None:
                return found

    ids: set[str] = in_store(folder, read)
    return ids


def run_rounds(folder: Path, rounds: int, *, webhooks: int, longest_s: float, random_source: random.Random) -> Outcome:
    """Run the rounds in ``folder``, print a line for each, and return what they came to."""
    config = folder / "config.toml"
    config.write_text('[webhooks]\nallow = ["127.0.0.0/8"]\n[logging]\nlevel = "error"\n')
    with running_cloud(folder):
        pass  # makes the account
    receiver = Receiver()
    server = receiver.start()
    outcome = Outcome()
    try:
        ids = enqueue(folder, webhooks, f"http://127.0.0.1:{server.server_address[1]}")
        receiver.expected = set(ids)
        for number in range(1, rounds + 1):
            noted, seen = done(folder), len(receiver.deliveries)
            after_s = random_source.uniform(0.1, longest_s)
            with running_cloud(folder, "serve", "--config", str(config)) as cloud:
                threading.Event().wait(after_s)
                cloud.kill()
            again = [each for each, *_ in receiver.deliveries[seen:] if each in noted]
            outcome.repeated += len(again)
            _say(f"round {number:3}  arrived {len(receiver.deliveries) - seen:5}  killed after {after_s:4.2f} s")
        noted, seen = done(folder), len(receiver.deliveries)
        with running_cloud(folder, "serve", "--config", str(config)):
            receiver.complete.wait(_WITHIN_S)
        outcome.repeated += sum(each in noted for each, *_ in receiver.deliveries[seen:])
        outcome.unfinished = len(set(ids) - done(folder))
    finally:
        server.shutdown()
        server.server_close()
    firsts = {delivery: (path, number) for delivery, path, number in reversed(receiver.deliveries)}
    outcome.enqueued = len(ids)
    outcome.arrived = len(firsts)
    outcome.twice = len(receiver.deliveries) - len(firsts)
    outcome.lost = len(set(ids) - firsts.keys())
    outcome.late = _count_late(receiver.deliveries)
    return outcome


def _count_late(deliveries: list[tuple[str, str, int]]) -> int:
    newest: dict[str, int] = {}
    seen: set[str] = set()
    late = 0
    for delivery, path, number in deliveries:
        if delivery in seen:
            continue
        seen.add(delivery)
        late += number < newest.get(path, -1)
        newest[path] = max(number, newest.get(path, -1))
    return late


def main() -> None:
    """Run as many rounds as were asked for; exit code 1 when anything was lost, repeated or late."""
    parser = argparse.ArgumentParser(description="Kill the cloud while webhooks are flying, and count what arrives.")
    parser.add_argument("--rounds", type=int, default=min(6, int(os.environ.get("ROUNDS", "6"))))
    parser.add_argument("--webhooks", type=int, default=1200)
    parser.add_argument("--longest", type=float, default=1.0, metavar="SECONDS", help="longest time until the kill")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    chosen = parser.parse_args()
    _say(f"webhooks, seed {chosen.seed}")
    with tempfile.TemporaryDirectory(prefix="cloudstead-outbox-") as folder:
        outcome = run_rounds(
            Path(folder),
            chosen.rounds,
            webhooks=chosen.webhooks,
            longest_s=chosen.longest,
            random_source=random.Random(chosen.seed),
        )
    _say(f"all {chosen.rounds:5}  {outcome}")
    sys.exit(0 if outcome.is_sound else 1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
