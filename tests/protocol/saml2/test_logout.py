"""Messages of single logout that come in."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from lxml import etree

from cloudstead.protocols.saml2.errors import NotBelieved, Saml2Error
from cloudstead.protocols.saml2.logout import LogoutRequest, LogoutResponse, LogoutTrust, check_logout
from cloudstead.protocols.saml2.messages import logout_request, logout_response
from cloudstead.protocols.saml2.redirect import address, read_query
from factories.saml2 import ISSUER, NOW, Answer, sign, signer

PLACE = "https://cloud.example/people/saml2/p1/logout"
TRUST = LogoutTrust(issuer=ISSUER, certificates=(signer().certificate,), recipient=PLACE)
LATER = NOW + timedelta(minutes=4)


def request(**others) -> bytes:
    values = {
        "request_id": "_out",
        "issuer": ISSUER,
        "destination": PLACE,
        "name_id": "jane",
        "name_id_format": "",
        "session_index": "s1",
        "now": NOW,
    }
    return logout_request(**{**values, **others})


def response(**others) -> bytes:
    values = {"response_id": "_done", "in_response_to": "_mine", "issuer": ISSUER, "destination": PLACE, "now": NOW}
    return logout_response(**{**values, **others})


def by_redirect(message: bytes, *, is_request: bool, key=None, now=NOW):
    query = urlsplit(address(PLACE, message, is_request=is_request, key=key or signer().key)).query
    sent = read_query(query)
    return check_logout(sent.message, TRUST, sent=sent, now=now)


def by_post(message: bytes, by=None):
    root = etree.fromstring(message)
    sign(root, Answer(by=by or signer()))
    return check_logout(etree.tostring(root), TRUST, sent=None, now=NOW)


def test_a_request_is_read_whichever_way_it_came():
    expected = LogoutRequest(id="_out", name_id="jane", session_indexes=("s1",))

    assert by_redirect(request(), is_request=True) == expected
    assert by_post(request()) == expected


def test_a_response_is_read_whichever_way_it_came():
    expected = LogoutResponse(in_response_to="_mine", is_success=True)

    assert by_redirect(response(), is_request=False) == expected
    assert by_post(response()) == expected


@pytest.mark.parametrize(
    "others",
    [
        {"issuer": "https://other.example"},
        {"destination": "https://other.example"},
        {"now": NOW - timedelta(minutes=4)},
        {"now": LATER},
    ],
)
def test_a_message_from_elsewhere_or_another_time_is_not_believed(others):
    for check in (lambda: by_redirect(request(**others), is_request=True), lambda: by_post(response(**others))):
        with pytest.raises(NotBelieved):
            check()


def test_a_message_that_is_not_signed_by_the_provider_is_not_believed():
    with pytest.raises(NotBelieved):
        by_redirect(request(), is_request=True, key=signer("stranger").key)
    with pytest.raises(NotBelieved):
        by_post(request(), signer("stranger"))
    with pytest.raises(NotBelieved, match="not signed"):
        check_logout(request(), TRUST, sent=None, now=NOW)


def test_a_request_that_comes_as_a_response_is_refused():
    with pytest.raises(Saml2Error):
        by_redirect(request(), is_request=False)


def test_a_signed_response_to_a_sign_in_ends_no_session():
    with pytest.raises(Saml2Error):
        check_logout(Answer(signs="response", destination=PLACE).xml(), TRUST, sent=None, now=NOW)
