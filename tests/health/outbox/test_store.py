"""This file puts the store through all that can happen to it; it guards the ledger and that no number is missing."""

import dataclasses
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from isolane.center.store.ledger import Statement, supersedes
from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.losses import Losses
from isolane.health.outbox.records import Key
from isolane.health.outbox.settings import LaneSettings, OutboxSettings
from isolane.health.outbox.store import Store
from isolane.wire.block import decode
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, Up, decode_gap
from support.outboxes import FAST, MEMORY, SCHEMA, TAG, ManualClock, draft, is_balanced, settings, weighed

ROWS_BIG = 25_000
"""Of noise: about 300 kB a block, so that a few fill the smallest outbox."""
LINK = "main"


LANES = LaneSettings(snapshot_bytes_max=400_000, backfill_bytes_max=700_000)
"""Room for one big block, and for two."""


def opened(
    path: Path,
    clock: ManualClock,
    required: frozenset[str] = frozenset({LINK}),
    lanes: LaneSettings = LaneSettings(),  # noqa: B008 - a frozen table
) -> Store:
    store = Store(settings(path, lanes=lanes), TAG, clock, SCHEMA, required)
    store.learn(FAST, 1)
    store.open()
    return store


def disk(store: Store, *, full: bool) -> None:
    """Let the file grow no more, as on a full disk, or let it grow again."""
    if store._shelf is not None:
        pages = 1 if full else 1 << 30
        store._shelf.file.execute(f"PRAGMA max_page_count = {pages}")


