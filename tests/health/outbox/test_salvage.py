"""This file damages outboxes and opens them; it guards that what is whole comes back and the rest is a gap."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.store import Store
from isolane.wire.block import decode
from isolane.wire.uplink import Up, decode_gap
from support.outboxes import SCHEMA, TAG, ManualClock, accounted, draft, is_balanced, settings

LINK = "main"
PAGE_BYTES = 4096
BLOCKS = 120
SETTLED = 30


def opened(path: Path) -> Store:
    store = Store(settings(path), TAG, ManualClock(), SCHEMA, frozenset({LINK}))
    store.open()
    return store


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outbox of 120 blocks of one epoch, of which the first 30 are settled."""
    path = tmp_path_factory.mktemp("sound") / "o.db"
    store = opened(path)
    for number in range(1, BLOCKS + 1):
        store.put(draft(number, rows=40, noise=20), Lane.ALARM if number % 10 == 0 else Lane.LIVE)
    for number in range(1, SETTLED + 1):
        assert store.settle(LINK, [(store.epoch, 0, number)], []) == 1
    store.close()
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copy(sound, tmp_path / "o.db"))


def root_page(path: Path, table: str) -> int:
    file = sqlite3.connect(path)
    (page,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    file.close()
    return int(page)


def ruin(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)


def delivered(store: Store) -> tuple[list[int], list[tuple[int, int, int]]]:
    """Give the numbers of the blocks and the gap records that a link would be given."""
    picked = store.pick(LINK, frozenset(), frozenset(), 1000, newest_first=False)
    for each in picked:
        if each.kind is Up.BLOCK:
            assert decode(each.data, TAG).key.sequence == each.key[2]
            assert store.schema(each.schema) is not None
    gaps = [decode_gap(each.data) for each in picked if each.kind is Up.GAP]
    return (
        sorted(each.key[2] for each in picked if each.kind is Up.BLOCK),
        [(gap.first, gap.last, gap.samples) for gap in gaps],
    )


@pytest.mark.parametrize("seed", range(12))
def test_after_damage_anywhere_every_number_is_queued_in_a_gap_or_settled(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    pages = path.stat().st_size // PAGE_BYTES
    books, schema = root_page(path, "books"), 1
    for page in rng.sample([page for page in range(2, pages + 1) if page not in {books, schema}], 3):
        ruin(path, page)
    store = opened(path)
    assert is_balanced(store.tally)
    if not store.troubles.quarantined:  # only blocks' own bytes were hit, which are checked when they are sent
        store.pick(LINK, frozenset(), frozenset(), 1000, newest_first=False)
    blocks, gaps = delivered(store)
    assert is_balanced(store.tally)
    assert store.tally.produced == BLOCKS * 80
    assert store.tally.acknowledged == SETTLED * 80
    assert store.tally.queued == len(blocks) * 80
    assert sum(samples for _, _, samples in gaps) == store.tally.dropped.get("corrupt", 0)
    covered = {*range(1, SETTLED + 1), *blocks}
    for first, last, _ in gaps:
        covered.update(range(first, last + 1))
    assert covered == set(range(1, BLOCKS + 1))
    assert len(blocks) > BLOCKS - SETTLED - 60, "three pages hold no more than that"
    store.put(draft(1))
    assert store.settle(LINK, [(ManualClock().utc_ms, 0, number) for number in blocks], []) == len(blocks)
    assert is_balanced(store.tally)
    store.close()


def test_without_books_the_blocks_come_back_alone(path: Path) -> None:
    ruin(path, root_page(path, "books"))
    store = opened(path)
    assert store.troubles.quarantined == 1
    assert store.troubles.salvaged_blocks == BLOCKS - SETTLED
    assert delivered(store) == (list(range(SETTLED + 1, BLOCKS + 1)), [])
    assert store.tally.produced == store.tally.queued == (BLOCKS - SETTLED) * 80
    store.close()


def test_without_their_rows_blocks_tell_by_themselves_what_they_are(path: Path) -> None:
    ruin(path, root_page(path, "blocks"))
    store = opened(path)
    assert store.troubles.salvaged_blocks == BLOCKS - SETTLED
    assert delivered(store) == (list(range(SETTLED + 1, BLOCKS + 1)), [])
    assert store.tally.acknowledged == SETTLED * 80
    store.close()


def test_nothing_is_taken_from_another_gateway_or_from_rubbish(tmp_path: Path, path: Path) -> None:
    ruin(path, root_page(path, "books"))
    other = Store(settings(path), b"none", ManualClock(), SCHEMA, frozenset({LINK}))
    other.open()
    assert other.troubles.quarantined == 1
    assert other.troubles.salvaged_blocks == 0
    assert other.tally.produced == 0
    other.close()
    rubbish = tmp_path / "rubbish.db"
    rubbish.write_bytes(random.Random(1).randbytes(50_000))
    store = opened(rubbish)
    assert (store.troubles.quarantined, store.troubles.salvaged_blocks) == (1, 0)
    store.close()


def test_a_lane_and_earlier_gap_records_are_kept(path: Path) -> None:
    file = sqlite3.connect(path)
    epoch = ManualClock().utc_ms
    file.execute("UPDATE books SET produced = produced + 7, dropped = 7, last_sequence = 121")
    file.execute("INSERT INTO reasons VALUES (?, 0, 'disk-full', 7)", (epoch,))
    file.execute("INSERT INTO gaps VALUES (1, ?, 0, 121, 121, 7, 'disk-full', 5, 6)", (epoch,))
    file.execute("UPDATE occupancy SET blocks = 3")
    file.commit()
    file.close()
    ruin(path, root_page(path, "occupancy"))
    store = opened(path)
    assert store.troubles.quarantined == 1
    blocks, gaps = delivered(store)
    assert gaps == [(121, 121, 7)]
    assert store.tally.dropped == {"disk-full": 7}
    first = store.pick(LINK, frozenset(), frozenset(), 2, newest_first=False)[1]
    assert first.key[2] == 40, "alarms go first, as they did"
    assert len(blocks) == BLOCKS - SETTLED
    store.close()
    queued, lost, last = accounted(path)[epoch]
    assert (queued, lost, last) == (set(range(31, 121)), {121}, 121)


def test_a_lane_that_there_is_not_is_taken_for_the_lowest(path: Path) -> None:
    file = sqlite3.connect(path)
    file.execute("UPDATE blocks SET lane = 77 WHERE sequence = 50")
    file.commit()
    file.close()
    for times in (1, 0):
        store = opened(path)
        assert store.troubles.quarantined == times, "a second start finds nothing wrong"
        assert delivered(store)[0] == list(range(SETTLED + 1, BLOCKS + 1))
        store.close()
