"""This file checks the gate: what is taken, what is refused and how, and what is written north and south."""

import pytest

from isolane.value.door.handshake import (
    Answer,
    Upgrade,
    accept_key,
    accept_south,
    identity,
    mirror,
    read_request,
    refusal,
    request_north,
    switching,
)
from isolane.value.failures import Refused
from isolane.value.settings import Limits
from support.raw_peer import ACCEPT, KEY, request

GOOD = {
    "Host": "gateway:8887",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def read(wire: bytes, *, query: bool = True, untouched: bool = False) -> Upgrade:
    return read_request(wire.removesuffix(b"\r\n\r\n"), Limits(), "/ocpp", query=query, untouched=untouched)


def status_of(wire: bytes) -> int:
    with pytest.raises(Refused) as refused:
        read(wire)
    return refused.value.status.value


def test_a_whole_request_becomes_facts() -> None:
    upgrade = read(
        request(
            "/ocpp/CP%2D1?token=a%20b",
            "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6",
            "Sec-WebSocket-Protocol: ocpp1.5",
            "Sec-WebSocket-Extensions: permessage-deflate",
            "Authorization: Basic Q1AtMTpw",
            "User-Agent: charger",
        )
    )
    assert (upgrade.charger, upgrade.segment, upgrade.query) == ("CP-1", "CP%2D1", "token=a%20b")
    assert upgrade.protocols == ("ocpp2.0.1", "ocpp1.6", "ocpp1.5")
    assert upgrade.authorization == "Basic Q1AtMTpw"
    assert upgrade.extensions == "permessage-deflate; server_no_context_takeover"
    assert upgrade.origin is None


def test_only_the_allow_list_goes_north() -> None:
    upgrade = read(
        request(
            "/ocpp/CP1?a=1",
            "Sec-WebSocket-Protocol: ocpp1.6",
            "Sec-WebSocket-Extensions: x-evil",
            "Authorization: Basic eA==",
            "X-Evil: 1",
            "Cookie: a=b",
            "X-Forwarded-For: 1.2.3.4",
        )
    )
    assert (
        request_north(upgrade, "csms.example", "/base")
        == (
            f"GET /base/CP1?a=1 HTTP/1.1\r\nHost: csms.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
            f"Authorization: Basic eA==\r\n\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /ocpp/CP1 HTTP/1.1", 405),
        ("CONNECT g:443 HTTP/1.1", 405),
        ("GET /ocpp/CP1 HTTP/1.0", 505),
        ("GET /ocpp/CP1", 400),
        ("GET  /ocpp/CP1 HTTP/1.1", 400),
        ("get /ocpp/CP1 HTTP/1.1", 405),
        ("PRI * HTTP/2.0", 505),
    ],
)
def test_method_and_version(line: str, status: int) -> None:
    assert status_of(request("/ocpp/CP1").replace(b"GET /ocpp/CP1 HTTP/1.1", line.encode())) == status


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://evil/ocpp/CP1", 400),
        ("//evil/ocpp/CP1", 400),
        ("*", 400),
        ("evil:443", 400),
        ("/ocpp/CP1#f", 400),
        ("/ocpp/CP1?a#f", 400),
        ("/ocpp/CP1?a\\b", 400),
        ("/ocpp//CP1", 404),
        ("/ocpp/./CP1", 404),
        ("/ocpp/../CP1", 404),
        ("/OCPP/CP1", 404),
        ("/ocpp/", 404),
        ("/ocpp", 404),
        ("/ocppCP1", 404),
        ("/ocpp/CP1/", 404),
        ("/ocpp/a/CP1", 404),
        ("/ocpp/CP%2F2", 404),
        ("/ocpp/CP1%00", 404),
        ("/ocpp/CP%2531", 404),
        ("/ocpp/CP%250d%250a", 404),
        ("/ocpp/CP%0d%0aX-Inject:%201", 404),
        ("/ocpp/CP%0aX:1", 404),
        ("/ocpp/CP%E5%98%8A%E5%98%8D", 404),
        ("/ocpp/C%C0%50%31", 404),
        ("/ocpp/%D0%A1P1", 404),
        ("/ocpp/CP1%20", 404),
        ("/ocpp/..", 404),
        ("/ocpp/%2e%2e", 404),
        ("/ocpp/CP1%", 400),
        ("/ocpp/CP%G1", 400),
        ('/ocpp/CP"1', 400),
        ("/ocpp/CP\\1", 400),
        ("/ocpp/" + "A" * 49, 404),
        ("/ocpp/CP:1", 404),
    ],
)
def test_targets_that_are_refused(target: str, status: int) -> None:
    assert status_of(request(target)) == status


@pytest.mark.parametrize(
    ("segment", "decoded"),
    [
        ("CP1", "CP1"),
        ("%43P1", "CP1"),
        ("CP+1", "CP+1"),
        ("DE*ABC%2aE1", "DE*ABC*E1"),
        ("a=b@c|".replace("|", "%7C"), "a=b@c|"),
    ],
)
def test_an_identity_is_decoded_once(segment: str, decoded: str) -> None:
    assert identity(segment) == decoded


