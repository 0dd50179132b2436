"""This file checks the bytes of own calls, those that are kept by both sides for good among them."""

import msgspec
import pytest

from isolane.wire.own_call import (
    MESSAGE_BYTES_MAX,
    VERSION,
    Answer,
    Error,
    Failed,
    Failure,
    Refusal,
    Refused,
    Request,
    Result,
    length,
    pack,
    unpack_answer,
    unpack_request,
)

REQUEST = Request(
    version=VERSION,
    charger="CP1",
    action="GetConfiguration",
    payload=msgspec.Raw(b'{"key":["A"]}'),
    deadline_ms=5000,
    reference="t-1",
)
WIRE = (
    b'{"version":1,"charger":"CP1","action":"GetConfiguration","payload":{"key":["A"]},'
    b'"deadline_ms":5000,"reference":"t-1"}'
)


def test_a_request_is_these_bytes() -> None:
    assert pack(REQUEST) == len(WIRE).to_bytes(4, "big") + WIRE
    read = unpack_request(WIRE)
    assert (read.charger, read.action, bytes(read.payload)) == ("CP1", "GetConfiguration", b'{"key":["A"]}')


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Result(1, msgspec.Raw(b"{}")), b'{"type":"result","version":1,"payload":{}}'),
        (Error(1, "GenericError", "x"), b'{"type":"error","version":1,"code":"GenericError","description":"x"}'),
        (Refused(1, Refusal.NOT_BOOTED), b'{"type":"refused","version":1,"reason":"not-booted"}'),
        (Failed(1, Failure.TIMEOUT), b'{"type":"failed","version":1,"reason":"timeout"}'),
    ],
)
def test_answers_are_these_bytes(answer: Answer, text: bytes) -> None:
    assert pack(answer)[4:] == text
    assert length(pack(answer)[:4]) == len(text)
    assert pack(unpack_answer(text))[4:] == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":2'),
        (b'"CP1"', b'""'),
        (b'"CP1"', b'"' + b"x" * 49 + b'"'),
        (b'"GetConfiguration"', b'"Get Configuration"'),
        (b"5000", b"0"),
        (b"5000", b"300001"),
        (b'"t-1"', b'"t 1"'),
        (b'"reference"', b'"other"'),
        (b"}", b""),
    ],
)
def test_what_is_no_request_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's words are its own
        unpack_request(WIRE.replace(old, new))


def test_an_answer_of_another_release_is_refused() -> None:
    with pytest.raises(ValueError, match="different releases"):
        unpack_answer(b'{"type":"refused","version":2,"reason":"busy"}')


def test_lengths_are_bounded() -> None:
    for head in (b"\0\0\0\0", (MESSAGE_BYTES_MAX + 1).to_bytes(4, "big")):
        with pytest.raises(ValueError, match="own-call message"):
            length(head)
    with pytest.raises(ValueError, match="own-call message"):
        pack(Result(1, msgspec.Raw(b'"' + b"x" * MESSAGE_BYTES_MAX + b'"')))
