"""This file brings notes to a gateway's room of commands; it guards that an older center is told and nothing lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.health.command_room import CommandRoom
from isolane.health.commands.settings import CommandSettings
from isolane.security.envelope import STATEMENT, parse
from isolane.wire.command import Statement, read
from isolane.wire.errand import Down, Stated, decode_stated
from support.commanded import GATEWAY, HandClock, People


class Room:
    """A room on a folder; `restart` is what a reboot is."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.people, self.clock = folder, People(folder), HandClock()
        (folder / "keys.jws").write_bytes(self.people.manifest(1))
        self.brought: asyncio.Queue[tuple[Down, bytes]] = asyncio.Queue()
        self.told: asyncio.Queue[bytes] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[CommandRoom]:
        settings = CommandSettings(key=self.folder / f"{GATEWAY}-viewer.pem", manifest=self.folder / "keys.jws")
        site = Site(name="site", gateway=GATEWAY, run_dir=self.folder)
        room = CommandRoom(site, settings, self.folder / "commands", self.clock, lambda: True)
        room.open([], lambda _: True, self._put, self.told.put)
        task = asyncio.create_task(room.run(self.brought.get))
        try:
            yield room
        finally:
            task.cancel()
            await asyncio.wait({task})
            room.close()

    async def _put(self, _kind: str, _body: bytes, _at_ms: int) -> None:
        return None

    async def stated(self) -> tuple[Stated, str]:
        """Wait for a statement; give it and its checkpoint, which a center may co-sign."""
        async with asyncio.timeout(10):
            said = decode_stated(await self.told.get())
        return said, read(parse(said.statement.encode(), STATEMENT).payload, Statement).checkpoint

    async def grown(self, room: CommandRoom, note: str) -> tuple[Stated, str]:
        """Write a line, then have a note brought; give what is stated then."""
        room.journal.append("boot", {"boot": "again"})
        self.brought.put_nowait((Down.NOTE, note.encode()))
        return await self.stated()


@pytest.fixture
def ground(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def test_an_older_note_is_told_written_down_and_does_not_replace_the_newer_one(
    ground: Room, caplog: pytest.LogCaptureFixture
) -> None:
    kept = ground.folder / "commands/witness.note"
    async with ground.running() as room:
        _, first = await ground.stated()
        said, second = await ground.grown(room, first)
        assert (said.old, kept.read_text("utf-8")) == (1, first)
        said, third = await ground.grown(room, second)
        assert (said.old, kept.read_text("utf-8")) == (2, second)
        assert "type=rollback" not in caplog.text
        # The center has no more than the first: it is given the proof from there, so that it can go on.
        said, _ = await ground.grown(room, first)
        assert (said.old, kept.read_text("utf-8")) == (1, second)
        assert caplog.text.count("type=rollback") == 1
        assert "note: of 1 lines after one of 2" in caplog.text
        ground.clock.pass_s(61)
        async with asyncio.timeout(10):
            while b'"counts":{"note rollback":1}' not in (ground.folder / "commands/audit/journal.jsonl").read_bytes():
                await asyncio.sleep(0.05)
        said, _ = await ground.grown(room, third)
        assert (said.old, kept.read_text("utf-8")) == (3, third)
    async with ground.running():
        said, _ = await ground.stated()
        assert said.old == 3
        ground.brought.put_nowait((Down.NOTE, first.encode()))
        assert (await ground.stated())[0].old == 1
    assert caplog.text.count("type=rollback") == 2
    assert kept.read_text("utf-8") == third
