"""This file lets things happen to a site; it guards what of them stands in snapshots, and how many there are."""

import json
import random
from pathlib import Path

import msgspec
import pytest

from isolane.health.recorder.settings import RingSettings
from isolane.health.recorder.shelf import Shelf
from isolane.wire.snapshot import CUT, WHOLE, Trigger
from isolane.wire.snapshot_file.content import content, uploaded
from isolane.wire.snapshot_file.manifest import check
from support.black_boxes import CURRENT, LOAD_A, Plant, settings

_NS_PER_MS = 1_000_000


def test_a_snapshot_has_the_time_before_and_after_its_trigger(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.run(120)
    plant.is_closed = False
    at_ms = plant.clock.utc_ms + 1000
    plant.run(5)
    (card,) = [entry.card for entry in plant.keeper.shelf.entries.values()]
    assert (card.state, card.level, card.charger) == ("open", 4, "CP-1")
    assert [(each.kind, each.value) for each in card.triggers] == [("contactor-under-load", f"{LOAD_A:g}")]
    assert card.standouts[0].key in {CURRENT, "1.1/PowerContactor/Active"}
    assert 300 < len(msgspec.json.encode(card)) < 2048
    plant.run(60)
    (file,) = plant.files()
    verdict = check(file.read_bytes())
    assert (verdict.end, verdict.faults, verdict.signature) == (WHOLE, [], "unsigned")
    topics = {number: channel.topic for number, channel in verdict.anatomy.channels.items()}
    rows = [
        (message.log_time // _NS_PER_MS, json.loads(message.data))
        for message in verdict.anatomy.messages
        if topics[message.channel_id] == "/health/CP-1"
    ]
    assert at_ms - 60_000 <= rows[0][0] <= at_ms - 50_000
    assert at_ms + 29_000 <= rows[-1][0] <= at_ms + 36_000
    assert [t for t, _ in rows] == list(range(rows[0][0], rows[-1][0] + 1000, 1000)), "no row twice, none missing"
    assert all((row[CURRENT] > LOAD_A - 1) is (t < at_ms) for t, row in rows)
    assert not any(channel.topic == "/health/CP-2" for channel in verdict.anatomy.channels.values())
    card = next(iter(plant.keeper.shelf.entries.values())).card
    assert (card.state, card.size) == (WHOLE, file.stat().st_size)


def test_a_value_that_is_not_there_is_null_with_its_reason(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.run(30)
    plant.trigger(charger="")
    plant.keeper.close()
    found = check(plant.files()[0].read_bytes()).anatomy
    topics = {number: channel.topic for number, channel in found.channels.items()}
    rows = [json.loads(each.data) for each in found.messages if topics[each.channel_id] == "/health/CP-2"]
    bad = [row for row in rows if row[CURRENT] is None]
    assert len(bad) == 3
    assert all(row["quality"][CURRENT] == "BAD TIMEOUT" for row in bad)


def test_triggers_that_overlap_extend_one_snapshot_up_to_its_bound(tmp_path: Path) -> None:
    plant = Plant(tmp_path, settings(length_s_max=100))
    plant.run(30)
    for number in range(20):
        plant.trigger(kind=f"residual{number}", level=2)
        plant.run(10)
    ended = [entry.card for entry in plant.keeper.shelf.entries.values() if entry.card.state == WHOLE]
    assert 1 <= len(plant.files()) <= 3
    first = min(ended, key=lambda card: card.begun_ms)
    assert first.to_ms - first.begun_ms == 100_000
    assert len(first.triggers) + first.triggers_more >= 10
    manifest = check(plant.keeper.shelf.file(first.id).read_bytes()).manifest
    assert manifest is not None
    assert len(manifest.triggers) == len(first.triggers) + first.triggers_more


def test_a_run_that_was_killed_leaves_a_cut_snapshot_that_the_next_one_ends(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.run(60)
    plant.trigger()
    plant.run(10)
    (file,) = plant.files()
    assert check(file.read_bytes()).end == "open"
    again = Plant(tmp_path, clock=plant.clock)
    verdict = check(file.read_bytes())
    assert (verdict.end, verdict.faults) == (CUT, [])
    (card,) = [entry.card for entry in again.keeper.shelf.entries.values()]
    assert (card.state, card.size) == (CUT, file.stat().st_size)
    again.run(5)
    again.trigger()
    again.keeper.close()
    manifest = check(again.files()[-1].read_bytes()).manifest
    assert manifest is not None
    assert manifest.to_ms - manifest.from_ms > 50_000, "the ring has what was before the restart"


def test_the_bound_of_the_day_leaves_room_for_safety(tmp_path: Path) -> None:
    plant = Plant(tmp_path, settings(day_bytes_max=1 << 18))
    plant.run(60)
    plant.trigger()
    plant.keeper.close()
    plant.keeper.shelf.file(next(iter(plant.keeper.shelf.entries))).write_bytes(b"x" * (1 << 18))
    plant.trigger()
    plant.keeper.close()
    assert len(plant.files()) == 1
    assert plant.keeper.shelf.counts.refused_day == 1
    plant.trigger(level=4)
    plant.keeper.close()
    assert len(plant.files()) == 2
    plant.clock.pass_s(86_401)
    plant.trigger()
    plant.keeper.close()
    assert len(plant.files()) == 3


def test_the_oldest_goes_first_and_safety_last(tmp_path: Path) -> None:
    plant = Plant(tmp_path, settings(bytes_max=1 << 20, ring=RingSettings(minutes=5)))
    shelf = plant.keeper.shelf
    for level in (3, 3, 4, 3):
        plant.run(5)
        plant.trigger(level=level)
        plant.keeper.close()
    idents = sorted(shelf.entries)
    for ident in idents:
        with shelf.file(ident).open("ab") as file:
            file.truncate(270_000)
    assert shelf.make_room(0)
    assert sorted(set(idents) - set(shelf.entries)) == [idents[0]]
    assert shelf.make_room(500_000)
    assert idents[2] in shelf.entries
    plant.clock.pass_s(91 * 86_400)
    assert shelf.make_room(0)
    assert not shelf.entries
    assert Shelf(plant.table, shelf.folder, plant.clock).open() == []


def test_a_file_that_was_left_is_packed_in_as_it_is(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "box")
    plant.run(5)
    left, log = tmp_path / "left", bytes(range(256)) * 1000 + b"end"
    left.write_bytes(log)
    told = Trigger(
        kind="command", charger="CP-1", t_ms=plant.clock.utc_ms, level=1, what="charger.get_log", value="l.gz"
    )
    ident = plant.keeper.pack(told, left)
    verdict = check(plant.keeper.shelf.file(ident).read_bytes())
    assert (verdict.end, verdict.faults) == (WHOLE, [])
    assert uploaded(verdict.anatomy) == log
    assert uploaded(check(_taken(plant).read_bytes()).anatomy) is None
    assert content(verdict.anatomy).unread == 0
    assert {one.kind for one in content(verdict.anatomy).happenings} == {"state"}
    card = plant.keeper.shelf.entries[ident].card
    assert (card.state, card.charger, card.triggers[0].what) == (WHOLE, "CP-1", "charger.get_log")
    assert left.exists()


def _taken(plant: Plant) -> Path:
    before = set(plant.files())
    plant.trigger()
    plant.keeper.close()
    (taken,) = set(plant.files()) - before
    return taken


def test_a_file_is_packed_within_the_bounds_of_snapshots_or_not(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "box", settings(day_bytes_max=1 << 20))
    left = tmp_path / "left"
    left.write_bytes(random.Random(7).randbytes(1_200_000))
    told = Trigger(kind="command", charger="CP-1", t_ms=plant.clock.utc_ms, level=1, what="charger.get_log", value="l")
    plant.keeper.pack(told, left)
    with pytest.raises(OSError, match="allow no more"):
        plant.keeper.pack(told, left)
    assert len(plant.files()) == 1


def test_a_snapshot_comes_again_only_when_it_has_ended(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.trigger()
    (ident,) = plant.keeper.shelf.entries
    assert plant.keeper.going("CP-1") == ident
    assert plant.keeper.shelf.again(ident) is None
    assert plant.keeper.shelf.again("0" * 32) is None
    plant.keeper.close()
    entry = plant.keeper.shelf.entries[ident]
    numbers = list(entry.upload.due(entry.card))
    for number in numbers:
        entry.upload.arrive(number)
    assert entry.upload.is_done(entry.card)
    assert plant.keeper.shelf.again(ident) == entry.card
    assert list(entry.upload.due(entry.card)) == numbers
