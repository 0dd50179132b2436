"""This file gives the Python peers their side of a security profile; it guards that a server demands all of it.

Profile 0 is plain ws without authentication, 1 adds Basic, 2 is Basic over TLS, 3 is TLS with client certificates.
"""

import base64
import ssl
from dataclasses import dataclass
from urllib.parse import unquote

PASSWORD = b"gr\xfcn\xff-0123456789abc"
"""Twenty bytes that are no UTF-8, as OCPP 1.6 allows."""
TOOL_PASSWORD = b"0123456789abcdefghij"
"""Of the identity that ends in -tool: its program takes a password only as UTF-8 in a URL."""
BASIC = (1, 2)
REFUSED = {"nobody": (404, {}), "busy": (503, {"Retry-After": "7"})}
"""What a server answers to identities that begin so."""
_CHALLENGE = (401, {"WWW-Authenticate": 'Basic realm="csms"'})


@dataclass(frozen=True)
class Orders:
    """What a peer is told: files are PEM; `url` is a client's, `cases` are what it plays.

    Attributes:
        certificate: Of this peer; a client's name holds {identity}.
        key: Its key.
        stranger_ca: An authority that has signed nothing here.
    """

    profile: int
    ca: str
    certificate: str
    key: str
    url: str = ""
    cases: tuple[str, ...] = ()
    stranger_ca: str = ""

    def server(self) -> ssl.SSLContext | None:
        """Give the context of a server, None for plain ws."""
        if self.profile < 2:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        if self.profile == 3:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self, segment: str, *, ca: str = "", identified: bool = True) -> ssl.SSLContext | None:
        """Give the context of a charger, None for plain ws."""
        if self.profile < 2:
            return None
        context = ssl.create_default_context(cafile=ca or self.ca)
        if identified and self.profile == 3:
            certificate, key = (name.format(identity=unquote(segment)) for name in (self.certificate, self.key))
            context.load_cert_chain(certificate, key)
        return context

    def fields(self, segment: str, password: bytes = PASSWORD) -> dict[str, str]:
        """Give the header fields that identify a charger."""
        if self.profile not in BASIC:
            return {}
        return {"Authorization": basic(unquote(segment), password)}

    def refusal(self, segment: str, authorization: str | None) -> tuple[int, dict[str, str]] | None:
        """Give the status and header fields that refuse a charger, None to let it in."""
        identity = unquote(segment)
        for prefix, answer in REFUSED.items():
            if identity.startswith(prefix):
                return answer
        password = TOOL_PASSWORD if identity.endswith("-tool") else PASSWORD
        if self.profile in BASIC and authorization != basic(identity, password):
            return _CHALLENGE
        return None


def basic(identity: str, password: bytes) -> str:
    """Give the value of Authorization."""
    return "Basic " + base64.b64encode(identity.encode() + b":" + password).decode()
