"""A real identity provider (pysaml2) and a browser that goes to and fro between it and us."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_UNSPECIFIED, NameID
from saml2.server import Server
from saml2.sigver import get_pem_wrapped_unwrapped, pre_encryption_part

from cloudstead.protocols.saml2.names import XENC, XENC11
from factories.saml2 import Signer, signer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "https://idp.example"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def xmlsec() -> str | None:
    """Where pysaml2's signer is installed."""
    return shutil.which("xmlsec1")


@dataclass(frozen=True)
class Encryption:
    """How assertions are encrypted; pysaml2 itself knows triple DES only, but xmlsec1, which does it, knows more.

    ``to`` is a certificate (PEM); without one, that of our metadata.
    """

    content: str = f"{XENC11}aes256-gcm"
    session_key: str = "aes-256"
    transport: str = f"{XENC}rsa-oaep-mgf1p"
    to: str | None = None


class EncryptingServer(Server):
    """pysaml2's server, with a choice of algorithms."""

    encryption = Encryption()

    def _encrypt_assertion(self, encrypt_cert, sp_entity_id, response, node_xpath=None):
        chosen = self.encryption
        certificate = chosen.to or self.metadata.certs(sp_entity_id, "any", "encryption")[0][1]
        wrapped, unwrapped = get_pem_wrapped_unwrapped(certificate)
        template = pre_encryption_part(msg_enc=chosen.content, key_enc=chosen.transport, encrypt_cert=unwrapped)
        with NamedTemporaryFile(suffix=".pem") as file:
            file.write(wrapped.encode("ascii"))
            file.flush()
            return self.sec.encrypt_assertion(
                response, file.name, template, key_type=chosen.session_key, node_xpath=node_xpath
            )


