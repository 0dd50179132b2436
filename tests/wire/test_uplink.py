"""This file tests what gateway and center say beside blocks; it guards one form, and that odd bytes stay data."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.failures import IsolaneError
from isolane.wire.uplink import (
    Ack,
    Downlink,
    Gap,
    LedgerEntry,
    LedgerStatement,
    Up,
    decode_downlink,
    decode_gap,
    decode_ledger,
    down_topic,
    encode,
    ingest_path,
    read_up_topic,
    up_topic,
)

GOLDEN = Path(__file__).parents[1] / "golden"
EPOCH = 1_700_000_000_000
MESSAGES: dict[str, tuple[Gap | LedgerStatement | Downlink, Callable[[bytes], object]]] = {
    "gap": (Gap(1, EPOCH, 0, 3, 9, 35_000, "outbox-full", EPOCH, EPOCH + 70_000), decode_gap),
    "ledger": (
        LedgerStatement(1, EPOCH + 1, (LedgerEntry(EPOCH, 0, 12, 60, 30, 20, 0, {"expired": 5, "outbox-full": 5}),)),
        decode_ledger,
    ),
    "downlink": (Downlink(1, (Ack(EPOCH, 0, (1, 2), (3,)),), ("00" * 8,), {f"{EPOCH}/0/4": "crc"}), decode_downlink),
}
DECODERS = [decode_gap, decode_ledger, decode_downlink]


@pytest.mark.parametrize("name", MESSAGES)
def test_the_golden_messages_are_written_and_read_as_ever(name: str) -> None:
    message, read = MESSAGES[name]
    text = (GOLDEN / f"{name}.json").read_bytes().strip()
    assert encode(message) == text
    assert read(text) == message


def test_an_empty_downlink_is_short() -> None:
    assert encode(Downlink(1)) == b'{"version":1}'


@pytest.mark.parametrize("decoder", DECODERS)
@given(data=st.binary(max_size=80))
def test_random_bytes_are_read_or_a_value_error(decoder: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(ValueError):  # eighty bytes are enough for a message with nothing in it
        decoder(data)


@pytest.mark.parametrize("name", MESSAGES)
@given(data=st.data())
def test_a_changed_message_is_read_or_a_value_error(name: str, data: st.DataObject) -> None:
    message, read = MESSAGES[name]
    text = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + 1] = data.draw(st.binary(max_size=3))
    try:
        again = read(bytes(text))
    except ValueError:
        return
    assert read(msgspec.json.encode(again)) == again


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("text", [b"[" * 50_000, b'{"a":' * 50_000, b'{"version":' + b"9" * 5000 + b"}", b"null"])
def test_deep_or_huge_json_is_a_value_error(decoder: Callable[[bytes], object], text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decoder(text)


@pytest.mark.parametrize(
    "changes",
    [{"first": 0}, {"first": 10}, {"samples": -1}, {"from_ms": EPOCH + 80_000}, {"version": 2}, {"last": 2**63}],
)
def test_a_gap_that_contradicts_itself_is_refused(changes: dict[str, int]) -> None:
    gap = msgspec.structs.replace(MESSAGES["gap"][0], **changes)
    with pytest.raises(ValueError):  # noqa: PT011
        decode_gap(msgspec.json.encode(gap))


def test_numbers_no_database_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected `int`"):
        decode_downlink(b'{"version":1,"acks":[{"epoch":1,"stream":0,"blocks":[9223372036854775808]}]}')


@given(*[st.integers(0, 10**6)] * 4)
def test_books_balance_to_the_sample(acknowledged: int, queued: int, thinned: int, dropped: int) -> None:
    produced = acknowledged + queued + thinned + dropped
    for error in (0, 1, -1):
        entry = LedgerEntry(EPOCH, 0, 1, produced + error, acknowledged, queued, thinned, {"expired": dropped})
        assert entry.balanced is (error == 0)


def test_topics_and_paths() -> None:
    assert up_topic("north", "gw-1", Up.BLOCK) == "isolane/north/gw-1/up/block"
    assert down_topic("north", "gw-1") == "isolane/north/gw-1/dn"
    assert ingest_path("north", "gw-1", Up.GAP) == "/ingest/v1/north/gw-1/gap"
    for kind in Up:
        assert read_up_topic(up_topic("north", "gw-1", kind)) == ("north", "gw-1", kind)


@pytest.mark.parametrize("topic", ["", "isolane/a/b/dn", "isolane/a/b/up", "isolane/a/b/up/x", "x/a/b/up/gap"])
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(ValueError, match=r"topic|Up|isolane"):
        read_up_topic(topic)


@pytest.mark.parametrize(
    ("text", "decode"),
    [
        (
            '{"version":1,"epoch":1,"stream":0,"first":1,"last":2,"samples":3,"reason":"x","from_ms":1,"to_ms":2,"a":[{}]}',
            decode_gap,
        ),
        ('{"version":1,"at_ms":1,"entries":[],"new":null}', decode_ledger),
        ('{"version":1,"acks":[{"epoch":1,"stream":0,"blocks":[1],"later":7}],"more":{"a":1}}', decode_downlink),
    ],
)
def test_a_field_of_a_later_release_is_passed_over(text: str, decode: Callable[[bytes], object]) -> None:
    assert decode(text.encode())


@pytest.mark.parametrize("name", ["a/b", "+", "#", "\0", "x" * 70_000, "", "A", "..", "a b"])
def test_a_name_that_means_something_in_a_topic_makes_none(name: str) -> None:
    with pytest.raises(IsolaneError):
        up_topic(name, "gw", Up.GAP)
    with pytest.raises(IsolaneError):
        up_topic("north", name, Up.GAP)
    with pytest.raises(IsolaneError):
        down_topic("north", name)
    with pytest.raises(IsolaneError):
        ingest_path("north", name, Up.GAP)
    with pytest.raises(IsolaneError):
        down_topic(name, "gw")
    with pytest.raises(IsolaneError):
        ingest_path(name, "gw", Up.GAP)
