"""What the archive costs an update: taking it when it is committed, and its share of writing the object.

The updates are those of ``updates.py``: 186 bytes, 200 devices, batches of 512. The reference is the processor time of
a whole update on our gateway at full speed, from ``updates.py``'s own site, which runs without an archive. Writing ends
in memory: what the disk does takes no processor time of ours.

Usage: archive.py [SECONDS]
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from _figures import Figure, tell
from cloudstead.core.archive.building import build, join
from cloudstead.core.archive.cutting import Cutter
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.directory import ThingEntry
from cloudstead.core.things.model import Thing
from updates import DEVICES, drive, site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BATCH = 512
PAYLOAD = (
    b'{"state":{"reported":{"temperature":21.5,"humidity":40,"pressure":1013.25,"battery":87,"rssi":-61,'
    b'"uptime":123456,"led":{"on":true,"level":3},"firmware":"1.4.2","mode":"auto","count":4711}}}'
)
BATCHES = 5 * 1024 * 1024 // (len(PAYLOAD) * BATCH)


def entry(number: int) -> ThingEntry:
    uid: Any = f"{number:032x}"
    name: Any = f"device-{number}"
    account: Any = "0" * 32
    thing_type: Any = "sensor"
    domain: Any = "root"
    thing = Thing(uid, account, name, thing_type, domain, name, None, 0, "")
    return ThingEntry(thing, (domain,))


def batches() -> list[list[ShadowRequest]]:
    things = [entry(number) for number in range(DEVICES)]
    made = []
    for batch in range(BATCHES):
        requests = []
        for number in range(BATCH):
            thing = things[(batch * BATCH + number) % DEVICES]
            # A slice of its own, as the protocol makes it: the archive is what keeps it alive.
            payload = bytes(bytearray(PAYLOAD))
            request = ShadowRequest(thing, Verb.UPDATE, payload, principal=f"thing:{thing.name}", origin=Origin.DEVICE)
            request.received_ms = 1_700_000_100_000 + batch * 10
            requests.append(request)
        made.append(requests)
    return made


def taking(work: Sequence[list[ShadowRequest]]) -> Cutter:
    cutter = Cutter()
    offset = 1
    for batch in work:
        cutter.take(offset, batch)
        offset += len(batch)
    return cutter


def writing(cutter: Cutter) -> None:
    cutter.close_before(2**62)
    for file in cutter.closed:
        build(file, [join(file.held)], key="2026/01/01/00/x")


def best_us(run: Callable[[], object], messages: int) -> float:
    """Return the microseconds of a message in the best of five runs: what disturbs only ever adds."""
    times = []
    for _ in range(5):
        begun = time.process_time()
        run()
        times.append(time.process_time() - begun)
    return 1e6 * min(times) / messages


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    work = batches()
    messages = BATCH * BATCHES
    take_us = best_us(lambda: taking(work), messages)
    cutters = [taking(work) for _ in range(5)]
    write_us = best_us(lambda: writing(cutters.pop()), messages)
    with site("gateway") as (ready, processes):
        ours = drive(ready, processes, window=1, per_second=0, seconds=seconds)
    update_us = 1e6 * ours.cores / ours.per_second
    ratio = (take_us + write_us) / update_us
    tell(
        Figure(
            name="archive, processor time of a message",
            value=f"{take_us + write_us:.2f} us: {take_us:.2f} when committed, {write_us:.2f} to write the object",
            reference=f"a whole update, {update_us:.1f} us",
            ratio=ratio,
            target="less than 0.05, and less than 1 us when it is committed",
            is_met=ratio < 0.05 and take_us < 1,
        )
    )


if __name__ == "__main__":
    main()
