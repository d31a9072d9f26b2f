from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstead.core.clock import ManualClock
from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccountId, Uuid7Source
from cloudstead.core.mail.letters import Letters
from cloudstead.core.mail.model import Letter, require_address, require_letter

ACCOUNT = AccountId("a1")
LETTER = Letter(to="ada@cloud.example", subject="Hello", text="https://cloud.example/link/secret", html="<p>hi</p>")


@pytest.fixture
def letters() -> Letters:
    clock = ManualClock()
    return Letters(Sealer(InstallationKey(b"k" * 32)), clock=clock, ids=Uuid7Source(clock))


def test_a_letter_comes_back_as_it_was_sent(letters: Letters) -> None:
    assert letters.open(letters.job(ACCOUNT, LETTER)) == LETTER


def test_each_letter_stands_alone_and_may_leave_at_once(letters: Letters) -> None:
    job = letters.job(ACCOUNT, LETTER, cause="person:p1")

    assert (job.kind, job.lane, job.cause) == ("mail", job.id, "person:p1")
    assert job.due_at_ms == job.created_at_ms == int(timedelta(days=20454).total_seconds() * 1000)


def test_nothing_of_a_letter_can_be_read_without_the_key(letters: Letters) -> None:
    job = letters.job(ACCOUNT, LETTER)

    assert b"secret" not in job.payload
    assert b"ada" not in job.payload
    with pytest.raises(SealBroken):
        Letters(Sealer(InstallationKey(b"x" * 32)), clock=ManualClock(), ids=Uuid7Source(ManualClock())).open(job)


def test_a_letter_does_not_show_what_only_its_reader_may_know() -> None:
    assert "secret" not in repr(LETTER)
    assert "ada" not in repr(LETTER)


@pytest.mark.parametrize("address", ["ada@cloud.example", "a.b+c@x", "jürgen@bücher.example", "o'neil@x.example"])
def test_an_address_of_one_mailbox_is_taken(address: str) -> None:
    require_address(address, field="to")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@x",
        "ada@",
        "ada@x@y",
        "ada@x,bob@y",
        "Ada <ada@x>",
        "ada@x\r\nBcc: bob@y",
        "ada@x\n",
        'ad"a@x',
        "ada @x",
        "a" * 65 + "@x",
        "a@" + "x" * 253,
    ],
)
def test_anything_else_is_no_address(address: str) -> None:
    with pytest.raises(InvalidField) as caught:
        require_address(address, field="email")

    assert caught.value.field == "email"


@pytest.mark.parametrize(
    ("field", "others"),
    [
        ("subject", {"subject": "Hello\r\nBcc: bob@y.example"}),
        ("subject", {"subject": "Hello\u2028Bcc: bob@y.example"}),
        ("subject", {"subject": " "}),
        ("subject", {"subject": "x" * 257}),
        ("text", {"text": "x" * 200_001}),
        ("html", {"html": "a\0b"}),
    ],
)
def test_a_letter_that_cannot_be_sent_is_refused(letters: Letters, field: str, others: dict[str, str]) -> None:
    letter = Letter(**{"to": "ada@x", "subject": "Hello", "text": "hi", **others})

    with pytest.raises(InvalidField) as caught:
        require_letter(letter)

    assert caught.value.field == field
    with pytest.raises(InvalidField):
        letters.job(ACCOUNT, letter)
