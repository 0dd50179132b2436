"""This file checks that a head with one odd byte is refused, and that none can be written."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.door.head import check_lines, compose, fields
from isolane.value.failures import Refused
from isolane.value.settings import Limits

LIMITS = Limits()


@pytest.mark.parametrize(
    "line",
    [
        b"X-A: a\x00b",
        b"X-A: a\r\n folded",
        b"X-A: a\r\n\tfolded",
        b"X-A: a\nX-B: b",
        b"X-A: a\rX-B: b",
        b"X-A : b",
        b"X\x7f: b",
        b": novalue",
        b"no colon",
        b"X-A: \xff\xfe",
        b"X-A: \x01",
        b"",
    ],
)
def test_odd_lines_are_refused(line: bytes) -> None:
    with pytest.raises(Refused, match="400"):
        check_lines(b"GET / HTTP/1.1\r\n" + line + b"\r\nHost: g", LIMITS)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"A" * 8192 + b" HTTP/1.1", 414),
        (b"GET / HTTP/1.1" + b"\r\nA: b" * 65, 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 8190, 431),
        (b"\r\nGET / HTTP/1.1", 400),
    ],
)
def test_sizes_have_limits(head: bytes, status: int) -> None:
    with pytest.raises(Refused, match=str(status)):
        check_lines(head, LIMITS)


def test_the_largest_allowed_passes() -> None:
    head = b"GET / HTTP/1.1" + b"\r\nA: b" * 63 + b"\r\nA: " + b"b" * 8189
    assert check_lines(head, LIMITS) == b"GET / HTTP/1.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Basic x\r\nX-Inject: 1"),
        ("X-A\r\nY", "b"),
        ("X A", "b"),
        ("", "b"),
        ("X-A", "b\0"),
        ("X-A", "\u560a"),
    ],
)
def test_what_must_not_travel_is_not_written(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"header|token"):
        compose("GET / HTTP/1.1", [(name, value)])
    with pytest.raises(ValueError, match="header line"):
        compose("GET /\r\n HTTP/1.1", [])


def test_a_head_is_written_with_its_empty_line() -> None:
    assert compose("GET / HTTP/1.1", [("Host", "a"), ("X", "")]) == b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"


NAMES = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=8)
VALUES = st.text("".join(map(chr, range(0x20, 0x7F))) + "\t", max_size=20)
ODD = st.text("\r\n\t\0 :aZ\x7f\xff", max_size=12)


@given(lines=st.lists(st.one_of(st.builds("{}:{}".format, NAMES, VALUES), ODD), max_size=6))
def test_what_passes_means_the_same_to_a_parser(lines: list[str]) -> None:
    head = "\r\n".join(["GET /CP1 HTTP/1.1", "Host: g", *lines]).encode("latin-1")
    try:
        check_lines(head, LIMITS)
    except Refused:
        return
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(head + b"\r\n\r\n")
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError:
        assert {"host", "content-length", "transfer-encoding"} & {name for name, _ in fields(head)[1:]}
        return
    assert isinstance(event, h11.Request)
    assert fields(head) == [(name.decode(), value.decode()) for name, value in event.headers]


@given(lines=st.lists(st.one_of(st.builds("{}:{}".format, NAMES, VALUES), ODD), max_size=6))
def test_the_quick_look_lets_nothing_pass_that_the_slow_one_refuses(lines: list[str]) -> None:
    head = "\r\n".join(["GET /CP1 HTTP/1.1", *lines]).encode("latin-1")
    slow = Limits(header_bytes=max(map(len, [*head.split(b"\r\n"), b"X: y"])))

    def passes(head: bytes, limits: Limits) -> bool:
        try:
            check_lines(head, limits)
        except Refused:
            return False
        return True

    assert passes(head, LIMITS) == passes(head + b"\r\nX: y", slow)