class StoreMachine(RuleBasedStateMachine):
    """Puts, acknowledgements, drops, expiry, full disks, new epochs and crashes in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory(dir=MEMORY)
        self.runs = 0
        self.clock = ManualClock()
        self.store = opened(self.path, self.clock, lanes=LANES)
        self.acknowledged: set[Key] = set()
        self.told: set[Key] = set()
        self.stated: dict[tuple[int, int], Statement] = {}
        self.numbers = self.produced = 0
        self.full = False

    @property
    def path(self) -> Path:
        return (
            Path(self.folder.name) / f"run-{self.runs}" / "outbox.db" if self.runs else Path(self.folder.name) / "o.db"
        )

    @rule(
        big=st.booleans(),
        lane=st.sampled_from([Lane.LIVE, Lane.LIVE, Lane.SNAPSHOT, Lane.ALARM]),
        thinned=st.sampled_from([0, 0, 7]),
        stream=st.sampled_from([0, 0, 1]),
    )
    def put(self, *, big: bool, lane: Lane, thinned: int, stream: int) -> None:
        self.numbers += 1
        rows, noise = (ROWS_BIG, 40) if big else (5, 0)
        made = draft(self.numbers, rows=rows, noise=noise, thinned=thinned, stream=stream)
        self.produced += made.produced
        self.store.put(made, lane)

    @rule(limit=st.integers(1, 5), newest=st.booleans())
    def pick_and_acknowledge(self, *, limit: int, newest: bool) -> None:
        picked = self.store.pick(LINK, frozenset(), frozenset(), limit, newest_first=newest)
        assert len(picked) <= limit
        blocks = [each.key for each in picked if each.kind is Up.BLOCK]
        gaps = [decode_gap(each.data) for each in picked if each.kind is Up.GAP]
        for each in picked:
            if each.kind is Up.BLOCK:
                key = decode(each.data, TAG).key
                assert (key.epoch, key.stream, key.sequence) == each.key
        found = self.store.settle(LINK, blocks, [(gap.epoch, gap.stream, gap.first) for gap in gaps])
        if found is None:
            return
        assert found == len(picked)
        self.acknowledged.update(blocks)
        self.told.update((gap.epoch, gap.stream, number) for gap in gaps for number in range(gap.first, gap.last + 1))
        assert self.store.settle(LINK, blocks, [(gap.epoch, gap.stream, gap.first) for gap in gaps]) in (0, None)

    @rule(limit=st.integers(1, 5))
    def acknowledge_over_a_link_that_is_not_required(self, *, limit: int) -> None:
        picked = self.store.pick("spare", frozenset(), frozenset(), limit, newest_first=False)
        blocks = [each.key for each in picked if each.kind is Up.BLOCK]
        gaps = [each.key for each in picked if each.kind is Up.GAP]
        self.store.forget("spare")
        if self.store.settle("spare", blocks, gaps) is not None:
            again = self.store.pick("spare", frozenset(), frozenset(), 99, newest_first=False)
            assert not {each.key for each in picked} & {each.key for each in again}

    @rule(epoch=st.sampled_from([0, 1, 1_700_000_000_000, 2**62]), number=st.integers(0, 5))
    def acknowledge_what_is_not_here(self, *, epoch: int, number: int) -> None:
        key = (epoch, 3, number)
        assert self.store.settle(LINK, [key], [key]) in (0, None)

    @rule(seconds=st.sampled_from([1, 61, 4000]))
    def pass_time(self, *, seconds: int) -> None:
        self.clock.pass_s(seconds)
        self.store.forget(LINK)
        self.store.tend()

    @rule(by_s=st.integers(-10_000, 10_000))
    def set_clock(self, *, by_s: int) -> None:
        self.clock.utc_ms += by_s * 1000
        if by_s < 0:
            self.store.begin_epoch()

    @rule()
    def fill_or_free_the_disk(self) -> None:
        self.full = not self.full
        disk(self.store, full=self.full)

    @precondition(lambda self: not self.full)
    @rule()
    def crash_and_open_again(self) -> None:
        source = self.path
        self.runs += 1
        self.path.parent.mkdir()
        for suffix in ("", "-wal"):
            if (file := source.with_name(source.name + suffix)).exists():
                shutil.copy(file, self.path.with_name(self.path.name + suffix))
        epoch = self.store.epoch
        self.produced -= sum(gap.samples for gap in self.store._losses.gaps)
        self.store.close()
        self.store = opened(self.path, self.clock, lanes=LANES)
        assert self.store.epoch > epoch
        assert self.store.troubles.quarantined == 0

    @invariant()
    def the_books_balance(self) -> None:
        assert is_balanced(self.store.tally)
        assert self.store.tally.produced == self.produced
        assert self.store.tally.bytes_queued <= 1 << 20
        for lane, own in LANES.bytes_max.items():
            assert self.store.tally.bytes_by_lane[lane] <= own
        assert self.store._shelf is not None
        assert self.store.tally.bytes_by_lane == weighed(self.store._shelf.file)
        for entry in self.store.entries():
            assert entry.balanced
        assert self.store.troubles.quarantined == 0

    @invariant()
    def no_number_is_missing_or_twice(self) -> None:
        shelf = self.store._shelf
        assert shelf is not None
        queued = {tuple(row) for row in shelf.file.execute("SELECT epoch, stream, sequence FROM blocks")}
        gaps: set[Key] = set()
        for epoch, stream, first, last in shelf.file.execute("SELECT epoch, stream, first, last FROM gaps"):
            for number in range(first, last + 1):
                assert (epoch, stream, number) not in gaps
                gaps.add((epoch, stream, number))
        lost = {
            (gap.epoch, gap.stream, number) for gap in self.store._losses.gaps for number in _range(gap.first, gap.last)
        }
        parts = [queued, gaps, lost, self.acknowledged, self.told]
        assert sum(map(len, parts)) == len(set().union(*parts)), "a number is in two places"
        for entry in self.store.entries():
            book = entry.epoch, entry.stream
            own, refused = ({key[2] for part in some for key in part if key[:2] == book} for some in (parts, [lost]))
            assert own - refused == set(range(1, entry.last_sequence + 1))
            assert own == set(range(1, max(refused, default=entry.last_sequence) + 1))

    @invariant()
    def no_statement_is_taken_back(self) -> None:
        """What the center may have been told stays true, whatever happens next."""
        for entry in self.store.entries():
            accounts = entry.produced, entry.acknowledged, entry.queued, entry.thinned
            new = Statement(entry.last_sequence, *accounts, sum(entry.dropped.values()))
            old = self.stated.get((entry.epoch, entry.stream), new)
            assert supersedes(new, old, is_later=False)
            self.stated[entry.epoch, entry.stream] = new

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


def _range(first: int, last: int) -> range:
    return range(first, last + 1)


StoreMachine.TestCase.settings = hypothesis_settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStore = StoreMachine.TestCase


def test_a_full_outbox_drops_the_oldest_of_the_lowest_lane_and_says_so(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    store.put(draft(1), Lane.ALARM)
    for number in range(2, 9):
        store.put(draft(number, rows=ROWS_BIG, noise=40))
    tally = store.tally
    assert tally.bytes_queued <= 1 << 20
    assert tally.dropped["outbox-full"] > 0
    (gap,) = [decode_gap(each.data) for each in store.pick("x", frozenset(), frozenset(), 99, newest_first=False)[:1]]
    assert (gap.first, gap.reason) == (2, "outbox-full")
    assert gap.samples == tally.dropped["outbox-full"]
    assert store.pick("x", frozenset({(gap.epoch, 0, 2)}), frozenset(), 1, newest_first=False)[0].key[2] == 1
    store.close()


def test_a_block_too_large_for_the_outbox_is_counted_as_dropped(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    for number in range(1, 5):
        store.put(draft(number, rows=ROWS_BIG, noise=40), Lane.ALARM)
    assert store.tally.dropped == {"outbox-full": 2 * ROWS_BIG}
    assert is_balanced(store.tally)
    store.close()


def test_what_is_in_flight_is_dropped_last(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    for number in range(1, 4):
        store.put(draft(number, rows=ROWS_BIG, noise=40))
    (flying,) = store.pick(LINK, frozenset(), frozenset(), 1, newest_first=False)
    assert flying.key[2] == 3
    store.pick(LINK, frozenset({(store.epoch, 0, 1)}), frozenset(), 0, newest_first=False)
    store.put(draft(4, rows=ROWS_BIG, noise=40))
    queued = {each.key[2] for each in store.pick("x", frozenset(), frozenset(), 9, newest_first=False)[1:]}
    assert 1 in queued
    assert 2 not in queued
    store.close()


def test_live_goes_newest_first_and_history_oldest_first(tmp_path: Path) -> None:
    clock = ManualClock()
    store = opened(tmp_path / "o.db", clock)
    for number in range(3):
        store.put(draft(number))
    clock.pass_s(61)
    store.tend()
    for number in range(3, 6):
        store.put(draft(number))
    store.put(draft(6), Lane.ALARM)
    oldest = [each.key[2] for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)]
    newest = [each.key[2] for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=True)]
    assert oldest == [7, 6, 5, 4, 1, 2, 3]
    assert newest == [7, 6, 5, 4, 3, 2, 1]
    store.close()


def test_a_set_utc_clock_expires_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    store = opened(tmp_path / "o.db", clock)
    store.put(draft(1))
    clock.utc_ms += 10**12
    store.tend()
    assert store.tally.blocks_queued == 1
    clock.pass_s(3601)
    store.tend()
    assert store.tally.dropped == {"expired": 10}
    store.close()


def test_each_lane_has_an_age_of_its_own_and_what_is_too_old_leaves_gap_records(tmp_path: Path) -> None:
    clock = ManualClock()
    table = OutboxSettings(
        path=tmp_path / "o.db",
        age_max_s=3600,
        lanes=LaneSettings(alarm_age_max_s=86_400, snapshot_age_max_s=60, backfill_age_max_s=600),
    )
    store = Store(table, TAG, clock, SCHEMA, frozenset({LINK}))
    store.open()
    for number, lane in enumerate([Lane.ALARM, Lane.RECEIPT, Lane.SNAPSHOT, Lane.LIVE, Lane.SNAPSHOT], 1):
        store.put(draft(number), lane)
    left, lost = {1, 2, 3, 4, 5}, 0
    for after_s, gone in ((59, set()), (2, {3, 5}), (538, set()), (2, {4}), (2998, set()), (2, {2}), (82_800, {1})):
        clock.pass_s(after_s)
        left, lost = left - gone, lost + 10 * len(gone)
        for in_order in (False, True):
            picked = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False, in_order=in_order)
            assert {each.key[2] for each in picked if each.kind is Up.BLOCK} == left, "too old to be sent"
            store.forget(LINK)
        store.tend()
        assert store.tally.queued == 10 * len(left)
        assert store.tally.dropped == ({"expired": lost} if lost else {})
        assert is_balanced(store.tally)
    picked = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    gaps = [decode_gap(each.data) for each in picked]
    assert {gap.reason for gap in gaps} == {"expired"}
    assert {number for gap in gaps for number in range(gap.first, gap.last + 1)} == {1, 2, 3, 4, 5}
    assert sum(gap.samples for gap in gaps) == lost == 50
    assert store.settle(LINK, [], [(gap.epoch, gap.stream, gap.first) for gap in gaps]) == len(gaps)
    assert [entry.balanced for entry in store.entries()] == [True]
    store.close()


def test_an_epoch_is_greater_than_any_before_even_if_the_clock_is_not(tmp_path: Path) -> None:
    clock = ManualClock()
    epochs = []
    for _ in range(3):
        store = opened(tmp_path / "o.db", clock)
        epochs.append(store.epoch)
        store.put(draft(1))
        store.close()
        clock.utc_ms -= 86_400_000
    assert epochs == sorted(set(epochs))
    assert epochs[0] == 1_700_000_000_000


def test_every_required_link_must_have_brought_a_block(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock(), frozenset({"a", "b"}))
    store.put(draft(1))
    key = (store.epoch, 0, 1)
    assert store.settle("c", [key], []) == 1
    assert store.settle("a", [key], []) == 1
    assert store.tally.queued == 10
    assert not store.pick("a", frozenset(), frozenset(), 9, newest_first=False)
    assert store.pick("b", frozenset(), frozenset(), 9, newest_first=False)
    store.settle("b", [key], [])
    assert store.tally.acknowledged == 10
    assert store.tally.empty
    store.close()


def test_a_link_that_is_no_longer_required_is_not_waited_for(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock(), frozenset({"a", "b"}))
    store.put(draft(1))
    store.settle("a", [(store.epoch, 0, 1)], [])
    store.close()
    store = opened(tmp_path / "o.db", ManualClock(), frozenset({"a"}))
    assert store.tally.acknowledged == 10
    assert store.tally.empty
    store.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    for content in (b"not a database at all, for sure" * 100, b"SQLite format 3\x00" + bytes(5000)):
        path.write_bytes(content)
        store = opened(path, ManualClock())
        assert store.troubles.quarantined == 1
        store.put(draft(1))
        assert is_balanced(store.tally)
        store.close()
        (aside,) = tmp_path.glob("o.db.damaged-*")
        assert aside.read_bytes() == content


def test_a_block_that_no_longer_fits_its_checksum_is_dropped_with_a_gap(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    for number in range(3):
        store.put(draft(number))
    assert store._shelf is not None
    store._shelf.file.execute(
        "UPDATE bodies SET data = CAST(substr(data, 1, 30) || x'00' || substr(data, 32) AS BLOB) WHERE id = 2"
    )
    picked = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    assert [each.key[2] for each in picked] == [3, 1]
    assert store.tally.dropped == {"corrupt": 10}
    assert store.troubles.corrupt_blocks == 1
    (gap,) = [each for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False) if each.kind is Up.GAP]
    assert decode_gap(gap.data).reason == "corrupt"
    store.close()


def test_a_second_process_is_refused_in_words(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    with pytest.raises(IsolaneError, match="another process uses the outbox"):
        opened(tmp_path / "o.db", ManualClock())
    store.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot open the outbox"):
        opened(tmp_path / "none" / "o.db", ManualClock())


def test_a_full_disk_is_counted_at_once_and_written_down_later(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    store.put(draft(1))
    disk(store, full=True)
    for number in range(2, 5):
        store.put(draft(number, rows=ROWS_BIG, noise=40))
    assert store.tally.dropped == {"disk-full": 3 * 2 * ROWS_BIG}
    assert is_balanced(store.tally)
    assert store.entries()[0].last_sequence == 4
    disk(store, full=False)
    store.tend()
    store.put(draft(5))
    assert store.tally.dropped == {"disk-full": 3 * 2 * ROWS_BIG}
    gap = decode_gap(store.pick(LINK, frozenset(), frozenset(), 1, newest_first=False)[0].data)
    assert (gap.first, gap.last, gap.reason) == (2, 4, "disk-full")
    assert store.entries()[0].last_sequence == 5
    store.close()


def test_the_center_is_told_of_a_loss_only_when_a_kill_cannot_undo_it(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    store.put(draft(1))
    assert store._shelf is not None
    store._shelf.file.execute("PRAGMA query_only = 1")
    store.put(draft(2))
    assert (store.tally.produced, store.tally.dropped) == (20, {"disk-full": 10})
    assert (store.entries()[0].last_sequence, store.entries()[0].produced) == (1, 10)
    store.put(draft(3))
    assert (store.entries()[0].last_sequence, store.entries()[0].produced) == (3, 30)
    assert store.entries()[0].dropped == {"disk-full": 10}
    store.close()


def test_settled_epochs_are_folded_and_the_sums_stay(tmp_path: Path) -> None:
    clock = ManualClock()
    for run in range(15):
        store = opened(tmp_path / "o.db", clock)
        store.put(draft(run))
        assert store.settle(LINK, [(store.epoch, 0, 1)], []) == 1
        produced, entries = store.tally.produced, store.entries()
        store.close()
        clock.pass_s(10)
    assert produced == 150
    assert len(entries) == 8 + 2, "settled ones, and the two of the newest epoch"
    assert all(entry.epoch for entry in entries)


def test_thinned_samples_are_a_book_and_are_lost_with_the_block_that_tells_them(tmp_path: Path) -> None:
    clock = ManualClock()
    store = opened(tmp_path / "o.db", clock)
    store.put(draft(1, thinned=590))
    store.put(draft(2, thinned=30))
    assert store.settle(LINK, [(store.epoch, 0, 1)], []) == 1
    assert (store.tally.produced, store.tally.acknowledged, store.tally.queued, store.tally.thinned) == (
        640,
        10,
        10,
        620,
    )
    clock.pass_s(3601)
    store.tend()
    assert (store.tally.thinned, store.tally.queued, store.tally.dropped) == (590, 0, {"expired": 40})
    (gap,) = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    assert decode_gap(gap.data).samples == 40
    assert is_balanced(store.tally)
    assert store.entries()[0].balanced
    store.close()


def test_each_stream_has_its_numbers_and_its_books(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    keys = [store.put(draft(n, rows=5, stream=stream)) for n, stream in enumerate((0, 1, 1, 0, 1), start=1)]
    assert [(key.stream, key.sequence) for key in keys] == [(0, 1), (1, 1), (1, 2), (0, 2), (1, 3)]
    picked = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False, in_order=True)
    assert [each.key[1:] for each in picked] == [(0, 1), (1, 1), (1, 2), (0, 2), (1, 3)]
    assert [decode(each.data, TAG).step_ms for each in picked] == [1000, 100, 100, 1000, 100]
    assert store.settle(LINK, [(store.epoch, 1, 2)], []) == 1
    slow, fast = store.entries()
    assert (slow.stream, slow.last_sequence, slow.produced, slow.queued) == (0, 2, 20, 20)
    assert (fast.stream, fast.last_sequence, fast.produced, fast.acknowledged) == (1, 3, 30, 10)
    store.close()


def test_a_stream_learnt_while_running_has_books_at_once(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    store.learn(FAST, 2)
    assert [entry.stream for entry in store.entries()] == [0, 1, 2]
    store.begin_epoch()
    store.put(dataclasses.replace(draft(1), schema=FAST.id, stream=2))
    assert [(entry.stream, entry.last_sequence) for entry in store.entries()[:3]] == [(0, 0), (1, 0), (2, 1)]
    store.close()


def test_losses_of_two_streams_stay_apart_however_many_there_are() -> None:
    losses = Losses()
    for number in range(1, 1200):
        for stream in (0, 1):
            losses.add(Gap(1, 7, stream, number, number, 10, "disk-full", number, number + 1))
    for stream in (0, 1):
        numbers = [n for gap in losses.gaps if gap.stream == stream for n in range(gap.first, gap.last + 1)]
        assert sorted(numbers) == list(range(1, 1200))
        assert sum(gap.samples for gap in losses.gaps if gap.stream == stream) == 11990
    assert len(losses.gaps) <= 1002


def test_blocks_of_a_learnt_schema_keep_it_in_the_file(tmp_path: Path) -> None:
    other = Schema.of((Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L2]", "V", 0.1),))
    store = opened(tmp_path / "o.db", ManualClock())
    store.learn(other)
    store.put(dataclasses.replace(draft(1), schema=other.id))
    store.put(draft(2))
    store.close()
    store = opened(tmp_path / "o.db", ManualClock())
    assert (store.schema(other.id), store.schema(SCHEMA.id)) == (other.json, SCHEMA.json)
    store.close()


def test_a_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    store = opened(path, ManualClock())
    store.put(draft(1))
    epoch = store.epoch
    store.close()
    file = sqlite3.connect(path)
    file.executescript(
        "DROP TRIGGER block_comes; DROP TRIGGER block_goes; DROP TRIGGER block_yields; DROP TABLE occupancy;"
        " ALTER TABLE blocks DROP COLUMN thinned;"
        " CREATE TABLE occupancy (blocks INTEGER NOT NULL, bytes INTEGER NOT NULL);"
        " INSERT INTO occupancy SELECT count(*), sum(size) FROM blocks;"
        " CREATE TRIGGER block_comes AFTER INSERT ON blocks BEGIN"
        "  UPDATE occupancy SET blocks = blocks + 1, bytes = bytes + NEW.size; END;"
        " CREATE TRIGGER block_goes AFTER DELETE ON blocks BEGIN"
        "  UPDATE occupancy SET blocks = blocks - 1, bytes = bytes - OLD.size; END;"
        " PRAGMA user_version = 1"
    )
    file.close()
    store = opened(path, ManualClock())
    assert store.troubles.quarantined == 0
    assert store._shelf is not None
    assert store.tally.bytes_by_lane == weighed(store._shelf.file)
    assert store.tally.bytes_by_lane[Lane.LIVE] > 0
    store.put(draft(2, thinned=5))
    keys = [each.key for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)]
    assert keys == [(store.epoch, 0, 1), (epoch, 0, 1)]
    assert store.tally.thinned == 5
    store.close()


def test_what_is_reserved_is_for_alarms_and_receipts(tmp_path: Path) -> None:
    store = Store(settings(tmp_path / "o.db", reserve_bytes=1 << 19), TAG, ManualClock(), SCHEMA, frozenset({LINK}))
    store.open()
    for number in range(1, 5):
        store.put(draft(number, rows=ROWS_BIG, noise=40))
    assert store.tally.bytes_queued <= 1 << 19
    live = store.tally.queued
    store.put(draft(5, rows=ROWS_BIG, noise=40), Lane.ALARM)
    assert store.tally.queued == live + 2 * ROWS_BIG
    assert is_balanced(store.tally)
    store.close()


def test_a_full_lane_drops_its_own_oldest_and_says_so(tmp_path: Path) -> None:
    clock, rows = ManualClock(), ROWS_BIG // 2
    lanes = LaneSettings(snapshot_bytes_max=200_000, backfill_bytes_max=350_000)
    store = opened(tmp_path / "o.db", clock, lanes=lanes)
    store.put(draft(1, rows=rows, noise=40))
    for number in range(2, 5):
        store.put(draft(number, rows=rows, noise=40), Lane.SNAPSHOT)
    picked = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    assert [each.key[2] for each in picked if each.kind is Up.BLOCK] == [1, 4], "nothing of another lane has gone"
    (gap,) = [decode_gap(each.data) for each in picked if each.kind is Up.GAP]
    assert (gap.first, gap.last, gap.reason, gap.samples) == (2, 3, "lane-full", 4 * rows)
    assert store.tally.dropped == {"lane-full": 4 * rows}
    store.forget(LINK)
    for number in range(5, 7):
        store.put(draft(number, rows=rows, noise=40))
        clock.pass_s(61)
        store.tend()
    picked = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    assert [each.key[2] for each in picked if each.kind is Up.BLOCK] == [4, 5, 6], "the oldest that yielded has gone"
    assert store.tally.dropped == {"lane-full": 6 * rows}
    assert is_balanced(store.tally)
    assert store.entries()[0].balanced
    store.close()


def test_in_a_full_lane_what_is_in_flight_goes_last(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock(), lanes=LaneSettings(snapshot_bytes_max=700_000))
    for number in (1, 2):
        store.put(draft(number, rows=ROWS_BIG, noise=40), Lane.SNAPSHOT)
    (flying,) = store.pick(LINK, frozenset(), frozenset(), 1, newest_first=False)
    assert flying.key[2] == 1
    store.put(draft(3, rows=ROWS_BIG, noise=40), Lane.SNAPSHOT)
    store.forget(LINK)
    picked = store.pick("x", frozenset(), frozenset(), 9, newest_first=False)
    assert [each.key[2] for each in picked if each.kind is Up.BLOCK] == [1, 3]
    store.close()


def test_a_block_that_no_lane_or_outbox_can_hold_drops_nothing_else(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock(), lanes=LANES)
    store.put(draft(1), Lane.SNAPSHOT)
    store.put(draft(2, rows=40_000, noise=40), Lane.SNAPSHOT)
    assert store.tally.dropped == {"lane-full": 80_000}
    for number in (3, 4, 5):
        store.put(draft(number, rows=ROWS_BIG, noise=40), Lane.ALARM)
    store.put(draft(6, rows=30_000, noise=40), Lane.SNAPSHOT)
    assert store.tally.dropped == {"lane-full": 80_000, "outbox-full": 60_000}
    queued = [each.key[2] for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)]
    assert 1 in queued, "it would not have helped"
    assert is_balanced(store.tally)
    store.close()


def test_a_bound_that_was_lowered_holds_after_the_next_tending(tmp_path: Path) -> None:
    store = opened(tmp_path / "o.db", ManualClock())
    for number in range(1, 4):
        store.put(draft(number, rows=ROWS_BIG, noise=40), Lane.SNAPSHOT)
    store.close()
    store = opened(tmp_path / "o.db", ManualClock(), lanes=LANES)
    store.tend()
    assert store.tally.bytes_by_lane[Lane.SNAPSHOT] <= 400_000
    assert store.tally.dropped == {"lane-full": 4 * ROWS_BIG}
    store.close()


@pytest.mark.parametrize("lane", ["snapshot", "backfill"])
def test_a_bound_of_a_lane_that_is_never_reached_is_refused_in_words(tmp_path: Path, lane: str) -> None:
    file = tmp_path / "site.toml"
    table = '[health]\npath = "o.db"\nbytes_max = 2097152\nlanes.{}_bytes_max = {}\n'
    file.write_text(table.format(lane, 2_097_152 - (1 << 18)), encoding="utf-8")
    assert len(load(file, "health", OutboxSettings).lanes.bytes_max) == 1
    file.write_text(table.format(lane, 2_097_153 - (1 << 18)), encoding="utf-8")
    with pytest.raises(IsolaneError, match=f"{lane}_bytes_max = 1835009 is never reached"):
        load(file, "health", OutboxSettings)


def test_what_lanes_hold_is_checked_when_the_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    store = opened(path, ManualClock())
    store.put(draft(1))
    store.close()
    file = sqlite3.connect(path)
    file.execute("UPDATE occupancy SET bytes = bytes - 1 WHERE lane = 2")
    file.commit()
    file.close()
    store = opened(path, ManualClock())
    assert (store.troubles.quarantined, store.troubles.salvaged_blocks) == (1, 1)
    assert store._shelf is not None
    assert store.tally.bytes_by_lane == weighed(store._shelf.file)
    store.close()
