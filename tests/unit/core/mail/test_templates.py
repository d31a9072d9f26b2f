from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.mail import templates
from cloudstead.core.mail.model import Letter, require_letter

LINK = "https://cloud.example/links/abc?x=1&y=2"
WRITERS = {
    "confirm": lambda **who: templates.confirm_sign_up(**who, link=LINK, valid_minutes=1440),
    "password": lambda **who: templates.set_password(**who, link=LINK, valid_minutes=60),
    "changed": templates.password_changed,
    "invitation": lambda **who: templates.invitation(**who, user_name="ada", link=LINK, valid_minutes=4320),
}


class Page(HTMLParser):
    def __init__(self, letter: Letter) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.words: list[str] = []
        self.feed(letter.html or "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def write(kind: str, **who: str) -> Letter:
    return WRITERS[kind](**{"to": "ada@x.example", "account_name": "Acme", "name": "Ada", **who})


@pytest.mark.parametrize("kind", WRITERS)
def test_a_letter_names_the_account_and_says_the_same_in_text_and_html(kind: str) -> None:
    letter = write(kind)
    require_letter(letter)

    assert "Acme" in letter.subject
    assert "Hello Ada," in letter.text
    assert letter.text.split("\n\n") == [
        f"{word}\n" if word == Page(letter).words[-1] else word for word in Page(letter).words
    ]


@pytest.mark.parametrize("kind", ["confirm", "password", "invitation"])
def test_a_letter_with_a_link_carries_it_in_both_forms(kind: str) -> None:
    letter = write(kind)

    assert LINK in letter.text.split("\n\n")
    assert Page(letter).links == [LINK]


@pytest.mark.parametrize(
    "name", ["Click https://evil.example/win", "see evil.example", "ada@x.example", "<b>", "A" * 65]
)
@pytest.mark.parametrize("kind", WRITERS)
def test_a_name_that_could_be_a_message_of_its_own_is_left_out(kind: str, name: str) -> None:
    letter = write(kind, name=name)

    assert letter.text.startswith("Hello,\n")
    assert "evil" not in letter.text + (letter.html or "")


def test_the_letter_about_a_changed_password_has_no_link() -> None:
    assert Page(write("changed")).links == []


def test_one_hour_is_no_hours() -> None:
    assert "within 1 hour." in write("password").text
    assert "within 24 hours." in write("confirm").text


def test_an_invitation_says_who_invites_and_under_which_name() -> None:
    letter = templates.invitation(
        to="a@x", account_name="Acme", name="Ada", user_name="ada1", link=LINK, valid_minutes=120, invited_by="Bob"
    )

    assert "Bob has invited you to Acme. Your user name is ada1." in letter.text


@pytest.mark.parametrize("kind", WRITERS)
@given(words=st.text(max_size=60))
def test_no_name_can_become_a_header_or_an_element(kind: str, words: str) -> None:
    letter = write(kind, account_name=f"A{words}", name=words)

    require_letter(letter)
    assert set(letter.subject.splitlines()) == {letter.subject}
    assert Page(letter).tags == Page(write(kind)).tags


def test_a_link_that_is_no_web_page_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="web page"):
        templates.set_password(to="a@x", account_name="A", name="B", link="javascript:alert(1)", valid_minutes=60)
