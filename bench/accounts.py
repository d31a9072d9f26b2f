"""What account management costs: requests per second by API key, and pages of an account with very many of everything.

Usage: accounts.py [SECONDS]. The rates are those of the real server process under ``_http_load.py``, as in
``http_calls.py``. The pages are read in this process from a SQLite file with 100,000 keys of one account and 10,000
tenants, with their totals; the best of five counts. Takes some twenty seconds with the default of three.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _figures import Figure, conditions, tell
from _http_load import Load, apply
from cloudstead.core.accounts.listing import AccountQuery
from cloudstead.core.accounts.model import Account
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.accounts.profile import AccountProfile, Tier
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.model import ApiKey
from cloudstead.core.ids import AccountId, ApiKeyId, Uuid7Source
from cloudstead.core.paging import PageRequest
from cloudstead.core.policygroups.model import DEVELOPER_GRANT
from cloudstead.storage.sql import Database
from http_calls import CONNECTIONS, example, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.unit import Unit

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

KEYS = 100_000
TENANTS = 10_000
AT_ONCE = 5_000
LONGEST_PAGE_MS = 50
LEAST = {"GET of an account by key": 6_000, "list of 50 keys": 1_500}


def rates(folder: Path, seconds: float) -> None:
    """Measure the server."""
    with running.running_cloud(folder) as cloud:
        key, port = cloud.ready["api_key"], int(cloud.ready["http"].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for number in range(60):
            body = json.dumps({"name": f"key {number}"})
            connection.request("POST", "/v3/api-keys", body, {"authorization": f"Bearer {key}"})
            connection.getresponse().read()
        connection.close()
        paths = {"GET of an account by key": "/v3/accounts/me", "list of 50 keys": "/v3/api-keys?limit=50"}
        for name, path in paths.items():
            sent = request("GET", path, key)
            example(port, sent)
            found = apply(Load(port=port, requests=[sent], connections=CONNECTIONS, seconds=seconds))
            tell(
                Figure(
                    name=name,
                    value=f"{found.per_second:,.0f}/s, p99 {found.p99_ms:.1f} ms",
                    target=f"{LEAST[name]:,}/s",
                    is_met=found.per_second >= LEAST[name],
                )
            )


async def pages(path: Path) -> None:
    """Measure pages of a large account."""
    clock = SystemClock()
    ids = Uuid7Source(clock)
    database = await Database.open(f"sqlite:///{path}", on_events=lambda _: None)
    top = await database.write(lambda unit: open_account(unit, ids, clock, name="top", stack="prod", hosts=()))
    for start in range(0, TENANTS, AT_ONCE):
        await database.write(partial(_add_tenants, ids=ids, top=top, start=start))
    for _ in range(0, KEYS, AT_ONCE):
        await database.write(lambda unit: _add_keys(unit, ids, top))
    page = PageRequest(limit=50)
    here = AccountQuery(parent_id=top.id)
    by_country = AccountQuery(parent_id=top.id, country_like="try 42")
    await _tell(database, f"page of {KEYS:,} keys", lambda unit: unit.api_keys.page(top.id, page))
    await _tell(database, f"page of {TENANTS:,} tenants", lambda unit: unit.accounts.tenants(here, page))
    await _tell(database, "tenants by a part of the country", lambda unit: unit.accounts.tenants(by_country, page))
    await database.close()


def _add_tenants(unit: Unit, *, ids: Uuid7Source, top: Account, start: int) -> None:
    for number in range(start, start + AT_ONCE):
        account_id = AccountId(ids.new())
        tenant = Account(
            id=account_id,
            name=f"tenant {number}",
            number=f"number {number}",
            stack="prod",
            function_suffix=f"suffix {number}",
            identity_pool=f"pool {number}",
            user_pool="users",
            user_pool_client="client",
            created_at_ms=0,
            parent_id=top.id,
        )
        unit.accounts.add(tenant)
        unit.accounts.put_profile(
            AccountProfile(account_id=account_id, tier=Tier.FREE, country=f"Country {number % 100}")
        )


def _add_keys(unit: Unit, ids: Uuid7Source, top: Account) -> None:
    for _ in range(AT_ONCE):
        unit.api_keys.add(ApiKey(ApiKeyId(ids.new()), top.id, None, "key", bytes(32), (DEVELOPER_GRANT,), 0))


async def _tell(database: Database, name: str, read: Callable[[Unit], object]) -> None:
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        await database.read(read)
        best = min(best, 1000 * (time.perf_counter() - began))
    tell(Figure(name=name, value=f"{best:.1f} ms", target=f"under {LONGEST_PAGE_MS} ms", is_met=best < LONGEST_PAGE_MS))


def main() -> None:
    print(f"{CONNECTIONS} connections; {conditions()}, shared with the client")
    os.environ["CLOUDSTEAD_DEMO_INTERVAL_S"] = "3600"
    with tempfile.TemporaryDirectory() as folder:
        rates(Path(folder), float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
        asyncio.run(pages(Path(folder, "many.db")))


if __name__ == "__main__":
    main()
