"""This file says which security event an attack may cause; it guards that an event of another type is no proof.

The types are the product's: of the relay (value/security_events.py) and of the tap. A step that is not listed here
causes none, so a case that wants an event of it fails.
"""

import re
from urllib.parse import unquote

_IDENTITY = re.compile(r"[A-Za-z0-9*\-_=:+|@.]{1,48}")
_GUESS = frozenset({"authentication", "throttled"})
_HANDSHAKE = frozenset({"certificate", "tls"})
_CONTENT = frozenset({"ambiguous-json", "malformed-message"})
_TRANSACTION = frozenset({"foreign-transaction", "meter-regress"})
_CONTROL = frozenset({"reconfiguration-of-security-parameters", "mass-control"})

OF_STEP: dict[str, frozenset[str]] = {
    "open": frozenset({"slow-handshake", "crowding"}),
    "trickle": frozenset({"slow-handshake", "crowding"}),
    "send_bytes": frozenset({"malformed-request"}),
    "ocpp.connect": _GUESS | {"unknown-identity", "profile", "duplicate-identity"},
    "flap": frozenset({"duplicate-identity"}),
    "mtls.connect": _HANDSHAKE | {"certificate"},
    "mtls.resume": _HANDSHAKE,
    "crl.add": _HANDSHAKE,
    "crl.serve": _HANDSHAKE | {"reload"},
    "impersonate": _HANDSHAKE,
    "run": frozenset({"tls"}),
    "replay": _GUESS | _TRANSACTION | {"duplicate-identity"},
    "ocpp.raw": _CONTENT,
    "table": _CONTENT,
    "ocpp.call": _TRANSACTION,
    "csms.call": _CONTROL | {"credential"},
    "charger.reply": frozenset({"credential"}),
    "sample": _GUESS | {"unknown-identity"},
    "signal": frozenset({"reload"}),
    "center.present": frozenset({"tls", "foreign-answer"}),
    "mount_tmpfs": frozenset({"storage"}),
    "fill": frozenset({"storage"}),
    "fiu": frozenset({"storage"}),
    "enqueue": frozenset({"oversize"}),
    "publish": frozenset({"identity", "unreadable", "quota"}),
}


def of_request(wire: bytes, *, good: bool) -> set[str]:
    """Give the types that fit a request.

    Args:
        wire: Its head.
        good: Whether it carries its charger's own password.
    """
    lines = wire.decode("latin-1").split("\r\n")
    names = [line.partition(":")[0].strip().lower() for line in lines[1:]]
    words = lines[0].split(" ")
    found: set[str] = set()
    if any(names.count(name) > 1 for name in ("authorization", "host", "content-length", "transfer-encoding")):
        found.add("smuggling")
    if "origin" in names:
        found.add("foreign-origin")
    if not good:
        found |= _GUESS | {"unknown-identity"}
    identity = unquote(words[1].rpartition("/")[2], errors="replace") if len(words) > 1 else ""
    if not _IDENTITY.fullmatch(identity):
        found |= {"bad-identity", "smuggling"}
    return found or {"malformed-request", "smuggling"}
