"""This file writes TLS ClientHellos by hand; it guards that an old version can be offered that no library offers."""

import asyncio
import contextlib
import os
import struct
from typing import Final, NamedTuple

SSL3, TLS10, TLS11, TLS12 = 0x0300, 0x0301, 0x0302, 0x0303
_HANDSHAKE, _SERVER_HELLO = 22, 2
SUITES: Final = {
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256", 0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
    0xC0AC: "ECDHE-ECDSA-AES128-CCM", 0xC0AD: "ECDHE-ECDSA-AES256-CCM", 0xC0AE: "ECDHE-ECDSA-AES128-CCM8",
    0xC023: "ECDHE-ECDSA-AES128-SHA256", 0xC024: "ECDHE-ECDSA-AES256-SHA384", 0xC009: "ECDHE-ECDSA-AES128-SHA",
    0xC00A: "ECDHE-ECDSA-AES256-SHA", 0xC027: "ECDHE-RSA-AES128-SHA256", 0xC028: "ECDHE-RSA-AES256-SHA384",
    0xC013: "ECDHE-RSA-AES128-SHA", 0xC014: "ECDHE-RSA-AES256-SHA", 0x009C: "AES128-GCM-SHA256",
    0x009D: "AES256-GCM-SHA384", 0xC09C: "AES128-CCM", 0x003C: "AES128-SHA256", 0x003D: "AES256-SHA256",
    0x002F: "AES128-SHA", 0x0035: "AES256-SHA", 0x000A: "DES-CBC3-SHA", 0x0005: "RC4-SHA", 0x0004: "RC4-MD5",
    0x0001: "NULL-MD5", 0x0002: "NULL-SHA", 0x003B: "NULL-SHA256", 0x0003: "EXP-RC4-MD5", 0x0009: "DES-CBC-SHA",
    0x009E: "DHE-RSA-AES128-GCM-SHA256", 0x009F: "DHE-RSA-AES256-GCM-SHA384", 0x0033: "DHE-RSA-AES128-SHA",
    0x0039: "DHE-RSA-AES256-SHA", 0x0018: "ADH-RC4-MD5", 0xC006: "ECDHE-ECDSA-NULL-SHA", 0xC007: "ECDHE-ECDSA-RC4-SHA",
    0xC008: "ECDHE-ECDSA-DES-CBC3-SHA", 0x0041: "CAMELLIA128-SHA", 0x0096: "SEED-SHA", 0x00A8: "PSK-AES128-GCM-SHA256",
}  # fmt: skip
"""Suites up to TLS 1.2 under OpenSSL's names: what OCPP asks for and what it forbids."""


class Reply(NamedTuple):
    """What a server made of a ClientHello; version and suite are 0 where it refused."""

    version: int
    suite: int


def client_hello(version: int = TLS12, suites: tuple[int, ...] = tuple(SUITES)) -> bytes:
    """Write a ClientHello that offers one version and some suites."""
    names = struct.pack("!H", 2 * len(suites)) + b"".join(struct.pack("!H", suite) for suite in suites)
    body = struct.pack("!H", version) + os.urandom(32) + b"\0" + names + b"\1\0"
    if version > SSL3:
        extensions = _extension(10, b"\0\6\0\x17\0\x18\0\x1d") + _extension(11, b"\1\0") + _extension(23, b"")
        if version >= TLS12:
            algorithms = b"\4\3\5\3\6\3\x08\4\x08\5\x08\6\4\1\5\1\6\1\2\3\2\1"
            extensions += _extension(13, struct.pack("!H", len(algorithms)) + algorithms)
        body += struct.pack("!H", len(extensions)) + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    record = min(version, TLS10) if version > SSL3 else SSL3
    return struct.pack("!BHH", _HANDSHAKE, record, len(message)) + message


async def offer(port: int, version: int, suites: tuple[int, ...] = tuple(SUITES)) -> Reply:
    """Offer a ClientHello to a port and read what the server chose."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(client_hello(version, suites))
        async with asyncio.timeout(5):
            kind, _, size = struct.unpack("!BHH", await reader.readexactly(5))
            record = await reader.readexactly(size)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return Reply(0, 0)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if kind != _HANDSHAKE or record[0] != _SERVER_HELLO:
        return Reply(0, 0)
    session = 38 + 1 + record[38]
    return Reply(int.from_bytes(record[4:6], "big"), int.from_bytes(record[session : session + 2], "big"))


def _extension(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, len(body)) + body
