"""Searches and their answers as data: each file `corpus/<subject>.yaml` is a list of cases over `corpus/data.yaml`.

A case is an object with these members; a file needs nothing else, and a further file is found by being there.

    name     the law that it holds, unique over all files
    over     `things`, or `observations`, which is also what it is without this member
    domains  the domains that the caller may see; without it all of them
    body     the body of the search, as a caller sends it; a text `@m1` stands for the `_id` of the observation `m1`.
             `size` is 100 unless given. The demand for a bound on `timestamp` is made elsewhere, not here.

and one or more of these, which say what comes back:

    hits          the names of the hits in their order: names of things, or ids of observations
    found         the names of the hits in any order
    total         `hits.total`
    sort          the `sort` values of each hit
    scores        the `_score` of each hit
    sources       the `_source` of each hit
    answer        any part of the whole answer: objects may hold more members than are named, lists may not
    aggregations  the whole of `aggregations`, with its members in this very order
    refused       the whole reason of the refusal

Numbers may differ by one part in 10^9. In an answer the `_id` of an observation is written `@m1` again.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from cloudstead.core.observations.errors import SearchRefused
from cloudstead.search import SearchInvalid, SearchScope, parse_search

FOLDER = Path(__file__).parent / "corpus"
DATA = yaml.safe_load((FOLDER / "data.yaml").read_text())
CASES = [
    case
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.name != "data.yaml"
    for case in yaml.safe_load(path.read_text())
]
EXPECTATIONS = {"hits", "found", "total", "sort", "scores", "sources", "answer", "aggregations", "refused"}


@dataclass
class Corpus:
    """The documents of one account as they were written, and the names that the cases have for them."""

    ledger: Any
    names: dict[str, str] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)

    def write(self, data: Any, things: Any) -> None:
        kept = {thing["name"]: thing for thing in things}
        documents = [self._thing(thing) for thing in data["things"]]
        asyncio.run(self.ledger.index.put_things(documents))
        seen = [self._observation(entry, kept) for entry in [*data["observations"], *steps(data.get("series", ()))]]
        asyncio.run(self.ledger.put(*seen))

    def _thing(self, thing: Any) -> Any:
        self.domains[thing["name"]] = thing["domain"]
        return self.ledger.thing(
            thing["name"],
            thing["state"],
            type=thing["type"],
            domain=thing["domain"],
            label=thing.get("label"),
            description=thing.get("description"),
            created=thing["created"],
            by=thing["by"],
        )

    def _observation(self, entry: Any, things: Any) -> Any:
        thing = things[entry["thing"]]
        domain = entry.get("domain", thing["domain"])
        seen = self.ledger.seen(
            entry["state"], entry["at"], thing=thing["name"], type=entry.get("type", thing["type"]), domain=domain
        )
        self.names[str(seen.offset)] = entry["id"]
        self.domains[entry["id"]] = domain
        return seen

    def search(self, case: Any, domains: Any) -> Any:
        """Answer a case; every `_id` comes back by its name, and one that has none fails."""
        body = self._named({"size": 100} | case["body"] if isinstance(case["body"], dict) else case["body"])
        search = parse_search(body)
        subtrees = {name: frozenset(subtree) for name, subtree in DATA["domains"].items()}
        scope = SearchScope(self.ledger.account, None if domains is None else frozenset(domains), subtrees)
        if case.get("over") == "things":
            answering = self.ledger.index.search_things(scope, search)
        else:
            answering = self.ledger.index.search_observations(scope, search)
        return self._renamed(json.loads(msgspec.json.encode(asyncio.run(answering).response)))

    def _named(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("@"):
            return next((offset for offset, name in self.names.items() if f"@{name}" == value), value)
        if isinstance(value, dict):
            return {key: self._named(member) for key, member in value.items()}
        return [self._named(entry) for entry in value] if isinstance(value, list) else value

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, dict):
            named = {key: self._renamed(member) for key, member in value.items()}
            if named.get("_index") == "observations":
                named["_id"] = f"@{self.names[named['_id']]}"
            return named
        return [self._renamed(entry) for entry in value] if isinstance(value, list) else value


def steps(series: Any) -> list[Any]:
    found = []
    for run in series:
        at, until = datetime.fromisoformat(run["from"]), datetime.fromisoformat(run["until"])
        number = 0
        while at < until:
            state = {"phase": run["id"], "n": number, "power": number % 10}
            entry = {"id": f"{run['id']}-{number}", "thing": run["thing"], "at": at.isoformat(), "state": state}
            found.append(entry)
            at, number = at + timedelta(minutes=run["step"]), number + 1
    return found


@pytest.fixture(scope="session")
def corpus(embedded, ledger_of):
    intruder = Corpus(ledger_of(embedded))
    intruder.write(DATA["intruder"], DATA["intruder"]["things"])
    corpus = Corpus(ledger_of(embedded))
    corpus.write(DATA, DATA["things"])
    return corpus


def assert_part(found: Any, expected: Any, where: str = "answer") -> None:
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        for key, member in expected.items():
            assert key in found, f"{where}.{key}"
            assert_part(found[key], member, f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(found, list), where
        assert len(found) == len(expected), where
        for place, (entry, member) in enumerate(zip(found, expected, strict=True)):
            assert_part(entry, member, f"{where}[{place}]")
    elif isinstance(expected, float) and isinstance(found, int | float):
        assert found == pytest.approx(expected, rel=1e-9), where
    else:
        assert found == expected, where
        assert isinstance(found, bool) is isinstance(expected, bool), where


def assert_whole(found: Any, expected: Any, where: str) -> None:
    assert_part(found, expected, where)
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key, member in expected.items():
            assert_whole(found[key], member, f"{where}.{key}")
    elif isinstance(expected, list):
        for place, (entry, member) in enumerate(zip(found, expected, strict=True)):
            assert_whole(entry, member, f"{where}[{place}]")


def names_of(found: Any) -> list[str]:
    return [hit["_id"].removeprefix("@") for hit in found["hits"]["hits"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_search_is_answered_as_written_down(corpus, case):
    assert EXPECTATIONS & set(case), "a case says what comes back"
    assert set(case) <= EXPECTATIONS | {"name", "over", "domains", "body"}
    if "refused" in case:
        with pytest.raises((SearchRefused, SearchInvalid)) as refusal:
            corpus.search(case, case.get("domains"))
        assert refusal.value.reason == case["refused"]
        return
    found = corpus.search(case, case.get("domains"))
    hits = found["hits"]["hits"]
    if "hits" in case:
        assert names_of(found) == case["hits"]
    if "found" in case:
        assert sorted(names_of(found)) == sorted(case["found"])
    if "total" in case:
        assert found["hits"]["total"] == case["total"]
    for member, key in (("sort", "sort"), ("scores", "_score"), ("sources", "_source")):
        if member in case:
            assert_part([hit[key] for hit in hits], case[member], member)
    if "answer" in case:
        assert_part(found, case["answer"])
    if "aggregations" in case:
        assert_whole(found["aggregations"], case["aggregations"], "aggregations")


@pytest.mark.parametrize("case", [case for case in CASES if "refused" not in case], ids=lambda case: case["name"])
def test_no_case_finds_more_when_its_caller_may_see_less(corpus, case):
    found = corpus.search(case, ["south"])
    assert {corpus.domains[name] for name in names_of(found)} <= {"south"}
    assert found["hits"]["total"] <= corpus.search(case, None)["hits"]["total"]
    assert corpus.search(case, [])["hits"]["total"] == 0


def test_every_case_has_a_name_of_its_own():
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names))
