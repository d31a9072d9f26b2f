"""Every statement of the stores: compiles for both engines, and finds what it looks for by an index."""

import pkgutil
import sqlite3
from contextlib import closing
from importlib import import_module

import pytest
from sqlalchemy import create_engine

from cloudstead.storage.sql import stores, tables
from cloudstead.storage.sql.migrations import Migrations
from cloudstead.storage.sql.sqlite_schema import migrate_file
from cloudstead.storage.sql.statements import Statement

STATEMENTS = {
    f"{module.name}.{name}": value
    for module in pkgutil.iter_modules(stores.__path__)
    for name, value in vars(import_module(f"{stores.__name__}.{module.name}")).items()
    if isinstance(value, Statement)
}
# These read a whole table on purpose: all accounts, the list of all revocations, the oldest marks in their order, and
# once at the start: what was claimed before a crash, how far the archive is, the rules and authorities in force. And
# those who never confirmed, by an index that holds nobody else.
WHOLE_TABLE = {
    "accounts._ALL",
    "archive._FLOORS",
    "certificates._REVOKED",
    "clouds._AUTHORITIES",
    "job_claims._GIVE_BACK_ALL",
    "people._NEVER_CONFIRMED",
    "rules._ENABLED",
    "things._PENDING",
    "trusted_certificates._ACTIVE",
}
WITHOUT_PARAMETERS = {"accounts._ALL", "clouds._AUTHORITIES", "rules._ENABLED"}
# Lists given as a parameter, values without a table, and what the statement itself has found by an index.
NO_TABLES = ("VIRTUAL TABLE", "CONSTANT ROW", "SCAN due")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("statements") / "state.db"
    engine = create_engine(f"sqlite:///{path}")
    tables.metadata.create_all(engine)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        yield connection


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_compiles_for_postgresql(name):
    assert ("$1" in STATEMENTS[name].postgresql.text) is (name not in WITHOUT_PARAMETERS)


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - WHOLE_TABLE))
def test_a_look_up_uses_an_index(empty, name):
    text = STATEMENTS[name].sqlite.text
    plan = empty.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?")).fetchall()

    scans = [step for *_, step in plan if step.startswith("SCAN") and not any(each in step for each in NO_TABLES)]
    assert scans == []


def test_what_waits_for_rules_is_counted_without_what_was_done(tmp_path):
    """Two indexes know the cause, and what was done is kept for a week: a hundred thousand rows where one would do."""
    migrate_file(tmp_path / "state.db", Migrations())
    text = STATEMENTS["rules._WAITING"].sqlite.text
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        (first, *_) = connection.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?")).fetchall()
    assert "ix_jobs_open_cause" in first[-1]


def test_values_go_to_the_parameters_that_they_are_meant_for():
    statement = Statement(
        lambda words: (
            tables.things.update()
            .where(words.any_of(tables.things.c.uid, "uids"))
            .where(tables.things.c.label == "old")
            .values(label="new")
        ),
        "uids",
    )

    assert list(statement.sqlite.arrange([["u1", "u2"]])) == ["new", '["u1","u2"]', "old"]
    assert list(statement.postgresql.arrange([["u1", "u2"]])) == ["new", ["u1", "u2"], "old"]
