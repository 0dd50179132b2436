"""This file tests bundles; it guards their bytes, which gateways and centers of different releases exchange."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.failures import IsolaneError
from isolane.wire.bundle import MESSAGES_MAX, bundle_path, pack, unpack
from isolane.wire.uplink import Up

KINDS = [kind for kind in Up if kind is not Up.STATEMENT]
PARTS = st.lists(st.tuples(st.sampled_from(KINDS), st.binary(max_size=300)), min_size=1, max_size=20)


def test_its_bytes_are_these() -> None:
    parts = [(Up.BLOCK, b"ab"), (Up.SCHEMA, b""), (Up.GAP, b"c"), (Up.LEDGER, b"d" * 256)]
    data = pack(parts)
    assert data == b"ISU\x01\x00\x00\x00\x02ab\x01\x00\x00\x00\x02\x00\x00\x01c\x03\x00\x01\x00" + b"d" * 256
    assert unpack(data) == parts
    assert bundle_path("north", "gw-1") == "/ingest/v1/north/gw-1/bundle"


@given(PARTS)
def test_what_comes_out_is_what_went_in(parts: list[tuple[Up, bytes]]) -> None:
    assert unpack(pack(parts)) == parts


@given(PARTS, st.data())
def test_a_cut_bundle_is_none_or_ends_with_a_whole_message(parts: list[tuple[Up, bytes]], data: st.DataObject) -> None:
    whole = pack(parts)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = unpack(cut)
    except ValueError:
        return
    assert found == parts[: len(found)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for some in (data, b"ISU\x01" + data):
        try:
            parts = unpack(some)
        except ValueError:
            continue
        assert pack(parts) == some


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ISU",
        b"ISU\x01",
        b"ISU\x02\x00\x00\x00\x01a",
        b"ISU\x01\x05\x00\x00\x01a",
        b"ISU\x01\x00\x00\x00\x02a",
        b"ISU\x01\x00\x00\x00",
        pack([(Up.BLOCK, b"")] * (MESSAGES_MAX + 1)),
    ],
)
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="bundle"):
        unpack(data)


def test_a_name_that_means_something_in_a_path_is_refused() -> None:
    with pytest.raises(IsolaneError):
        bundle_path("a/b", "gw-1")
