"""This file fills the outbox's disk and lets it fail; it guards that the gateway lives, drops in order and says so."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.reserve import reserve_bytes
from isolane.health.outbox.store import Store
from isolane.wire.uplink import Up, decode_gap
from support.outboxes import SCHEMA, TAG, ManualClock, draft, is_balanced, settings

LINK = "main"
DISK_BYTES = 12 << 20
ROWS = 2000
"""Of noise: about 24 kB a block."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Gives a folder on a disk of its own, of DISK_BYTES; without the right to mount one, a user namespace would do."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    if os.geteuid():
        pytest.fail("run as root: a small disk must be mounted")
    subprocess.run(mount, check=True)
    yield disk
    subprocess.run(["/bin/umount", "-l", str(disk)], check=True)


def opened(path: Path, clock: ManualClock | None = None) -> Store:
    store = Store(settings(path, bytes_max=64 << 20), TAG, clock or ManualClock(), SCHEMA, frozenset({LINK}))
    store.open()
    return store


def fill(disk: Path, left: int = 0) -> Path:
    """Use up the disk but for `left` bytes."""
    free = os.statvfs(disk)
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, free.f_bavail * free.f_frsize - left))
    return filler


@pytest.mark.parametrize("left", [0, 4096, 40_960])
def test_a_full_disk_drops_the_oldest_takes_alarms_and_recovers(small: Path, left: int) -> None:
    store = opened(small / "o.db")
    assert (small / "o.db.reserve").stat().st_size == reserve_bytes(small) == DISK_BYTES // 4
    for number in range(100):
        store.put(draft(number, rows=ROWS, noise=40))
    filler = fill(small, left)
    for number in range(100, 400):
        store.put(draft(number, rows=ROWS, noise=40))
    tally = store.tally
    assert is_balanced(tally)
    assert set(tally.dropped) == {"disk-full"}
    assert tally.blocks_queued >= 100, "a full disk is no reason to have less than before"
    newest = max(each.key[2] for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=True))
    assert newest == 400
    gap = decode_gap(store.pick(LINK, frozenset(), frozenset(), 1, newest_first=False)[0].data)
    assert (gap.first, gap.reason, gap.samples) == (1, "disk-full", tally.dropped["disk-full"])
    store.put(draft(400), Lane.ALARM)
    assert [each.kind for each in store.pick(LINK, frozenset(), frozenset(), 2, newest_first=False)][1] is Up.BLOCK
    assert store.tally.queued == tally.queued + draft(400).samples - _lost_since(tally.dropped, store)
    filler.unlink()
    store.tend()
    before = store.tally
    for number in range(401, 411):
        store.put(draft(number, rows=ROWS, noise=40))
    assert store.tally.dropped == before.dropped, "it has room again"
    assert store.tally.blocks_queued == before.blocks_queued + 10
    assert (small / "o.db.reserve").exists()
    store.close()


def _lost_since(dropped: dict[str, int], store: Store) -> int:
    return store.tally.dropped["disk-full"] - dropped["disk-full"]


def test_a_gateway_starts_on_a_full_disk_and_delivers_what_it_has(small: Path) -> None:
    store = opened(small / "o.db")
    for number in range(20):
        store.put(draft(number, rows=ROWS, noise=40))
    store.close()
    filler = fill(small)
    store = opened(small / "o.db")
    picked = store.pick(LINK, frozenset(), frozenset(), 99, newest_first=False)
    assert len(picked) == 20
    assert store.settle(LINK, [each.key for each in picked], []) == 20
    store.put(draft(20, rows=ROWS, noise=40))
    assert is_balanced(store.tally)
    assert store.tally.acknowledged == 20 * 2 * ROWS
    filler.unlink()
    store.close()


def test_an_outbox_that_was_doubted_is_written_out_before_it_is_used(tmp_path: Path) -> None:
    """After an I/O error the log is moved into the file: what a failed flush left unwritten is written again."""
    store = opened(tmp_path / "o.db")
    store.put(draft(1))
    keeper = tmp_path / "keeper"
    shelf = store._shelf
    assert shelf is not None
    wal = tmp_path / "o.db-wal"
    assert wal.stat().st_size > 0

    def refuse(_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    store._attempt(refuse, otherwise=None)
    assert store.troubles.write_failures == 1
    assert store._shelf is None
    store.put(draft(2))
    copy = keeper.with_name("copy.db")
    copy.write_bytes((tmp_path / "o.db").read_bytes())
    file = sqlite3.connect(copy)
    assert file.execute("SELECT count(*) FROM blocks").fetchone()[0] == 1, "the first block is in the file itself"
    file.close()
    assert store.tally.blocks_queued == 2
    store.close()


def test_a_commit_that_failed_but_reached_the_file_is_counted_once(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db")
    store.put(draft(1))
    epoch = store.epoch
    gap = store._gap(draft(2), "disk-full")
    store.put(draft(2))
    store._losses.add(gap)
    assert store.tally.produced == 30
    store.close()
    store.tend()
    assert store.tally.produced == 20
    assert store.entries()[0].balanced
    assert store.epoch == epoch
    store.close()
