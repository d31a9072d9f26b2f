"""Where links in mails and to files lead."""

from __future__ import annotations

import pytest

from cloudstead.app.faces import Addresses, browsed_url
from cloudstead.app.settings import load_settings

HTTP, HTTPS = "http://127.0.0.1:8080", "https://127.0.0.1:8443"


def lead(flags, *, http=HTTP, https=HTTPS):
    addresses = Addresses(http=http, https=https, mqtts=None, thing_event=None, iot_host="")
    return browsed_url(load_settings(flags, {}, None), addresses)


def test_on_a_laptop_links_lead_where_no_browser_warns():
    assert lead({}) == HTTP


def test_what_the_operator_names_comes_first():
    assert lead({"public": {"url": "https://cloud.example"}}) == "https://cloud.example"


@pytest.mark.parametrize(
    "flags",
    [
        {"http": {"address": "0.0.0.0:8080"}},
        {"https": {"certificate_file": "server.pem", "private_key_file": "server.key"}},
    ],
)
def test_links_go_by_tls_where_others_may_read_along_or_the_certificate_is_a_real_one(flags):
    assert lead(flags) == HTTPS


def test_links_go_by_the_listener_that_there_is():
    assert lead({}, http=None) == HTTPS
    assert lead({}, https=None) == HTTP
