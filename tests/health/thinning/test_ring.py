"""This file fills, ages, starves and kills the ring of what is kept; it guards its bounds and others' room."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.health.outbox.store import Store
from isolane.health.thinning.ring import Ring
from isolane.health.thinning.segment import FILES
from isolane.health.thinning.settings import KeptSettings, ThinningSettings
from support.kept_blocks import T0_MS, block, numbers, put
from support.outboxes import SCHEMA, TAG, ManualClock, draft, is_balanced, settings

BOUND = 4 << 20
DISK_BYTES = 12 << 20
ROWS_BIG = 2000
"""Of 20 bits of noise: about 12 kB a block."""


def opened(folder: Path, clock: ManualClock | None = None, bytes_max: int = BOUND, age_max_s: int = 86_400) -> Ring:
    ring = Ring(KeptSettings(bytes_max=bytes_max, age_max_s=age_max_s), folder, TAG, clock or ManualClock())
    ring.open()
    return ring


def weight(folder: Path) -> int:
    """Give what the files of a folder take of a disk."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Gives a folder on a disk of its own, of DISK_BYTES."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid():
        pytest.fail("run as root: a small disk must be mounted")
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    yield disk
    subprocess.run(["/bin/umount", "-l", str(disk)], check=True)


def fill(disk: Path, left: int = 0) -> Path:
    """Use up the disk but for `left` bytes."""
    free = os.statvfs(disk)
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - left)
    return filler


def test_little_is_written_at_once_and_nothing_without_need(tmp_path: Path) -> None:
    clock = ManualClock()
    ring = opened(tmp_path / "kept", clock)
    ring.tend()
    ring.flush()
    assert not (tmp_path / "kept").exists()
    put(ring, block(1))
    clock.pass_s(299)
    ring.tend()
    assert not (tmp_path / "kept").exists(), "it waits for more"
    clock.pass_s(2)
    ring.tend()
    assert numbers(tmp_path / "kept") == [1]
    for number in range(2, 200):
        put(ring, block(number))
    ring.flush()
    assert numbers(tmp_path / "kept") == list(range(1, 200))
    assert (ring.counts.blocks, ring.counts.oldest_ms) == (199, T0_MS + 60_000)
    size = sum(path.stat().st_size for path in (tmp_path / "kept").iterdir())
    assert ring.counts.written_bytes == size, "each byte once"


