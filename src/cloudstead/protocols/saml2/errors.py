"""What can be wrong with what was sent. Reasons are for logs and administrators; they repeat nothing that was sent."""

from __future__ import annotations


class Saml2Error(ValueError):
    """Something from outside is not to be used."""


class Malformed(Saml2Error):
    """It is no message or metadata of SAML 2.0, or more of it than we take."""


class NotBelieved(Saml2Error):
    """It is a message, but it does not prove what it says, or says it to somebody else or for another time."""
