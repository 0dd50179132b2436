"""This file asks a center for errands; it guards who gets what, once, and that nobody waits in another's place."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from isolane.center.ingest.relay import Relay
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_views import CommandState
from isolane.wire.errand import Down, Errands
from support.proposals import Signatories, StatedGateway, asked, signed_by


class Relayed:
    """A center with one gateway that has stated itself by some way, and what is brought to it."""

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        self.catalogue, self.people = catalogue, Signatories(folder / "people")
        self.gateway = StatedGateway(folder)
        self.commands, self.desk, self.relay = SqlCommands(catalogue), CommandDesk(catalogue), Relay(catalogue)

    async def begin(self, way: str) -> None:
        await self.commands.enrol("gw-01", self.gateway.public, "ida")
        await self.commands.take_manifest(self.people.manifest(1), "rita")
        await self.state(way)

    async def state(self, way: str, keys_ver: int = 1, old: int = 0) -> None:
        await self.gateway.state(self.catalogue, self.gateway.stated(keys_ver=keys_ver, old=old), way)
        await self.desk.file()

    async def ready(self) -> str:
        return (await signed_by(self.commands, await self.commands.propose(asked()), [self.people.ann])).jti

    async def ask(self) -> Errands:
        """Ask as a gateway does, and have the center look once."""
        question = asyncio.ensure_future(self.relay.wait("gw-01", 30))
        await asyncio.sleep(0)
        await self.relay.look()
        self.relay.end()
        return await question


@pytest.fixture
def relayed(open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path) -> Relayed:
    return Relayed(open_catalogue(), tmp_path)


async def test_who_asks_gets_what_is_ready_and_gets_it_once(relayed: Relayed) -> None:
    await relayed.begin("https")
    await relayed.commands.propose(asked())
    assert not (await relayed.ask()).commands
    jti = await relayed.ready()
    found = await relayed.commands.one(jti)
    assert found is not None
    assert (await relayed.ask()).commands == (found.envelope.decode(),)
    assert not (await relayed.ask()).commands
    sent = await relayed.commands.one(jti)
    assert sent is not None
    assert sent.command.state == CommandState.SENT
    assert sent.sent_ms > time.time_ns() // 1_000_000 - 60_000


async def test_a_second_question_ends_the_first(relayed: Relayed) -> None:
    first = asyncio.ensure_future(relayed.relay.wait("gw-01", 30))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(relayed.relay.wait("gw-01", 30))
    assert await first == Errands(version=1)
    relayed.relay.end()
    await second


async def test_a_broker_gets_what_is_for_its_gateways_alone(relayed: Relayed) -> None:
    await relayed.begin("mqtt")
    await relayed.ready()
    assert not (await relayed.ask()).commands
    outgoing = relayed.relay.broker_up()
    await relayed.relay.look()
    each = outgoing.get_nowait()
    assert (each.site, each.gateway, each.kind) == ("depot", "gw-01", Down.COMMAND)
    assert 200 < each.life_s <= 300
    relayed.relay.broker_down()


async def test_keys_and_notes_go_to_who_lacks_them(relayed: Relayed) -> None:
    await relayed.begin("https")
    relayed.gateway.grow(3)
    await relayed.state("https")
    brought = await relayed.ask()
    assert brought.note.split("\n")[1] == "3"
    assert not brought.keys
    newer = relayed.people.manifest(2)
    await relayed.commands.take_manifest(newer, "rita")
    assert (await relayed.ask()).keys == newer.decode()
    await relayed.state("https", keys_ver=2, old=3)
    assert await relayed.ask() == Errands(version=1)
