"""This file cuts the power under the outbox at every write; it guards that what was committed is there afterwards.

The writer runs once under strace. From its trace every state is built that the disk may have had: at each system call
everything written so far (a killed process), only what was flushed, and random parts of the rest, torn and out of
order (a power cut). Each is opened as a gateway would open it.
"""

import random
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

import pytest

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.store import Store
from isolane.health.outbox.tables import open_file
from support.outbox_writer import LANES, LINK
from support.outboxes import MEMORY, SCHEMA, TAG, ManualClock, accounted, draft, is_balanced, settings, weighed
from support.power_cut import STRACE, Moment, moments, run

BLOCKS = 24
SAMPLES = 80
"""Of a block of the writer's."""
AHEAD_S = 100
WRITER_EPOCH = ManualClock().utc_ms + AHEAD_S * 1000 + 1
"""Its clock stands, and behind that of the first user: so it takes the next epoch there is."""
OPENED_AT_MOST = 330
Check = Callable[[Path, tuple[str, ...]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An outbox that has been used before, and strace to use it on."""
    assert STRACE.exists(), "strace is not installed (as root: apt-get install strace)"
    store = _opened(tmp_path / "o.db")
    store.put(draft(99))
    assert store.settle(LINK, [(store.epoch, 0, 1)], [])
    store.close()
    return tmp_path


def _opened(file: Path) -> Store:
    clock = ManualClock()
    clock.pass_s(AHEAD_S)
    store = Store(settings(file), TAG, clock, SCHEMA, frozenset({LINK}))
    store.open()
    return store


def _check(file: Path, told: tuple[str, ...]) -> None:
    """Open an outbox that its process had left, and hold it to what the process had been told."""
    promised = {int(line.split()[1]) for line in told if line.startswith("put")}
    settled = {int(line.split()[1]) for line in told if line.startswith("settled")}
    store = _opened(file)
    assert store.troubles.quarantined == 0
    assert is_balanced(store.tally)
    books = {entry.epoch: entry for entry in store.entries()}
    store.close()
    if WRITER_EPOCH not in books:
        assert not promised
        return
    book = books[WRITER_EPOCH]
    queued, lost, last = accounted(file)[WRITER_EPOCH]
    gone = set(range(1, last + 1)) - queued - lost
    assert last >= max(promised, default=0)
    assert promised.isdisjoint(lost)
    assert settled <= gone, "what the center has settled does not come back once that was committed"
    assert all(number % 3 == 2 for number in gone), "only what was settled is neither queued nor in a gap record"
    assert book.balanced
    assert book.acknowledged == len(gone) * SAMPLES
    assert sum(book.dropped.values()) == len(lost) * SAMPLES


def test_a_power_cut_or_kill_at_any_write_loses_nothing_that_was_committed(folder: Path) -> None:
    before = {"o.db": (folder / "o.db").read_bytes()}
    log = folder / "trace"
    done = run(folder, log, blocks=BLOCKS)
    assert done.returncode == 0, done.stderr.decode()
    every = list(moments(log, before))
    assert sum(len(told) for told in {moment.told for moment in every}) > BLOCKS
    rng = random.Random(7)
    opened = 0
    place = Path(mkdtemp(dir=MEMORY))
    for number, moment in enumerate(every):
        images = [moment.image(None, keep=1)]
        if any(pending for _, pending in moment.files.values()):
            images += [moment.image(None, keep=0), moment.image(rng, keep=rng.choice([0.2, 0.5, 0.9]))]
        if rng.random() * len(every) * 2.2 < OPENED_AT_MOST:
            for image in images:
                _lay(place / f"cut-{number}", image, moment)
                opened += 1
    place.rmdir()
    assert opened > OPENED_AT_MOST // 2


def _lay(place: Path, image: dict[str, bytes], moment: Moment, check: Check = _check) -> None:
    place.mkdir()
    for name, data in image.items():
        (place / name).write_bytes(data)
    check(place / "o.db", moment.told)
    shutil.rmtree(place)


def _check_lanes(file: Path, told: tuple[str, ...]) -> None:
    """Open an outbox whose lanes were full: bounds and books hold, and of each lane the newest are there."""
    put = max((int(line.split()[1]) for line in told if line.startswith("put")), default=0)
    store = _opened(file)
    assert store.troubles.quarantined == 0
    assert is_balanced(store.tally)
    assert all(entry.balanced for entry in store.entries())
    assert store._shelf is not None
    assert store.tally.bytes_by_lane == weighed(store._shelf.file)
    for lane, own in LANES.bytes_max.items():
        assert store.tally.bytes_by_lane[lane] <= own
    found = store._shelf.file.execute("SELECT lane, sequence FROM blocks WHERE epoch = ?", (WRITER_EPOCH,)).fetchall()
    reasons = {row[0] for row in store._shelf.file.execute("SELECT reason FROM gaps WHERE epoch = ?", (WRITER_EPOCH,))}
    store.close()
    queued, lost, last = accounted(file).get(WRITER_EPOCH, (set(), set(), 0))
    assert last >= put
    assert not queued & lost
    assert queued | lost == set(range(1, last + 1))
    assert reasons <= {"lane-full"}
    for is_snapshot in (True, False):
        own_queued = [number for lane, number in found if (lane == Lane.SNAPSHOT) is is_snapshot]
        own_lost = [number for number in lost if bool(number % 2) is is_snapshot]
        assert max(own_lost, default=0) < min(own_queued, default=last + 1)
        assert len(own_queued) >= min(2, len(own_queued) + len(own_lost))


def test_a_power_cut_or_kill_at_any_write_leaves_full_lanes_within_their_bounds(folder: Path) -> None:
    before = {"o.db": (folder / "o.db").read_bytes()}
    log = folder / "trace"
    done = run(folder, log, blocks=BLOCKS, way="lanes")
    assert done.returncode == 0, done.stderr.decode()
    assert len(accounted(folder / "o.db")[WRITER_EPOCH][1]) > BLOCKS // 2, "lanes were full"
    every = list(moments(log, before))
    rng = random.Random(11)
    place = Path(mkdtemp(dir=MEMORY))
    for number, moment in enumerate(every):
        _lay(place / f"kill-{number}", moment.image(None, keep=1), moment, _check_lanes)
        if any(pending for _, pending in moment.files.values()) and rng.random() * len(every) < OPENED_AT_MOST / 2:
            image = moment.image(rng, keep=rng.choice([0, 0.2, 0.5, 0.9]))
            _lay(place / f"cut-{number}", image, moment, _check_lanes)
    place.rmdir()


@pytest.mark.parametrize("at", [2, 11, 40, 77])
def test_a_process_killed_inside_a_write_loses_nothing_that_was_committed(folder: Path, at: int) -> None:
    done = run(folder, folder / "trace", "-e", f"inject=pwrite64:signal=KILL:when={at}", blocks=BLOCKS)
    assert done.returncode != 0
    told = (folder / "told").read_text(encoding="ascii").splitlines()
    assert len(told) < BLOCKS
    _check(folder / "o.db", tuple(told))


@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=4",
        "fdatasync:error=EIO:when=3+5",
        "pwrite64:error=EIO:when=30",
        "pwrite64:error=EROFS:when=20+17",
        "pwrite64:error=ENOSPC:when=20+9",
    ],
)
def test_what_a_failing_disk_refuses_is_counted_as_lost_and_the_process_lives(folder: Path, fault: str) -> None:
    done = run(folder, folder / "trace", "-e", f"inject={fault}", blocks=BLOCKS)
    assert done.returncode == 0, done.stderr.decode()
    refused = re.search(rb"refused (\d+) aside 0", done.stderr)
    assert refused is not None
    assert int(refused[1]) > 0
    told = (folder / "told").read_text(encoding="ascii").splitlines()
    puts = [line for line in told if line.startswith(("put", "lost"))]
    assert [int(line.split()[1]) for line in puts] == list(range(1, BLOCKS + 1))
    _check(folder / "o.db", tuple(told))


def test_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as file:
        assert file.execute("PRAGMA temp_store").fetchone() == (2,), "a file elsewhere, and a descriptor that stays"
