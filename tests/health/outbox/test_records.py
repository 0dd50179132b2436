"""This file tests that papers wait, go and get lost as blocks do: never without a word."""

from pathlib import Path

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.records import Sheet
from isolane.health.outbox.settings import LaneSettings
from isolane.health.outbox.store import Store
from isolane.wire.paper import PAPERS, decode_paper
from isolane.wire.uplink import Up, decode_gap
from support.outboxes import SCHEMA, TAG, ManualClock, draft, is_balanced, settings

LINK = "main"


def _opened(path: Path, clock: ManualClock, lanes: LaneSettings = LaneSettings()) -> Store:  # noqa: B008 - frozen
    store = Store(settings(path, lanes=lanes), TAG, clock, SCHEMA, frozenset({LINK}))
    store.open()
    return store


def test_a_paper_goes_with_its_number_and_leaves_when_acknowledged(tmp_path: Path) -> None:
    store = _opened(tmp_path / "outbox.db", ManualClock())
    store.put(draft(1))
    key = store.put(Sheet("level", b"worn", 5), Lane.ALARM)
    assert (key.stream, key.sequence) == (PAPERS, 1)
    first, second = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    assert (first.kind, second.kind) == (Up.PAPER, Up.BLOCK)  # the alarm lane goes first
    assert decode_paper(first.data, TAG).body == b"worn"
    assert store.settle(LINK, [first.key], []) == 1
    assert [each.kind for each in store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)] == [Up.BLOCK]
    store.close()


def test_a_paper_survives_a_kill(tmp_path: Path) -> None:
    clock = ManualClock()
    store = _opened(tmp_path / "outbox.db", clock)
    store.put(Sheet("card", b"x" * 2000, 5), Lane.ALARM)
    store.close()
    again = _opened(tmp_path / "outbox.db", clock)
    (paper,) = again.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    assert decode_paper(paper.data, TAG).body == b"x" * 2000
    assert again.put(Sheet("card", b"", 5)).sequence == 1  # of a new epoch
    assert is_balanced(again.tally)
    again.close()


def test_a_paper_that_has_no_room_leaves_a_gap_record(tmp_path: Path) -> None:
    store = _opened(tmp_path / "outbox.db", ManualClock(), LaneSettings(snapshot_bytes_max=400_000))
    keys = [store.put(Sheet("chunk", bytes([at]) * 300_000, 5), Lane.SNAPSHOT) for at in (1, 2)]
    out = store.pick(LINK, frozenset(), frozenset(), 9, newest_first=False)
    gap = decode_gap(out[0].data)
    assert (gap.stream, gap.first, gap.last, gap.samples) == (PAPERS, keys[0].sequence, keys[0].sequence, 1)
    assert [each.kind for each in out] == [Up.GAP, Up.PAPER]
    store.close()


def test_papers_are_put_back_from_a_damaged_file(tmp_path: Path) -> None:
    path, clock = tmp_path / "outbox.db", ManualClock()
    store = _opened(path, clock)
    for at in range(20):
        store.put(Sheet("level", bytes([at]) * 3000, 5), Lane.ALARM)
    store.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 12_000)
    again = _opened(path, clock)
    found = again.pick(LINK, frozenset(), frozenset(), 99, newest_first=False)
    papers = [each for each in found if each.kind is Up.PAPER]
    assert len(papers) >= 10
    lost = sum(decode_gap(each.data).last - decode_gap(each.data).first + 1 for each in found if each.kind is Up.GAP)
    assert again.troubles.quarantined == 1
    assert len(papers) + lost == 20
    again.close()
