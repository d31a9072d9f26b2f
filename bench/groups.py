"""What groups cost: a permission check, pages of lists and the move of a group, in a large tree.

Usage: groups.py [ROUNDS]. One account has 10,000 groups in a tree 10 deep and 100,000 devices, 10,000 of them in the
group at the top. The check is measured in this process, 9 levels below the caller's grant. All else goes through the
wire to the real server process on SQLite, over one connection; the median and the slowest of the rounds are printed,
and the slowest counts. A move changes the tree, so the first list behind one is measured as well. Takes about half a
minute with the default of ten.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import importlib
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from _figures import Figure, conditions, tell
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.keys import open_keys
from cloudstead.core.access.permissions import GROUP_ADMINISTRATOR
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clock import SystemClock
from cloudstead.core.domains.model import Domain
from cloudstead.core.groups.access import may
from cloudstead.core.groups.model import DeviceFacts, GroupFacts
from cloudstead.core.groups.registry import SEALED_FOR
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId, ThingUid, Uuid7Source
from cloudstead.core.things.identities import IdentityKind, OutsideIdentity
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import PersonId
    from cloudstead.core.unit import Unit

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

GROUPS: Final = 10_000
DEPTH: Final = 10
DEVICES: Final = 100_000
AT_THE_TOP: Final = 10_000
AT_ONCE: Final = 5_000
CHECKS: Final = 20_000
MOST_CHECK_US: Final = 50
MOST_PAGE_MS: Final = 50
MOST_MOVE_MS: Final = 200
TYPE: Final = ThingTypeId("device")


def tree_of(account: Account, ids: Uuid7Source) -> list[Domain]:
    """Return the groups: one at the top, two below it, and below each of these as many chains as there is room for."""

    def group(parent_id: str) -> Domain:
        group_id = ids.new()
        return Domain(account.id, group_id, DomainId(group_id), DomainId(parent_id), "group", created_by="bench")

    made = [group("root")]
    halves = [group(made[0].id), group(made[0].id)]
    made += halves
    while len(made) < GROUPS:
        above = halves[len(made) // (DEPTH - 2) % 2]
        for _ in range(min(DEPTH - 2, GROUPS - len(made))):
            above = group(above.id)
            made.append(above)
    return made


def add_groups(unit: Unit, *, groups: Sequence[Domain], person_id: PersonId, sealer: Sealer) -> None:
    """Add the groups with what they have beside their domains, and let the person administer the one at the top."""
    account_id = groups[0].account_id
    for each in groups:
        unit.domains.add(each)
        token = each.id.encode()
        facts = GroupFacts(
            account_id=account_id,
            domain_id=each.id,
            token_hash=hashlib.sha256(token).digest(),
            sealed_token=sealer.seal(token, SEALED_FOR),
        )
        unit.groups.put(facts)
    membership = unit.people.membership(account_id, person_id)
    if membership is None:
        raise LookupError(person_id)
    grant = Grant(groups[0].id, GROUP_ADMINISTRATOR)
    unit.people.put_membership(replace(membership, grants=(*membership.grants, grant)))
    unit.thing_types.add(ThingType(account_id, TYPE, DomainId("root"), label="device"))


def add_devices(unit: Unit, *, things: Sequence[Thing]) -> None:
    """Add devices as registering them does, but for the search index and the trail."""
    unit.things.add_each(things)
    unit.outside_identities.add(
        [OutsideIdentity(each.account_id, IdentityKind.NETWORK, f"sigfox:{each.name}", each.uid) for each in things]
    )
    unit.device_facts.put(
        [DeviceFacts(thing_uid=each.uid, account_id=each.account_id, tags=("bench",)) for each in things]
    )


async def fill(data: Path) -> tuple[list[Domain], DomainTree]:
    """Fill the store that a cloud has left behind; return the groups and the tree."""
    ids = Uuid7Source(SystemClock())
    folder = DataFolder.hold(data)
    sealer = open_keys(folder, SystemClock()).sealer
    database = await Database.open(f"sqlite:///{folder.state_file}", on_events=lambda _: None)
    (account,) = await database.read(lambda unit: unit.accounts.all())
    administrator = await database.read(lambda unit: unit.people.by_user_name(account.id, "admin"))
    if administrator is None:
        raise LookupError("admin")
    groups = tree_of(account, ids)
    await database.write(partial(add_groups, groups=groups, person_id=administrator.id, sealer=sealer))

    def thing(number: int) -> Thing:
        place = groups[0] if number < AT_THE_TOP else groups[number % GROUPS]
        name = ThingName(f"sigfox-{number:06}")
        return Thing(ThingUid(ids.new()), account.id, name, TYPE, place.id, name, None, 0, "bench")

    for start in range(0, DEVICES, AT_ONCE):
        things = [thing(number) for number in range(start, start + AT_ONCE)]
        await database.write(partial(add_devices, things=things))
    tree = await database.read(lambda unit: unit.domains.tree(account.id))
    await database.close()
    folder.release()
    return groups, tree


def check(name: str, groups: Sequence[Domain], tree: DomainTree, *, grants: tuple[Grant, ...]) -> None:
    """Measure the check of one permission with all that it implies, warm, in the deepest group."""
    caller = Caller(groups[0].account_id, "key:1", "bench", None, grants)
    deepest = max(groups, key=lambda each: len(tree.path(each.id)))
    began = time.perf_counter()
    for _ in range(CHECKS):
        if not may(caller, tree, deepest.id, "device:view"):
            raise AssertionError("the caller may see devices")
    us = (time.perf_counter() - began) / CHECKS * 1e6
    tell(Figure(name=name, value=f"{us:.1f} us", target=f"{MOST_CHECK_US} us", is_met=us < MOST_CHECK_US))


def caller_of(ready: dict[str, Any]) -> Callable[..., Any]:
    """Return what calls the server over one connection, with an access token for the demo's key."""
    connection = http.client.HTTPConnection("127.0.0.1", int(ready["http"].rpartition(":")[2]), timeout=30)

    def call(method: str, path: str, body: Any = None, authorization: str = "") -> Any:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"authorization": authorization or token})
        answer = connection.getresponse()
        read = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer.status} {read.decode()}")
        return json.loads(read)

    key = ready["api_key"]
    basic = base64.b64encode(f"{key.split('_')[1]}:{key}".encode()).decode()
    token = ""
    token = call("POST", "/oauth2/token?grant_type=client_credentials", authorization=f"Basic {basic}")["access_token"]
    return call


