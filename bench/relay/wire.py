"""This file holds the bytes both ends of the bench agree on; it guards that the ends cost less than what is between."""

import base64
import hashlib

PAYLOAD = 400
"""Bytes of a message; MeterValues of one phase."""
MASK = b"\x37\xfa\x21\x3d"
UP = b"\x81\xfe" + PAYLOAD.to_bytes(2, "big") + MASK + bytes(PAYLOAD)
"""A charger's frame. Its mask is constant and nobody here looks at its payload: it is there to be carried."""
DOWN = b"\x81\x7e" + PAYLOAD.to_bytes(2, "big") + bytes(PAYLOAD)

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(charger: str) -> bytes:
    """Write a charger's handshake."""
    return (
        f"GET /ocpp/{charger} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    ).encode()


def answer(head: bytes) -> bytes:
    """Write the CSMS's 101 for a request head."""
    key = next(
        line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    digest = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    return (
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {digest}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    ).encode()