class RealProvider:
    """pysaml2's server for one service provider, whose metadata it is given."""

    def __init__(
        self,
        folder: Path,
        *,
        by: Signer | None = None,
        signs_requests: bool = True,
        url: str = URL,
        encryption: Encryption | None = None,
        **service,
    ) -> None:
        self._folder = folder
        self._encryption = encryption
        self.url = url
        by = by or signer()
        (folder / "idp.key").write_bytes(
            by.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        (folder / "idp.pem").write_text(by.pem)
        self._service = {
            "endpoints": {
                "single_sign_on_service": [(f"{url}/sso", BINDING_HTTP_REDIRECT)],
                "single_logout_service": [(f"{url}/slo", BINDING_HTTP_REDIRECT)],
            },
            "want_authn_requests_signed": signs_requests,
            "sign_assertion": True,
            "sign_response": True,
            "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
            **service,
        }
        self._server: Server | None = None

    def metadata(self) -> bytes:
        """What it tells about itself."""
        return str(entity_descriptor(self._config(None))).encode()

    def learn(self, metadata: bytes) -> None:
        """Take our metadata."""
        self._server = EncryptingServer(config=self._config(metadata))
        self._server.encryption = self._encryption or Encryption()

    def respond(self, url: str, name: str, **identity: str) -> tuple[str, dict[str, str]]:
        """Answer an address that a browser was sent to, as somebody who has signed in: where to, and which form."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        request = self.server.parse_authn_request(
            query["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=query.get("RelayState"),
            sigalg=query.get("SigAlg"),
            signature=query.get("Signature"),
        )
        place = self.server.response_args(request.message, bindings=[BINDING_HTTP_POST])
        return self._answer(place, name, identity)

    def begin(self, sp_entity_id: str, destination: str, name: str, **identity: str) -> tuple[str, dict[str, str]]:
        """Sign somebody in whom nobody asked for: where to, and which form."""
        place = {"in_response_to": None, "destination": destination, "sp_entity_id": sp_entity_id}
        return self._answer(place, name, identity)

    def _answer(self, place, name, identity) -> tuple[str, dict[str, str]]:
        response = self.server.create_authn_response(
            identity,
            in_response_to=place["in_response_to"],
            destination=place["destination"],
            sp_entity_id=place["sp_entity_id"],
            name_id=NameID(format=NAMEID_FORMAT_UNSPECIFIED, text=name),
            authn={"class_ref": PASSWORD, "authn_auth": self.url},
            sign_response=self._service["sign_response"],
            sign_assertion=self._service["sign_assertion"],
            sign_alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            digest_alg="http://www.w3.org/2001/04/xmlenc#sha256",
            session_not_on_or_after=None,
            encrypt_assertion=self._encryption is not None,
        )
        form = self.server.apply_binding(BINDING_HTTP_POST, str(response), place["destination"], response=True)
        return place["destination"], dict(_fields(form["data"]))

    def logged_out(self, url: str) -> str:
        """Take a request to sign out, and return where the browser is sent with the answer."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        request = self.server.parse_logout_request(
            query["SAMLRequest"], BINDING_HTTP_REDIRECT, sigalg=query["SigAlg"], signature=query["Signature"]
        )
        place = self.server.response_args(request.message, bindings=[BINDING_HTTP_REDIRECT])["destination"]
        response = self.server.create_logout_response(request.message, [BINDING_HTTP_REDIRECT], sign=False)
        return self._redirected(str(response), place, is_response=True)

    def log_out(self, name: str, sp_entity_id: str, place: str) -> str:
        """Begin to sign somebody out, and return where the browser is sent with the request."""
        _, request = self.server.create_logout_request(
            place, issuer_entity_id=self.url, name_id=NameID(format=NAMEID_FORMAT_UNSPECIFIED, text=name), sign=False
        )
        return self._redirected(str(request), place, is_response=False)

    def took_logout_response(self, url: str) -> bool:
        """Tell whether our answer to its request was right."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        response = self.server.parse_logout_request_response(query["SAMLResponse"], BINDING_HTTP_REDIRECT)
        return bool(response.status_ok())

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    def close(self) -> None:
        with suppress(AttributeError):
            self.server.close()

    def _redirected(self, message: str, place: str, *, is_response: bool) -> str:
        sent = self.server.apply_binding(
            BINDING_HTTP_REDIRECT,
            message,
            place,
            response=is_response,
            sign=True,
            sigalg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        )
        return dict(sent["headers"])["Location"]

    def _config(self, sp_metadata: bytes | None) -> IdPConfig:
        return IdPConfig().load(
            {
                "entityid": self.url,
                "service": {"idp": self._service},
                "metadata": {} if sp_metadata is None else {"inline": [sp_metadata.decode()]},
                "key_file": str(self._folder / "idp.key"),
                "cert_file": str(self._folder / "idp.pem"),
                "xmlsec_binary": xmlsec(),
            }
        )


@contextmanager
def served(provider: RealProvider, port: int, name: str) -> Iterator[None]:
    """Answer browsers at the port of ``provider.url``, as a provider to which ``name`` is signed in already.

    ``/start`` is its page of applications: ``sp`` names one, ``to`` is where its answers go.
    """

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"{provider.url}{self.path}"
            if self.path.startswith("/sso?"):
                self._show(*provider.respond(address, name))
            elif self.path.startswith("/start?"):
                query = parse_qs(urlsplit(address).query)
                self._show(*provider.begin(query["sp"][0], query["to"][0], name))
            elif self.path.startswith("/slo?"):
                self._say(302, "Location", provider.logged_out(address))
            else:
                self._say(404, "Content-Type", "text/plain")

        def _show(self, place: str, form: dict[str, str]) -> None:
            fields = "".join(f'<input type="hidden" name="{key}" value="{value}">' for key, value in form.items())
            page = f'<title>Who are you?</title><form method="post" action="{place}">{fields}<button type="submit">'
            self._say(200, "Content-Type", "text/html", page.encode())

        def _say(self, status: int, field: str, value: str, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header(field, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", port), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def _fields(page: str) -> list[tuple[str, str]]:
    return [(name, unescape(value)) for name, value in re.findall(r'name="([^"]+)"\s+value="([^"]*)"', page)]
