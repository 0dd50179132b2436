"""This file fills and ages the ring; it guards its bounds, and that a cut file costs the record that was cut."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.health.recorder.ring import Ring
from isolane.health.recorder.segments import FILES, Kind
from isolane.health.recorder.settings import RingSettings
from isolane.wire.records import Record
from support.outboxes import ManualClock

BOUND = 4 << 20
T0_MS = 1_700_000_000_000


def record(number: int, size: int = 100) -> Record:
    return Record(Kind.LOG, T0_MS + number, T0_MS + number + 1, bytes([number % 256]) * size)


def numbers(ring: Ring, from_ms: int = 0) -> list[int]:
    return [each.from_ms - T0_MS for each in ring.read(from_ms) if each.kind == Kind.LOG]


def opened(folder: Path, clock: ManualClock, minutes: int = 5) -> Ring:
    ring = Ring(RingSettings(minutes=minutes, bytes_max=BOUND), folder, clock)
    ring.open()
    return ring


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 1 << 19)), min_size=1, max_size=40))
def test_never_more_bytes_nor_much_older_than_allowed(tmp_path_factory: object, steps: list[tuple[int, int]]) -> None:
    folder = tmp_path_factory.mktemp("ring") / "here"  # type: ignore[attr-defined]
    clock = ManualClock()
    ring, at_s, times = opened(folder, clock), 0, []
    for number, (pause_s, size) in enumerate(steps):
        clock.pass_s(pause_s)
        at_s += pause_s
        times.append(at_s)
        assert ring.append([], [record(number, size)])
        weight = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())
        assert weight == ring.counts.bytes_now <= BOUND
    found = numbers(ring)
    assert found == list(range(found[0], len(steps))), "the newest, without a hole"
    assert all(at_s - times[each] <= 300 + 2 * (300 // 16 + 60) for each in found)
    if sum(size for _, size in steps) < BOUND // 2:
        assert all(each in found for each, at in enumerate(times) if at_s - at < 300)


def test_a_set_clock_expires_nothing_and_a_new_run_takes_over(tmp_path: Path) -> None:
    clock = ManualClock()
    ring = opened(tmp_path, clock)
    ring.append([], [record(1)])
    clock.utc_ms += 10 * 365 * 86_400_000
    again = opened(tmp_path, clock)
    again.append([], [record(2)])
    assert numbers(again) == [1, 2]
    assert len(FILES.files(tmp_path)) == 2


def test_a_file_cut_anywhere_gives_all_before(tmp_path: Path) -> None:
    ring = opened(tmp_path, ManualClock())
    for number in range(10):
        ring.append([], [record(number, 20)])
    ((_, _, path),) = FILES.files(tmp_path)
    data = path.read_bytes()
    each = len(data) // 10
    for place in range(len(data)):
        path.write_bytes(data[:place])
        assert numbers(ring) == list(range(place // each))


def test_a_schema_is_written_once_in_each_file(tmp_path: Path) -> None:
    clock = ManualClock()
    ring, schema = opened(tmp_path, clock), Record(Kind.SCHEMA, 0, 0, b"schema")
    for number in range(4):
        ring.append([schema], [record(number)])
        if number == 1:
            clock.pass_s(60)
    assert [each.kind for each in ring.read(0)] == [Kind.SCHEMA, *[Kind.LOG] * 2] * 2
    assert [each.kind for each in ring.read(T0_MS + 3)] == [Kind.SCHEMA, Kind.SCHEMA, Kind.LOG]


def test_what_would_be_more_than_the_bound_is_refused(tmp_path: Path) -> None:
    ring = opened(tmp_path / "ring", ManualClock())
    assert not ring.append([], [record(1, BOUND)])
    assert ring.counts.refused == 1
    assert ring.append([], [record(2)])
    assert numbers(ring) == [2]
