"""This file turns handshake bytes into facts and back.

It guards that nothing leaves north that the charger smuggled in.

Pure: no socket, no clock. A request is taken only as GET, HTTP/1.1, origin-form, one Host, at most one Authorization,
no body, a WebSocket upgrade of version 13. The request to the CSMS is written anew from the facts, so the header
allow-list is what `request_north` writes: Host, Upgrade, Connection,
Sec-WebSocket-Key/-Version/-Protocol/-Extensions, Authorization. The answer is written anew too, after the CSMS's 101
has been checked against what was asked (RFC 6455 §4.1, RFC 7692 §7.1).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

from isolane.core.ids import is_charger_id
from isolane.value.door import extensions
from isolane.value.door.head import check_lines, compose
from isolane.value.door.head import fields as fields_of
from isolane.value.failures import Refused
from isolane.value.settings import Limits

_NONE: Final[Sequence[str]] = ()
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_SWITCHING = b"HTTP/1.1 101 "
_ANSWER_LIMITS = Limits()
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:\[\]%-]+")
_BODY_FIELDS = ("content-length", "transfer-encoding", "expect", "trailer")
_ONCE = ("host", "upgrade", "sec-websocket-key", "sec-websocket-version", "authorization", "origin")
_PASSED_SOUTH = frozenset({"www-authenticate", "retry-after", "content-type", "allow", "sec-websocket-version"})


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request that may be relayed, as facts.

    Attributes:
        charger: Identity, percent-decoded once.
        segment: The same as the charger wrote it.
        query: Raw query, None where the target has none.
        key: Sec-WebSocket-Key.
        protocols: Subprotocols offered, in order.
        protocol_field: The same as the charger wrote them, "" for none.
        extensions: Extensions for the CSMS, see `extensions.offer_north`, "" for none.
        authorization: Authorization, None for none.
        origin: Origin, None for none.
    """

    charger: str
    segment: str
    query: str | None
    key: str
    protocols: tuple[str, ...]
    protocol_field: str
    extensions: str
    authorization: str | None
    origin: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CSMS said: status, reason phrase, header fields (names in lower case), body."""

    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Give the values of a field in order."""
        return [value for key, value in self.fields if key == name]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checked 101: the bytes for the charger and what was agreed."""

    head: bytes
    subprotocol: str
    extensions: str


def read_request(head: bytes, limits: Limits, path: str, *, query: bool, untouched: bool) -> Upgrade:
    """Read a charger's request.

    Args:
        head: Everything before the empty line, without it.
        limits: See `head.check_lines`.
        path: The listener's path before the identity.
        query: Whether a query may pass.
        untouched: Whether extensions pass as they are.

    Raises:
        Refused: The request is not what this file's top demands; 404 where only path or identity are wrong.
    """
    _check_request_line(check_lines(head, limits))
    fields = _gathered(fields_of(head))
    for name in _BODY_FIELDS:
        if name in fields:
            raise Refused(400, "smuggling", detail=f"field {name}")
    for name in _ONCE:
        if len(fields.get(name, ())) > 1:
            raise Refused(400, "smuggling", detail=f"several fields {name}")
    if not _HOST.fullmatch(fields.get("host", [""])[0]):
        raise Refused(400, "malformed")
    _check_upgrade(fields)
    segment, raw_query = _target(head.split(b" ", 2)[1].decode("ascii"), path, query=query)
    protocol_field = ", ".join(fields.get("sec-websocket-protocol", []))
    protocols = tuple(item.strip(" \t") for item in protocol_field.split(",")) if protocol_field else ()
    if len(set(protocols)) != len(protocols) or "" in protocols:
        raise Refused(400, "malformed")
    offered = ", ".join(fields.get("sec-websocket-extensions", _NONE))
    try:
        offer = extensions.offer_north(offered, untouched=untouched) if offered else ""
    except ValueError as error:
        raise Refused(400, "malformed") from error
    return Upgrade(
        charger=identity(segment),
        segment=segment,
        query=raw_query,
        key=fields["sec-websocket-key"][0],
        protocols=protocols,
        protocol_field=protocol_field,
        extensions=offer,
        authorization=fields.get("authorization", [None])[0],
        origin=fields.get("origin", [None])[0],
    )


def identity(segment: str) -> str:
    """Decode an identity exactly once.

    `core.ids` says what an identity may be. Beyond it, the handshake takes printable ASCII only (OCPP-J's
    identifierString is ASCII), no space at either end, and no "%" in the decoded identity, which only a doubly
    encoded one has.

    Raises:
        Refused: 404; an identity that cannot exist is as unknown as any other.
    """
    try:
        decoded = unquote_to_bytes(segment).decode("ascii")
    except UnicodeDecodeError as error:
        raise Refused(404, "bad-identity", detail="not ASCII") from error
    if not is_charger_id(decoded) or "%" in decoded or decoded != decoded.strip(" "):
        raise Refused(404, "bad-identity")
    return decoded


def request_north(upgrade: Upgrade, host: str, path: str) -> bytes:
    """Write the request to the CSMS.

    Args:
        upgrade: What the charger asked.
        host: The CSMS's Host value.
        path: Its base path, without "/" at the end.
    """
    query = "" if upgrade.query is None else f"?{upgrade.query}"
    fields = [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", upgrade.key),
        ("Sec-WebSocket-Version", "13"),
    ]
    if upgrade.protocol_field:
        fields.append(("Sec-WebSocket-Protocol", upgrade.protocol_field))
    if upgrade.extensions:
        fields.append(("Sec-WebSocket-Extensions", upgrade.extensions))
    if upgrade.authorization is not None:
        fields.append(("Authorization", upgrade.authorization))
    return compose(f"GET {path}/{upgrade.segment}{query} HTTP/1.1", fields)


def switching(head: bytes) -> Answer | None:
    """Read a plain 101 without a parser.

    Args:
        head: Everything before the empty line, without it.

    Returns:
        The answer; None where the head is anything else, or of a form that is better left to a parser.
    """
    if not head.startswith(_SWITCHING):
        return None
    try:
        line = check_lines(head, _ANSWER_LIMITS)
    except Refused:
        return None
    return Answer(101, line[len(_SWITCHING) :].decode("ascii"), tuple(fields_of(head)), b"")


def accept_south(answer: Answer, upgrade: Upgrade, *, untouched: bool) -> Accepted:
    """Check a CSMS's 101 and write it for the charger.

    Raises:
        Refused: 502; it does not answer what was asked.
    """
    found = _gathered(answer.fields)
    agreed = found.get("sec-websocket-protocol", _NONE)
    accept = accept_key(upgrade.key)
    if (
        not _upgrades(found)
        or found.get("sec-websocket-accept") != [accept]
        or len(agreed) > 1
        or (agreed and agreed[0] not in upgrade.protocols)
    ):
        raise Refused(502, "bad-answer")
    try:
        field = ", ".join(found.get("sec-websocket-extensions", _NONE))
        chosen = extensions.answer_south(field, upgrade.extensions, untouched=untouched) if field else ""
    except ValueError as error:
        raise Refused(502, "bad-answer") from error
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept),
    ]
    if agreed:
        fields.append(("Sec-WebSocket-Protocol", agreed[0]))
    if chosen:
        fields.append(("Sec-WebSocket-Extensions", chosen))
    return Accepted(compose("HTTP/1.1 101 Switching Protocols", fields), agreed[0] if agreed else "", chosen)


def mirror(answer: Answer) -> bytes:
    """Write a CSMS's refusal for the charger, with its reason, its challenge, its Retry-After and its body.

    Raises:
        Refused: 502; it is neither 4xx nor 5xx (a redirect would send a credential elsewhere), or cannot be written.
    """
    if not HTTPStatus.BAD_REQUEST <= answer.status < 600:  # noqa: PLR2004 - the end of HTTP's status classes
        raise Refused(502, "bad-answer")
    fields = [(name.title(), value) for name, value in answer.fields if name in _PASSED_SOUTH]
    fields += [("Content-Length", str(len(answer.body))), ("Connection", "close")]
    try:
        return compose(f"HTTP/1.1 {answer.status} {answer.reason}", fields) + answer.body
    except ValueError as error:
        raise Refused(502, "bad-answer") from error


def refusal(refused: Refused) -> bytes:
    """Write our own refusal."""
    status = refused.status
    fields = [*refused.fields, ("Content-Length", "0"), ("Connection", "close")]
    return compose(f"HTTP/1.1 {status.value} {status.phrase}", fields)


def accept_key(key: str) -> str:
    """Give the Sec-WebSocket-Accept that belongs to a key (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def _check_request_line(line: bytes) -> None:
    words = line.split(b" ")
    if len(words) != 3:  # noqa: PLR2004 - method, target, version
        raise Refused(400, "malformed")
    if words[2] != b"HTTP/1.1":
        raise Refused(505, "malformed")
    if words[0] != b"GET":
        raise Refused(405, "malformed", (("Allow", "GET"),))


def _gathered(fields: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Give the values of each field, in their order."""
    by_name: dict[str, list[str]] = {}
    for name, value in fields:
        if name in by_name:
            by_name[name].append(value)
        else:
            by_name[name] = [value]
    return by_name


def _upgrades(fields: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a head says Upgrade: websocket, once, and Connection: Upgrade, alone or among others."""
    upgrade, connection = fields.get("upgrade", _NONE), fields.get("connection", _NONE)
    if len(upgrade) != 1 or upgrade[0].lower() != "websocket":
        return False
    if len(connection) == 1 and connection[0] == "Upgrade":
        return True
    return any(token.strip(" \t").lower() == "upgrade" for value in connection for token in value.split(","))


def _check_upgrade(fields: Mapping[str, Sequence[str]]) -> None:
    if not _upgrades(fields):
        raise Refused(426, "malformed", (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")))
    if fields.get("sec-websocket-version") != ["13"]:
        raise Refused(426, "malformed", (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")))
    try:
        nonce = base64.b64decode(fields.get("sec-websocket-key", [""])[0], validate=True)
    except binascii.Error as error:
        raise Refused(400, "malformed") from error
    if len(nonce) != _KEY_BYTES:
        raise Refused(400, "malformed")


def _target(target: str, path: str, *, query: bool) -> tuple[str, str | None]:
    """Split an origin-form target into the raw identity and the raw query."""
    before, mark, after = target.partition("?")
    if not before.startswith("/") or before.startswith("//") or "#" in target:
        raise Refused(400, "malformed")
    if mark and (not query or not _QUERY.fullmatch(after)):
        raise Refused(400, "malformed")
    if not before.startswith(f"{path}/"):
        raise Refused(404, "unknown")
    segment = before[len(path) + 1 :]
    if not segment or "/" in segment:
        raise Refused(404, "bad-identity", detail="not one path segment")
    if not _SEGMENT.fullmatch(segment):
        raise Refused(400, "bad-identity", detail="not a path segment")
    return segment, after if mark else None
