"""This file brings snapshots through a real outbox; it guards that a few parts wait there, and none is ever missing."""

import hashlib
from pathlib import Path
from typing import Self

from isolane.health.black_box import _Outlet
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.settings import LaneSettings
from isolane.health.recorder.settings import RecorderSettings
from isolane.health.recorder.uploader import Uploader
from isolane.wire.paper import decode_paper
from isolane.wire.snapshot import CARD, CHUNK_BYTES, CUT, OPEN, WHOLE, decode_card, decode_chunk
from isolane.wire.uplink import VERSION, Ack, Downlink, Up
from support.black_boxes import Plant
from support.outboxes import SCHEMA, TAG
from support.outboxes import settings as outbox_settings

ROOM = 3
PACE = Pace(window=20, ack_timeout_s=60.0, ledger_s=3600.0, newest_first=True)


async def inline(function):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - the test's only thread
    return function()


class Road:
    """A plant, its outbox, and a center that answers when told to."""

    def __init__(self, folder: Path, lanes: LaneSettings = LaneSettings(), plant: Plant | None = None) -> None:  # noqa: B008
        self.folder = folder
        self.plant = plant or Plant(folder, RecorderSettings(before_s=60, after_s=30))
        clock = self.plant.clock
        self.outbox = Outbox(outbox_settings(folder / "o.db", lanes=lanes), TAG, clock, SCHEMA, frozenset({"center"}))
        self.uploader = Uploader(self.plant.keeper.shelf, inline, _Outlet(self.outbox), clock, ROOM)
        self.cards: list[str] = []
        self.parts: dict[str, dict[int, bytes]] = {}
        self.most = 0

    async def __aenter__(self) -> Self:
        """Open the outbox."""
        await self.outbox.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it, as a kill might."""
        await self.outbox.close()

    async def waiting(self) -> list[tuple[tuple[int, int, int], bytes]]:
        """Give the papers in the outbox."""
        found = await self.outbox.pick("center", frozenset(), frozenset(), 1000, newest_first=True)
        return [(each.key, each.data) for each in found if each.kind is Up.PAPER]

    async def answer(self, *, is_heard: bool = True, is_read: bool = True) -> int:
        """Have the center take all that waits; give how much."""
        papers = await self.waiting()
        for key, data in papers:
            paper = decode_paper(data, TAG)
            if paper.kind == CARD:
                self.cards.append(decode_card(paper.body).state)
            elif is_read:
                chunk = decode_chunk(paper.body)
                self.parts.setdefault(chunk.snapshot, {})[chunk.number] = chunk.data
            if is_heard:
                self.uploader.heard([key])
        await self.outbox.settle("center", [key for key, _ in papers], [], [])
        return len(papers)

    async def rounds(self, most: int = 100) -> None:
        """Step and answer until nothing waits."""
        for _ in range(most):
            await self.uploader.step()
            papers = [decode_paper(data, TAG) for _, data in await self.waiting()]
            self.most = max(self.most, sum(1 for paper in papers if paper.kind != CARD))
            if not await self.answer():
                return

    def assert_is_there(self, state: str = WHOLE) -> None:
        """Hold that the center has every snapshot, byte for byte."""
        for ident, entry in self.plant.keeper.shelf.entries.items():
            assert entry.card.state == state
            parts = self.parts[ident]
            data = b"".join(parts[number] for number in range(len(parts)))
            assert hashlib.sha256(data).hexdigest() == entry.card.sha256
            assert entry.upload.is_done(entry.card)


def grown(plant: Plant, size: int = 5 * CHUNK_BYTES + 77) -> None:
    """Make the snapshots as large as those of a large site, which takes no time here."""
    for entry in plant.keeper.shelf.entries.values():
        path = plant.keeper.shelf.file(entry.card.id)
        path.write_bytes(path.read_bytes().ljust(size, b"\x00"))
        plant.keeper._close(entry, entry.card.state, size)


async def test_the_card_comes_at_once_and_the_file_in_parts_a_few_at_a_time(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        road.plant.run(30)
        road.plant.trigger()
        await road.uploader.step()
        tally = road.outbox.tally
        assert tally.bytes_by_lane[Lane.ALARM]
        assert not tally.bytes_by_lane[Lane.SNAPSHOT]
        await road.answer()
        road.plant.run(60)
        grown(road.plant)
        await road.rounds()
        assert road.cards == [OPEN, WHOLE]
        assert road.most == ROOM
        road.assert_is_there()
        counts = road.uploader.counts
        assert (counts.done, counts.again, counts.put) == (1, 0, counts.arrived)


async def test_what_was_under_way_at_a_kill_is_known_to_the_next_run(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        road.plant.run(30)
        road.plant.trigger()
        road.plant.run(20)
        await road.uploader.step()
    plant = Plant(tmp_path, clock=road.plant.clock)  # ends what was cut
    async with Road(tmp_path, plant=plant) as second:
        grown(plant)
        await second.uploader.step()
        assert len(await second.waiting()) == 2 + ROOM
    plant = Plant(tmp_path, clock=plant.clock)
    async with Road(tmp_path, plant=plant) as third:
        await third.uploader.step()
        assert len(await third.waiting()) == 2 + ROOM, "none was put twice"
        await third.rounds()
        third.assert_is_there(CUT)
        assert third.uploader.counts.again == 0


async def test_an_answer_that_a_kill_took_has_its_part_come_again_at_once(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        road.plant.run(30)
        road.plant.trigger()
        road.plant.run(60)
        grown(road.plant)
        await road.uploader.step()
        await road.answer(is_heard=False)
    async with Road(tmp_path, plant=Plant(tmp_path, clock=road.plant.clock)) as again:
        await again.rounds()
        again.assert_is_there()
        assert again.uploader.counts.again == ROOM + 1


async def test_a_part_that_a_full_lane_dropped_is_put_again_later(tmp_path: Path) -> None:
    async with Road(tmp_path, LaneSettings(snapshot_bytes_max=1 << 18)) as road:
        road.plant.run(30)
        road.plant.trigger()
        road.plant.run(60)
        grown(road.plant)
        await road.uploader.step()
        for _ in range(3):  # somebody else's
            await _Outlet(road.outbox).put("other", bytes(CHUNK_BYTES), 0, is_urgent=False)
        assert road.outbox.tally.dropped["lane-full"] >= 1
        await road.outbox.settle("center", [key for key, _ in (await road.waiting())[-3:]], [], [])
        await road.rounds()
        (entry,) = road.plant.keeper.shelf.entries.values()
        assert not entry.upload.is_done(entry.card)
        assert road.uploader.counts.again >= 1
        road.plant.clock.pass_s(61)
        await road.rounds()
        road.assert_is_there()


async def test_what_only_another_system_took_is_not_at_the_center(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        road.plant.run(30)
        road.plant.trigger()
        road.plant.run(60)
        put = []
        for _ in range(8):
            await road.uploader.step()
            put.append(await road.answer(is_heard=False))
            road.plant.clock.pass_s(600)
        (entry,) = road.plant.keeper.shelf.entries.values()
        assert not entry.upload.is_done(entry.card)
        assert 4 <= sum(map(bool, put)) < 8, "ever more seldom"


async def test_the_worst_goes_first_and_a_center_that_has_it_makes_it_the_first_to_go(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        for level in (2, 4, 3):
            road.plant.run(10)
            road.plant.trigger(level=level)
            road.plant.keeper.close()
        grown(road.plant, 2 * CHUNK_BYTES)
        shelf = road.plant.keeper.shelf
        order = sorted(shelf.entries, key=lambda ident: -shelf.entries[ident].card.level)
        await road.uploader.step()
        await road.answer()
        assert list(road.parts) == order[:2]
        await road.uploader.step()
        assert shelf.entries[order[0]].upload.is_done(shelf.entries[order[0]].card)
        assert shelf.make_room(RecorderSettings().bytes_max - 5 * CHUNK_BYTES)
        assert sorted(shelf.entries) == sorted(order[1:]), "the center has the one of level 4"


async def test_a_file_that_is_gone_or_changed_is_not_sent(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        road.plant.run(30)
        road.plant.trigger()
        road.plant.keeper.close()
        (file,) = road.plant.files()
        with file.open("r+b") as open_:
            open_.truncate(10)
        await road.rounds()
        assert (road.cards, road.parts) == ([WHOLE], {})
        file.unlink()
        road.plant.clock.pass_s(100)
        await road.rounds()
        assert not road.parts


async def test_only_papers_that_were_acknowledged_count_as_heard(tmp_path: Path) -> None:
    async with Road(tmp_path) as road:
        road.uploader.heard([(1, 0, 5), (1, 15, 6)])
        assert road.uploader._heard == {(1, 15, 6)}
        cursor = road.outbox.cursor("center", PACE)
        await cursor.answer(Downlink(VERSION, (Ack(1, 15, (1 << 62,)),)))
        await road.uploader.step()
        assert not road.uploader._heard
