"""This file tests schemas; it guards that an id is the hash of the canonical text and that nonsense is refused."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.signals import Signal
from isolane.wire.schema import COLUMNS_MAX, JSON_BYTES_MAX, Schema, decode_schema, packed

GOLDEN = Path(__file__).parents[1] / "golden"
SIGNALS = (
    Signal("", "0.0/Controller/xCpuLoad", "Percent", 0.1),
    Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1),
    Signal("CP-ä", "1.1/Connector/AvailabilityState", "", 1),
)
KEYS = st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}/[A-Z][a-z]{1,8}(\[[a-z0-9]{1,3}\])?/[A-Z][a-z]{1,8}", fullmatch=True)


def test_the_golden_schema_is_written_and_read_as_ever() -> None:
    text, identity = (GOLDEN / "schema.json").read_bytes().split(b"\n")[:2]
    schema = Schema.of(SIGNALS)
    assert schema.json == text
    assert schema.id.hex() == identity.decode()
    assert schema.id == hashlib.sha256(text).digest()[:8]
    assert decode_schema(text) == schema


@given(st.lists(st.builds(Signal, st.text(max_size=8), KEYS, st.sampled_from(["V", ""]), st.floats(1e-9, 1e9))))
def test_a_schema_survives_with_its_id(signals: list[Signal]) -> None:
    unique = {(signal.charger, signal.key): signal for signal in signals}
    schema = Schema.of(tuple(unique.values()))
    read = decode_schema(schema.json)
    assert read.signals == schema.signals
    assert read.id == schema.id


def test_a_signal_without_a_resolution_makes_a_schema_of_version_3() -> None:
    schema = Schema.of((*SIGNALS, Signal("CP-1", "1.0/EVSE[Meter]/xDistortion", "", 0)))
    assert schema.json.startswith(b'{"version":3,"columns":[')
    assert schema.json.endswith(b'["CP-1","1.0/EVSE[Meter]/xDistortion","",0.0]]}')
    assert decode_schema(schema.json) == schema
    assert schema.floats is not None
    assert schema.floats.tolist() == [False, False, False, True]
    assert Schema.of(SIGNALS).floats is None


def test_a_signal_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        Schema.of((SIGNALS[1], SIGNALS[1]))


def test_too_many_signals_are_refused() -> None:
    signals = tuple(Signal(str(number), "1.0/A/B", "V", 1) for number in range(COLUMNS_MAX + 1))
    with pytest.raises(ValueError, match="more than"):
        Schema.of(signals)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"version":2,"columns":[]}',
        b'{"version":1,"columns":[["c","not a key","V",1.0]]}',
        b'{"version":1,"columns":[["c","1.0/A/B","V",0.0]]}',
        b'{"version":3,"columns":[["c","1.0/A/B","V",0.1]]}',
        b'{"version":4,"columns":[["c","1.0/A/B","V",0.0]]}',
        b'{"version":1,"columns":[["c","1.0/A/B","V",-1]]}',
        b'{"version":1,"columns":[["c","1.0/A/B","V",NaN]]}',
        b'{"version":1,"columns":[["c","1.0/A/B","V"]]}',
        b'{"version":1,"columns":[["c","1.0/A/B","V",1.0,2]]}',
        b'{"version":1,"columns":[],"more":1}',
        b'{"version":1,"columns":[["\xff","1.0/A/B","V",1.0]]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_schema_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        decode_schema(text)


@given(st.data())
def test_a_changed_schema_is_read_or_a_value_error(data: st.DataObject) -> None:
    text = bytearray(Schema.of(SIGNALS).json)
    for _ in range(3):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode_schema(bytes(text))
    except ValueError:
        return
    assert decode_schema(read.json).id == read.id


def test_a_packed_schema_is_a_tenth_and_has_the_same_id() -> None:
    signals = tuple(Signal(f"CP-{n}", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1) for n in range(500))
    schema = Schema.of(signals)
    data = packed(schema.json)
    assert len(data) * 10 < len(schema.json)
    assert decode_schema(data).id == schema.id


@pytest.mark.parametrize("json", [b"", b"{}", bytes(JSON_BYTES_MAX + 1)])
def test_what_is_packed_and_no_schema_is_a_value_error(json: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        decode_schema(packed(json))


@given(st.binary(max_size=60))
def test_a_damaged_packed_schema_is_a_value_error(tail: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode_schema(packed(Schema.of(()).json)[:4] + tail)