def timed(work: Callable[[], Any]) -> float:
    """Return how long it takes, in milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def tell_times(name: str, times: Sequence[float], most_ms: float) -> None:
    """Print the median and the slowest, which counts."""
    value = f"{statistics.median(times):.1f} ms, slowest {max(times):.1f} ms"
    tell(Figure(name=name, value=value, target=f"{most_ms} ms", is_met=max(times) < most_ms))


def through_the_wire(call: Callable[..., Any], groups: Sequence[Domain], *, rounds: int) -> None:
    """Measure pages and moves."""
    top, left, right = (each.id for each in groups[:3])
    next_token = ""
    for _ in range(5):
        next_token = call("GET", f"/v1/user/groups?limit=1000&nextToken={next_token}")["nextToken"]
    pages = {
        "page of 100 groups of 10,000": "/v1/user/groups",
        "page of 1,000 groups, the sixth": f"/v1/user/groups?limit=1000&nextToken={next_token}",
        "page of 100 devices of 10,000": f"/v1/group/devices?groupId={top}",
        "page of 1,000 devices": f"/v1/group/devices?groupId={top}&limit=1000",
        "page of users": f"/v1/group/users?groupId={top}",
        "page of roles": f"/v1/group/roles?groupId={groups[-1].id}",
        "page of permissions": "/v1/permission",
    }
    for name, path in pages.items():
        call("GET", path)
        tell_times(name, [timed(partial(call, "GET", path)) for _ in range(rounds)], MOST_PAGE_MS)
    chain = groups[3].id
    for name, moving, places in (
        (f"move of a group with {DEPTH - 3} below it", chain, (right, left)),
        (f"move of a group with {GROUPS // 2:,} below it", left, (right, top)),
    ):
        moves, lists = [], []
        for number in range(rounds):
            body = {"groupId": moving, "parent": places[number % 2]}
            moves.append(timed(partial(call, "PUT", "/v1/group", body)))
            lists.append(timed(partial(call, "GET", "/v1/user/groups")))
        tell_times(name, moves, MOST_MOVE_MS)
        tell_times("first page of 100 groups behind it", lists, MOST_PAGE_MS)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"{GROUPS:,} groups in a tree {DEPTH} deep, {DEVICES:,} devices, SQLite; {conditions()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        with running.running_cloud(Path(folder)):
            pass
        groups, tree = asyncio.run(fill(Path(folder) / "data"))
        top, *below = (Grant(each.id, GROUP_ADMINISTRATOR) for each in groups)
        check(f"permission check, {DEPTH - 1} levels below the one grant", groups, tree, grants=(top,))
        check("permission check by who has made all of the groups", groups, tree, grants=(top, *below))
        with running.running_cloud(Path(folder)) as cloud:
            through_the_wire(caller_of(cloud.ready), groups, rounds=rounds)


if __name__ == "__main__":
    main()
