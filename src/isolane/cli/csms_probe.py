"""This file asks the CSMS as a charger would; it guards that a refusal is explained in an operator's words.

The question is one WebSocket handshake with a charger's identity. If it is accepted the connection is closed at once
with 1000, before any OCPP message.
"""

import asyncio
import base64
import hashlib
import os
import ssl
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from isolane.cli.probes import PROBE_S, Target, explained
from isolane.core.failures import IsolaneError
from isolane.security import tls
from isolane.value.access.basic import write_basic
from isolane.value.access.retrofit import Voice
from isolane.value.door.handshake import Answer
from isolane.value.failures import Refused
from isolane.value.settings import Csms
from isolane.value.upstream.dial import AnswerReader

SUBPROTOCOLS = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE_1000 = b"\x88\x82\x00\x00\x00\x00\x03\xe8"
"""A masked Close frame, mask of zeros."""
_REASONS = {
    400: "it does not like the request (400): is this a WebSocket address?",
    401: "it asks for a password or refuses this one (401): give the charger's with --password-file, or set it there",
    403: "it forbids this charger (403): is it blocked there, or does it expect a client certificate?",
    404: "it does not know this charger or this path (404): check the identity and the path of `csms.url`",
    426: "it wants another version (426): does it speak OCPP-J over WebSocket?",
    429: "it has had enough requests (429): wait and try again",
    503: "it is there but takes no connections now (503)",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a charger's identity and, for HTTP Basic, its password."""

    identity: str
    password: bytes | None = None


async def ask(csms: Csms, caller: Caller, voice: Voice | None = None) -> tuple[str, str]:
    """Ask once.

    Args:
        csms: Where.
        caller: Who.
        voice: What the relay says for this charger, None where it says what the charger does.

    Returns:
        (problem, subprotocol): the problem is "" if the CSMS accepts, else a sentence; the subprotocol is its choice.
    """
    parts = urlsplit(csms.url)
    secure = parts.scheme == "wss"
    target = Target("CSMS", parts.hostname or "", parts.port or (443 if secure else 80))
    key = base64.b64encode(os.urandom(16))
    try:
        context = tls.client_context(csms.ca, csms.certificate, csms.key) if secure else None
        if secure and voice is not None and voice.context is not None:
            context = voice.context
        authorization = _basic(caller) if voice is None else voice.authorization
        request = _request(parts.netloc, f"{parts.path.rstrip('/')}/{quote(caller.identity, safe='')}", key)
        if authorization is not None:
            request = request[:-2] + f"Authorization: {authorization}\r\n\r\n".encode()
        async with asyncio.timeout(PROBE_S):
            answer = await _handshake(target, context, request)
    except (IsolaneError, OSError) as error:
        return explained(error, target), ""
    except Refused:
        return f"{target.host}:{target.port} does not answer in HTTP: is this the CSMS's OCPP port?", ""
    return _judged(answer, key)


def _basic(caller: Caller) -> str | None:
    return None if caller.password is None else write_basic(caller.identity, caller.password)


def _request(host: str, target: str, key: bytes) -> bytes:
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {', '.join(SUBPROTOCOLS)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _handshake(target: Target, context: ssl.SSLContext | None, request: bytes) -> Answer:
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    try:
        writer.write(request)
        parser = AnswerReader()
        answer: Answer | None = None
        while answer is None:
            answer = parser.feed(await reader.read(65_536))
        if answer.status == 101:  # noqa: PLR2004 - Switching Protocols
            writer.write(_CLOSE_1000)
            await writer.drain()
        return answer
    finally:
        writer.close()


def _judged(answer: Answer, key: bytes) -> tuple[str, str]:
    fields = {name.lower(): value for name, value in answer.fields}
    if answer.status != 101:  # noqa: PLR2004 - Switching Protocols
        if 300 <= answer.status < 400:  # noqa: PLR2004 - redirects
            return f"it redirects to {fields.get('location', 'nowhere')}: set `csms.url` to where it really is", ""
        return _REASONS.get(answer.status, f"it answers {answer.status} {answer.reason}"), ""
    # RFC 6455 §4.2.2 defines the accept value by SHA-1; it proves that a WebSocket server answers, nothing secret.
    expected = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    if fields.get("sec-websocket-accept") != expected:
        return "it answers 101 with a wrong accept value: something between here and there caches or rewrites", ""
    chosen = fields.get("sec-websocket-protocol", "")
    if chosen not in SUBPROTOCOLS:
        return f"it agrees on no subprotocol of {', '.join(SUBPROTOCOLS)}: does it speak OCPP-J?", ""
    return "", chosen
