"""The settings of mail, webhooks and jobs."""

from __future__ import annotations

import pytest

from cloudstead.app.outgoing import mail_sender
from cloudstead.app.settings import BadSetting, PublicSettings, Settings, load_settings
from cloudstead.app.settings_outside import MailSettings, WebhookSettings


def refusal(section: str, **values: object) -> str:
    with pytest.raises(BadSetting) as caught:
        load_settings({section: values}, {}, None)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"tls": "ssl"}, "tls"),
        ({"port": 0}, "port"),
        ({"sender": "no address"}, "sender"),
        ({"sender": "a@x\r\nBcc: b@y"}, "sender"),
        ({"sender_name": "a\r\nBcc: b@y"}, "sender_name"),
        ({"user_name": "u"}, "user_name and password"),
        ({"host": "mail.example", "tls": "none", "user_name": "u", "password": "p"}, "over TLS only"),
        ({"tries": 0}, "tries"),
    ],
)
def test_mail_settings_that_cannot_be_meant_are_refused(values: dict[str, object], word: str) -> None:
    assert word in refusal("mail", **values)


def test_a_mail_server_on_this_machine_may_do_without_tls() -> None:
    settings = load_settings(
        {"mail": {"host": "localhost", "tls": "none", "user_name": "u", "password": "p"}}, {}, None
    )

    assert settings.mail.tls == "none"


def test_the_password_of_the_mail_server_is_never_shown() -> None:
    assert "s3cret" not in repr(Settings(mail=MailSettings(host="h", user_name="u", password="s3cret")))


@pytest.mark.parametrize(
    ("settings", "sender"),
    [
        (Settings(), "no-reply@localhost"),
        (Settings(public=PublicSettings(hostname="cloud.example")), "no-reply@cloud.example"),
        (Settings(public=PublicSettings(hostname="::1")), "no-reply@localhost"),
        (Settings(mail=MailSettings(sender="me@x.example")), "me@x.example"),
    ],
)
def test_mails_are_sent_in_the_name_of_our_own_host_unless_another_is_given(settings: Settings, sender: str) -> None:
    assert mail_sender(settings) == sender


def test_networks_that_may_be_called_come_from_the_environment() -> None:
    settings = load_settings({}, {"CLOUDSTEAD_WEBHOOKS_ALLOW": "10.1.0.0/16, fd00::/8"}, None)

    assert settings.webhooks == WebhookSettings(allow=("10.1.0.0/16", "fd00::/8"))


@pytest.mark.parametrize(
    "values", [{"allow": ["10.1.0.0/33"]}, {"allow": ["hooks.example"]}, {"timeout_s": 0}, {"tries": 0}, {"at_once": 0}]
)
def test_webhook_settings_that_cannot_be_meant_are_refused(values: dict[str, object]) -> None:
    assert "webhooks" in refusal("webhooks", **values)


def test_the_defaults_are_those_of_the_contract() -> None:
    defaults = Settings().webhooks

    assert (defaults.timeout_s, defaults.tries, defaults.allow, defaults.allow_private) == (10.0, 3, (), False)
