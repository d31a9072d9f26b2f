from __future__ import annotations

import pytest

from cloudstead.core.access.roles import shown_as
from cloudstead.core.caller import Grant
from cloudstead.core.ids import DomainId

KNOWN = ("Read", "ReadWrite")
ROOT = DomainId("root")


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("Watch", None),
        ("Read", "Read"),
        ("ReadWrite", "ReadWrite"),
        ("Administrator", "ReadWrite"),
        ("Emperor", None),
    ],
)
def test_a_role_is_shown_as_the_widest_known_one_within_it(role, shown):
    assert shown_as(Grant(ROOT, role), KNOWN) == shown


def test_a_role_is_never_shown_as_more_than_it_is():
    assert shown_as(Grant(ROOT, "Read"), ("ReadWrite",)) is None
