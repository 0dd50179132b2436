"""This file lets an application see the certificate of who is connected; it guards that only a verified one is seen.

Uvicorn does not hand the client's certificate to the application. TLS has verified it before the first byte of HTTP, so
it is put, and its common name, into the state that every request of the connection carries.
"""

import asyncio
import ssl
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

STATE_KEY = "peer"
_CERTIFICATE, _SERIAL = "peer_certificate", "peer_serial"


class PeerProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 protocol; ``scope["state"]["peer"]`` is the peer's common name, or "".

    Attributes:
        serial: Of the peer's certificate, 0 without one.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Read the certificate once per connection."""
        shown = transport.get_extra_info("ssl_object")
        told = (shown.getpeercert() or {}) if shown is not None else {}
        self.serial = int(told.get("serialNumber", "0"), 16)
        self.app_state = {
            **self.app_state,
            STATE_KEY: common_name(transport),
            _SERIAL: self.serial,
            _CERTIFICATE: (shown.getpeercert(binary_form=True) or b"") if shown is not None else b"",
        }
        super().connection_made(transport)

    def end(self) -> None:
        """End the connection now."""
        self.transport.abort()

    def shutdown(self) -> None:
        """End the connection because the server stops; an idle peer would not answer TLS's farewell, so do not wait."""
        if getattr(self.cycle, "response_complete", True):
            self.transport.abort()
        else:
            super().shutdown()


def common_name(transport: asyncio.BaseTransport) -> str:
    """Give the common name in a peer's verified certificate; "" without one, or if there is not exactly one."""
    connection = transport.get_extra_info("ssl_object")
    if connection is None or connection.context.verify_mode != ssl.CERT_REQUIRED:
        return ""
    subject: tuple[tuple[tuple[str, str], ...], ...] = (connection.getpeercert() or {}).get("subject", ())
    names = [value for part in subject for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 else ""


def peer(scope: MutableMapping[str, Any]) -> str:
    """Give the common name of who sent a request."""
    name = scope.get("state", {}).get(STATE_KEY, "")
    return name if isinstance(name, str) else ""


def certificate(scope: MutableMapping[str, Any]) -> bytes:
    """Give the certificate (DER) of who sent a request; empty without one."""
    shown = scope.get("state", {}).get(_CERTIFICATE, b"")
    return shown if isinstance(shown, bytes) else b""


def serial(scope: MutableMapping[str, Any]) -> int:
    """Give the serial number of the certificate of who sent a request; 0 without one."""
    number = scope.get("state", {}).get(_SERIAL, 0)
    return number if isinstance(number, int) else 0
