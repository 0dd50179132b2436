"""This file compares reports; it guards that only what is named here, with its reason, may differ.

Pure: no socket, no process.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import unified_diff

Fact = tuple[str, str]


@dataclass(frozen=True)
class Rule:
    """What is taken out of both reports before they are compared.

    Attributes:
        name: In the documentation.
        reason: Why it may differ.
        apply: Gives the fact without it, None for no fact.
        added_by_relay: It levels what the default compression mode adds; the exact comparison leaves it out.
    """

    name: str
    reason: str
    apply: Callable[[Fact], Fact | None]
    added_by_relay: bool = False


def _without(pattern: str) -> Callable[[Fact], Fact | None]:
    kind = re.compile(pattern)
    return lambda fact: None if kind.fullmatch(fact[0]) else fact


def _value(kinds: str, level: Callable[[str], str]) -> Callable[[Fact], Fact | None]:
    kind = re.compile(kinds)
    return lambda fact: (fact[0], level(fact[1])) if kind.fullmatch(fact[0]) else fact


def _replaced(pattern: str, with_: str) -> Callable[[str], str]:
    found = re.compile(pattern)
    return lambda value: found.sub(with_, value)


RULES = (
    Rule(
        "random handshake fields",
        "Sec-WebSocket-Key and -Accept are drawn anew by each connection; each library has checked them",
        _without("(request|response) sec-websocket-(key|accept)"),
    ),
    Rule("Host", "it names the port that was dialled", _without("request host")),
    Rule(
        "fields that describe a program",
        "the relay passes a list of fields north and south; these say who made the peer, and are not on it",
        _without("request (user-agent|accept|accept-encoding|cache-control|pragma)|(response|refusal) server"),
    ),
    Rule("Date", "the time", _without("(response|refusal) date")),
    Rule(
        "Connection of a refusal",
        "it concerns one leg (RFC 9110 §7.6.1); the relay always says close",
        _without("refusal connection"),
    ),
    Rule(
        "case of Connection and Upgrade",
        "their values are compared without case (RFC 6455 §4.2.1), the relay writes them anew",
        _value("(request|response) (connection|upgrade)", str.lower),
    ),
    Rule(
        "name in a client certificate",
        "TLS ends on the relay: the CSMS sees the gateway's certificate, from the same authority",
        _value("client certificate", lambda _: "verified"),
    ),
    Rule(
        "answers that a verdict quotes",
        "`ocpp-ws-cli` cuts them after 80 characters, and the ids it draws differ in length; type and error code stay",
        _value("Server .*", _replaced(r'(got: \[\d,)[^,]*(,"\w*").*', r"\1<id>\2")),
    ),
    Rule("addresses", "the port that was dialled", _value(".*", _replaced(r"127\.0\.0\.1:\d+", "<address>"))),
    Rule(
        "no_context_takeover",
        'the relay adds both parameters unless `compression = "untouched"`',
        _value(
            "extensions|(request|response) sec-websocket-extensions",
            _replaced(r"; *(server|client)_no_context_takeover", ""),
        ),
        added_by_relay=True,
    ),
)
_RESULTS = {"result", "bad message", "schema"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID = re.compile(r'^\[\d+, *"([0-9a-z]{1,13})"')
"""Ids that `ocpp-ws-cli` draws; the others are UUIDs. One rule more: ids become their ordinal within a report."""


def levelled(facts: Sequence[Fact], *, exact: bool) -> list[Fact]:
    """Give what has to be the same: without what the rules let off, ids as ordinals, messages as digests."""
    seen: dict[str, str] = {}
    out: list[Fact] = []
    for fact in _results_last(facts):
        kept: Fact | None = fact
        for rule in RULES:
            if kept is not None and not (exact and rule.added_by_relay):
                kept = rule.apply(kept)
        if kept is None:
            continue
        kind, value = kept
        for drawn in [*_UUID.findall(value), *_ID.findall(value if kind == "text" else "")]:
            value = value.replace(drawn, seen.setdefault(drawn, f"<id {len(seen) + 1}>"))
        if kind == "text" and " bytes, sha256 " not in value:
            raw = value.encode("utf-8", "surrogatepass")
            value = f"{len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()}"
        out.append((kind, value))
    return out


def _results_last(facts: Sequence[Fact]) -> list[Fact]:
    """Put what a library made of messages behind the messages, connection by connection, each in its order.

    One rule more: a library resumes its caller when it likes, before or after it takes the next message.
    """
    out: list[Fact] = []
    results: list[Fact] = []
    for fact in (*facts, ("connection", "")):
        if fact[0] == "connection":
            out += results
            results = []
        (results if fact[0] in _RESULTS else out).append(fact)
    return out[:-1]


def differences(direct: Sequence[Fact], relayed: Sequence[Fact]) -> list[str]:
    """Give the lines of a diff, none for the same."""
    before, after = ([f"{kind}: {value}" for kind, value in facts] for facts in (direct, relayed))
    return [line.rstrip("\n") for line in unified_diff(before, after, "direct", "relayed", n=1, lineterm="")]