def test_a_query_can_be_refused() -> None:
    with pytest.raises(Refused, match="400"):
        read(request("/ocpp/CP1?x=1"), query=False)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (["Host: other"], 400),
        (["Authorization: Basic good", "Authorization: Basic bad"], 400),
        (["Content-Length: 0"], 400),
        (["Transfer-Encoding: chunked"], 400),
        (["Expect: 100-continue"], 400),
        ([f"Sec-WebSocket-Key: {KEY}"], 400),
        (["Origin: a", "Origin: b"], 400),
        (["Sec-WebSocket-Version: 13"], 400),
        (["Upgrade: h2c"], 400),
        (["Sec-WebSocket-Protocol: a, a"], 400),
        (["Sec-WebSocket-Protocol: a,,b"], 400),
        (["Sec-WebSocket-Extensions: " + ",".join(["permessage-deflate"] * 200)], 400),
    ],
)
def test_fields_that_are_refused(fields: list[str], status: int) -> None:
    assert status_of(request("/ocpp/CP1", *fields)) == status


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Host", None, 400),
        ("Host", "a b", 400),
        ("Host", "", 400),
        ("Upgrade", None, 426),
        ("Upgrade", "h2c", 426),
        ("Connection", "close", 426),
        ("Connection", None, 426),
        ("Sec-WebSocket-Version", "8", 426),
        ("Sec-WebSocket-Version", None, 426),
        ("Sec-WebSocket-Key", None, 400),
        ("Sec-WebSocket-Key", "c2hvcnQ=", 400),
        ("Sec-WebSocket-Key", "!!!", 400),
    ],
)
def test_what_an_upgrade_needs(name: str, value: str | None, status: int) -> None:
    fields = {**GOOD, name: value}
    lines = [f"{key}: {text}" for key, text in fields.items() if text is not None]
    assert status_of("\r\n".join(["GET /ocpp/CP1 HTTP/1.1", *lines, "", ""]).encode()) == status


def test_connection_may_name_more_than_upgrade() -> None:
    assert (
        read(request("/ocpp/CP1").replace(b"Connection: Upgrade", b"Connection: keep-alive, upgrade")).charger == "CP1"
    )


def answer(*fields: tuple[str, str], status: int = 101, body: bytes = b"") -> Answer:
    return Answer(status, "Said So", fields, body)


UPGRADED = (("upgrade", "WebSocket"), ("connection", "upgrade"))


def test_an_honest_answer_passes() -> None:
    upgrade = read(request("/ocpp/CP1", "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6"))
    fields = (*UPGRADED, ("sec-websocket-accept", ACCEPT), ("sec-websocket-protocol", "ocpp1.6"), ("server", "x"))
    accepted = accept_south(answer(*fields), upgrade, untouched=False)
    assert accepted.subprotocol == "ocpp1.6"
    assert (
        accepted.head
        == (
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    "fields",
    [
        (*UPGRADED,),
        (*UPGRADED, ("sec-websocket-accept", "AAAA")),
        (("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)),
        (("connection", "upgrade"), ("sec-websocket-accept", ACCEPT)),
        (*UPGRADED, ("sec-websocket-accept", ACCEPT), ("sec-websocket-protocol", "ocpp2.1")),
        (*UPGRADED, ("sec-websocket-accept", ACCEPT), ("sec-websocket-protocol", "OCPP1.6")),
        (*UPGRADED, ("sec-websocket-accept", ACCEPT), *[("sec-websocket-protocol", "ocpp1.6")] * 2),
        (*UPGRADED, ("sec-websocket-accept", ACCEPT), ("sec-websocket-extensions", "permessage-deflate")),
    ],
)
def test_a_lying_answer_is_refused(fields: tuple[tuple[str, str], ...]) -> None:
    upgrade = read(request("/ocpp/CP1", "Sec-WebSocket-Protocol: ocpp1.6"))
    with pytest.raises(Refused, match="502"):
        accept_south(answer(*fields), upgrade, untouched=False)


def test_a_refusal_is_mirrored_with_what_the_charger_needs() -> None:
    said = answer(
        ("www-authenticate", 'Basic realm="x"'), ("retry-after", "7"), ("set-cookie", "a"), status=401, body=b"no"
    )
    assert mirror(said) == (
        b'HTTP/1.1 401 Said So\r\nWww-Authenticate: Basic realm="x"\r\nRetry-After: 7\r\n'
        b"Content-Length: 2\r\nConnection: close\r\n\r\nno"
    )


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308])
def test_a_redirect_or_a_page_is_no_answer(status: int) -> None:
    with pytest.raises(Refused, match="502"):
        mirror(answer(("location", "http://evil/"), status=status))


def test_our_own_refusal_closes() -> None:
    assert refusal(Refused(405, "malformed", (("Allow", "GET"),))) == (
        b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


def test_the_accept_key_is_the_rfc_example() -> None:
    assert accept_key(KEY) == ACCEPT


def test_a_plain_101_is_read_whole() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade:websocket\r\nX-A: \t1 \r\nX-A: 2"
    said = switching(head)
    assert said == Answer(101, "Switching Protocols", (("upgrade", "websocket"), ("x-a", "1"), ("x-a", "2")), b"")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 101",
        b"HTTP/1.0 101 Switching",
        b"HTTP/1.1 101 Switching\r\n folded: x",
        b"HTTP/1.1 101 Switching\r\nA: \xe4",
        b"HTTP/1.1 101 Switching\nA: b",
        b"",
    ],
)
def test_anything_else_is_left_to_a_parser(head: bytes) -> None:
    assert switching(head) is None
