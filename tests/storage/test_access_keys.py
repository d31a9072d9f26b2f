from dataclasses import replace

import pytest

from cloudstead.core.credentials.access_keys import AccessKey
from factories.rows import person

pytestmark = pytest.mark.usefixtures("tenants")

KEY = AccessKey(id="AKIA1", account_id="a1", person_id="p1", sealed_secret=b"sealed", domain_id="sub", created_at_ms=3)


@pytest.fixture
async def people(database, tenants):
    def write(unit):
        unit.people.add(person("p1"))
        unit.people.add(replace(person("p2"), user_name="other"))

    await database.write(write)


@pytest.mark.usefixtures("people")
async def test_a_key_comes_back_as_it_was_added_and_changed(database):
    changed = replace(KEY, is_active=False, domain_id=None)

    def write(unit):
        unit.access_keys.add(KEY)
        first = unit.access_keys.get("AKIA1")
        unit.access_keys.replace(changed)
        return first, unit.access_keys.get("AKIA1"), unit.access_keys.get("AKIA2")

    assert await database.write(write) == (KEY, changed, None)


@pytest.mark.usefixtures("people")
async def test_keys_are_listed_by_person_and_account_oldest_first(database):
    others = [
        replace(KEY, id="AKIA0", created_at_ms=4),
        replace(KEY, id="AKIA2", person_id="p2"),
        replace(KEY, id="AKIA3", account_id="a2"),
    ]

    def write(unit):
        for each in (KEY, *others):
            unit.access_keys.add(each)
        unit.access_keys.remove("a2", "AKIA1")
        listed = [each.id for each in unit.access_keys.of_person("a1", "p1")]
        unit.access_keys.remove("a1", "AKIA1")
        return listed, [each.id for each in unit.access_keys.of_person("a1", "p1")]

    assert await database.write(write) == (["AKIA1", "AKIA0"], ["AKIA0"])