def test_the_bound_holds_and_the_newest_stay(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    ring = opened(folder)
    for number in range(1, 1001):
        put(ring, block(number, ROWS_BIG))
        assert ring.counts.bytes_now <= BOUND
        assert not folder.exists() or weight(folder) == ring.counts.bytes_now
    ring.flush()
    found = numbers(folder)
    assert found == list(range(found[0], 1001))
    assert weight(folder) > BOUND * 0.8
    assert ring.counts.full_bytes > 0
    assert ring.counts.oldest_ms == block(found[0], ROWS_BIG).t0_ms


def test_a_run_takes_over_what_the_one_before_has_left(tmp_path: Path) -> None:
    for first in (1, 11):
        ring = opened(tmp_path)
        for number in range(first, first + 10):
            put(ring, block(number))
        ring.flush()
    assert numbers(tmp_path) == list(range(1, 21))
    assert len(FILES.files(tmp_path)) == 2, "nobody writes behind what another has left"
    assert ring.counts.bytes_now == weight(tmp_path)
    assert ring.counts.oldest_ms == block(1).t0_ms


class OddClock(ManualClock):
    """A clock between two milliseconds."""

    def mono_ns(self) -> int:
        return super().mono_ns() + 1


def test_what_is_written_in_the_first_moment_is_found_again(tmp_path: Path) -> None:
    ring = opened(tmp_path, OddClock())
    put(ring, block(1))
    ring.flush()
    assert numbers(tmp_path) == [1]


def test_a_smaller_bound_holds_from_the_start_and_none_removes_all(tmp_path: Path) -> None:
    ring = opened(tmp_path, bytes_max=4 * BOUND)
    for number in range(1, 1001):
        put(ring, block(number, ROWS_BIG))
    assert weight(tmp_path) > 2 * BOUND
    opened(tmp_path)
    assert 0 < weight(tmp_path) <= BOUND
    opened(tmp_path, bytes_max=0)
    assert not list(tmp_path.iterdir())


def test_age_follows_the_running_time_not_the_clock_on_the_wall(tmp_path: Path) -> None:
    clock = ManualClock()
    ring = opened(tmp_path, clock, age_max_s=3600)
    for number in range(1, 4):
        put(ring, block(number, ROWS_BIG * 25))
        clock.pass_s(600)
    assert len(FILES.files(tmp_path)) == 3
    clock.utc_ms += 10**12
    ring.tend()
    assert numbers_of(tmp_path) == [1, 2, 3]
    ring = opened(tmp_path, ManualClock(), age_max_s=3600)
    for passed_s, left in ((2500, [1, 2, 3]), (400, [1, 2, 3]), (200, [2, 3]), (600, [])):
        ring._clock.pass_s(passed_s)  # type: ignore[attr-defined]
        ring.tend()
        assert numbers_of(tmp_path) == left, f"the last of a run ages from when it was begun, after {passed_s} s"
    assert ring.counts.expired_bytes > 0
    assert ring.counts.bytes_now == 0


def numbers_of(folder: Path) -> list[int]:
    return [number for number, _, _ in FILES.files(folder)]


def test_others_have_the_disk_first(small: Path) -> None:
    ring = opened(small / "kept", bytes_max=64 << 20)
    for number in range(1, 1500):
        put(ring, block(number, ROWS_BIG))
    free = os.statvfs(small)
    assert free.f_bavail * free.f_frsize >= DISK_BYTES // 4, "a margin is left"
    kept = ring.counts.bytes_now
    assert kept > DISK_BYTES // 2
    fill(small, left=1 << 20)
    ring.tend()
    free = os.statvfs(small)
    assert ring.counts.bytes_now < kept - (1 << 20)
    assert free.f_bavail * free.f_frsize >= DISK_BYTES // 4
    assert ring.counts.yielded_bytes > 0


@pytest.mark.parametrize("left", [0, 40_960])
def test_the_outbox_drops_nothing_while_there_is_something_kept_to_give_up(small: Path, left: int) -> None:
    ring = opened(small / "kept", bytes_max=64 << 20)
    table = settings(small / "o.db", bytes_max=64 << 20)
    store = Store(table, TAG, ManualClock(), SCHEMA, frozenset({"main"}), spare=partial(ring.give_up, small))
    store.open()
    for number in range(1, 300):
        put(ring, block(number, ROWS_BIG))
    ring.flush()
    kept = ring.counts.bytes_now
    assert kept > 2 << 20
    fill(small, left)
    for number in range(1, 60):
        store.put(draft(number, rows=ROWS_BIG, noise=40))
    assert store.tally.dropped == {}
    assert store.tally.blocks_queued == 59
    assert is_balanced(store.tally)
    assert (small / "o.db.reserve").exists(), "what is kept goes before the reserve"
    assert ring.counts.bytes_now < kept
    put(ring, block(1, ROWS_BIG))
    ring.flush()
    assert ring.counts.blocks_refused == 1, "and does not come back while the disk is full"
    store.close()


def test_for_another_disk_nothing_is_given_up(small: Path, tmp_path: Path) -> None:
    ring = opened(tmp_path / "kept")
    put(ring, block(1))
    ring.flush()
    assert not ring.give_up(small)
    assert numbers(tmp_path / "kept") == [1]
    assert ring.give_up(tmp_path)


def test_a_gateway_whose_disk_is_full_of_what_is_kept_starts(small: Path) -> None:
    ring = opened(small / "kept", bytes_max=64 << 20)
    for number in range(1, 300):
        put(ring, block(number, ROWS_BIG))
    fill(small)
    ring = Ring(KeptSettings(), small / "kept", TAG, ManualClock())
    table = settings(small / "o.db", bytes_max=64 << 20)
    store = Store(table, TAG, ManualClock(), SCHEMA, frozenset({"main"}), spare=partial(ring.give_up, small))
    store.open()
    store.put(draft(1))
    assert store.tally.dropped == {}
    store.close()


def test_what_the_disk_refuses_is_counted_and_the_next_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.write_text("in the way", encoding="utf-8")
    ring = opened(folder)
    put(ring, block(1))
    ring.flush()
    assert (ring.counts.blocks, ring.counts.blocks_refused) == (0, 1)
    assert not ring.give_up(tmp_path)
    folder.unlink()
    put(ring, block(2))
    ring.flush()
    assert numbers(folder) == [2]
    assert (ring.counts.blocks, ring.counts.blocks_refused) == (1, 1)


def test_damage_does_not_stop_the_next_run(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    for number in range(1, 11):
        put(ring, block(number))
    ring.flush()
    ((_, _, path),) = FILES.files(tmp_path)
    path.write_bytes(b"\xff" * path.stat().st_size)
    ring = opened(tmp_path)
    put(ring, block(11))
    ring.flush()
    assert numbers(tmp_path) == [11]
    assert ring.counts.bytes_now == weight(tmp_path)


def test_killed_while_it_writes_it_has_what_it_said_it_had(tmp_path: Path) -> None:
    promised = 0
    for least in (3, 17, 40):
        command = [sys.executable, "-m", "support.kept_blocks", str(tmp_path / f"after-{least}")]
        environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                promised = int(line)
                if promised == least:
                    writer.send_signal(signal.SIGKILL)
            assert writer.wait(30) == -signal.SIGKILL
        folder = tmp_path / f"after-{least}"
        found = numbers(folder)
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= promised >= least
        ring = opened(folder)
        put(ring, block(len(found) + 1))
        ring.flush()
        assert numbers(folder) == [*found, len(found) + 1]


@pytest.mark.parametrize(("bytes_max", "is_fine"), [(0, True), (BOUND, True), (BOUND - 1, False), (1, False)])
def test_a_bound_that_holds_nothing_is_refused_in_words(tmp_path: Path, bytes_max: int, *, is_fine: bool) -> None:
    file = tmp_path / "site.toml"
    file.write_text(f"[health.kept]\nbytes_max = {bytes_max}\n", encoding="utf-8")
    if is_fine:
        assert load(file, "health", ThinningSettings).kept.folder(tmp_path / "o.db") == tmp_path / "o.db.kept"
        return
    with pytest.raises(IsolaneError, match="too little to keep anything"):
        load(file, "health", ThinningSettings)
