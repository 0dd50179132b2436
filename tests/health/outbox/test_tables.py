"""This file cuts the power under the outbox at every write; it guards that what was committed is there afterwards.

The writer runs once under strace. From its trace every state is built that the disk may have had: at each system call
everything written so far (a killed process), only what was flushed, and random parts of the rest, torn and out of
order (a power cut). Each is opened as a gateway would open it.
"""

import random
import re
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

import pytest

from isolane.health.outbox.store import Store
from isolane.health.outbox.tables import open_file
from support.outbox_writer import LINK
from support.outboxes import MEMORY, SCHEMA, TAG, ManualClock, accounted, draft, is_balanced, settings
from support.power_cut import STRACE, Moment, moments, run

BLOCKS = 24
SAMPLES = 80
"""Of a block of the writer's."""
AHEAD_S = 100
WRITER_EPOCH = ManualClock().utc_ms + AHEAD_S * 1000 + 1
"""Its clock stands, and behind that of the first user: so it takes the next epoch there is."""
OPENED_AT_MOST = 330


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


def _lay(place: Path, image: dict[str, bytes], moment: Moment) -> None:
    place.mkdir()
    for name, data in image.items():
        (place / name).write_bytes(data)
    _check(place / "o.db", moment.told)
    shutil.rmtree(place)


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
