"""This file writes, damages and reads files of records; nothing but the record that was hit may be lost."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from isolane.wire.records import Record, Records

FILES = Records(b"\xf1TST", "test")
TIMES = st.integers(0, (1 << 63) - 1)
RECORD = st.builds(Record, st.integers(0, 255), TIMES, TIMES, st.binary(max_size=64) | st.just(b"\xf1TST" * 8))


@given(st.lists(RECORD, max_size=6), st.binary(max_size=20).filter(lambda junk: b"\xf1" not in junk))
def test_records_come_back_also_from_behind_what_is_none(found: list[Record], junk: bytes) -> None:
    data = junk.join([b"", *map(FILES.encode, found)])
    assert list(FILES.read(data)) == found
    assert sum(each.size for each in found) + len(junk) * len(found) == len(data)


@given(st.lists(RECORD, min_size=1, max_size=4), st.data())
def test_a_cut_costs_what_was_cut(found: list[Record], data: st.DataObject) -> None:
    whole = b"".join(map(FILES.encode, found))
    cut = data.draw(st.integers(0, len(whole) - 1))
    ends = [sum(each.size for each in found[: n + 1]) for n in range(len(found))]
    assert list(FILES.read(whole[:cut])) == [each for each, end in zip(found, ends, strict=True) if end <= cut]


def test_names_tell_their_order(tmp_path: Path) -> None:
    for number, born_ms in [(2, 5), (10, 7), (1, 9)]:
        (tmp_path / FILES.name(number, born_ms)).write_bytes(FILES.encode(Record(3, number, 20, b"abc")))
    (tmp_path / "000000000001-000000000000000.else").write_bytes(b"")
    assert [found[:2] for found in FILES.files(tmp_path)] == [(1, 9), (2, 5), (10, 7)]
    assert list(FILES.heads(FILES.files(tmp_path)[0][2])) == [(3, 1, 20)]
    assert FILES.files(tmp_path / "absent") == []
