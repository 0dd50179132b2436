"""This file is a center, a real gateway process and the people between them; it guards nothing itself.

The center runs inside the test, so that a test can be whoever owns it: its database, its links, its own key.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization as form
from sqlalchemy import select
from sqlalchemy.orm import Session

from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.settings import HttpsIngest, MqttIngest
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_tables import CommandRow
from isolane.center.store.command_views import CommandHistory, CommandState, GatewayStatement, ProposedCommand
from isolane.center.store.command_witness import Witness
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.settings import StoreSettings
from isolane.center.ways_in import WaysIn
from isolane.config.values import Address
from support.broker import Broker, Pki
from support.health_process import Health
from support.outboxes import GATEWAY
from support.proposals import Signatories, asked, signed_by
from support.signers import Holder, holder

_COMMANDS = """
[health.commands]
key = "{key}"
manifest = "{manifest}"
state = "commands"
"""
_WAIT_S = 60.0


class CommandSite:
    """One gateway with commands, and its center.

    Args:
        folder: For all of it.
        pki: Certificates.
        way: "mqtt" or "https".
    """

    def __init__(self, folder: Path, pki: Pki, way: str) -> None:
        self.people = Signatories(folder / "people")
        self.gateway_key = holder(folder, GATEWAY, "viewer").signer
        self.box = folder / "box"
        self.box.mkdir()
        manifest = self.box / "keys.jws"
        manifest.write_bytes(self.people.manifest(1))
        self.broker = Broker(folder, pki) if way == "mqtt" else None
        self._tasks: list[asyncio.Future[None]] = []
        self.catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
        self.telemetry = EmbeddedTelemetry(folder / "telemetry", StoreSettings(hot_minutes=1))
        self.commands = SqlCommands(self.catalogue)
        self.desk = CommandDesk(self.catalogue, Witness("center", holder(folder, "witness", "viewer").signer))
        settings = CenterSettings(data=folder)
        if self.broker is None:
            https = HttpsIngest(
                address=Address("127.0.0.1", 0),
                certificate=pki.server.certificate,
                key=pki.server.key,
                client_ca=pki.ca,
            )
            settings = CenterSettings(data=folder, https=https)
        else:
            mqtt = MqttIngest(
                host="127.0.0.1",
                port=self.broker.port,
                ca=pki.ca,
                certificate=pki.center.certificate,
                key=pki.center.key,
                reconnect_s_max=0.2,
                answer_s=0.1,
            )
            settings = CenterSettings(data=folder, mqtt=mqtt)
        self.ways_in = WaysIn(settings, self.catalogue, self.telemetry, IngestCounters())
        if self.broker is None:
            link = f'type = "https"\nurl = "https://127.0.0.1:{self.ways_in.servers[0].address.port}"\n'
        else:
            link = f'type = "mqtt"\nhost = "127.0.0.1"\nport = {self.broker.port}\n'
        key = folder / f"{GATEWAY}-viewer.pem"
        self.health = Health(self.box, pki, link + _COMMANDS.format(key=key, manifest=manifest))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["CommandSite"]:
        """Run center and broker, tell the center its keys, start the gateway; end all of them."""
        if self.broker is not None:
            self.broker.start()
        tasks = self._tasks = [asyncio.ensure_future(task()) for task in (*self.ways_in.tasks.values(), self.desk.run)]
        serving = [asyncio.create_task(server.run()) for server in self.ways_in.servers]
        try:
            public = self.gateway_key.public_key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
            await self.commands.enrol(GATEWAY, public, "test")
            await self.commands.take_manifest(self.people.manifest(1), "test")
            await self.restart()
            yield self
        finally:
            self.health.kill()
            self.ways_in.relay.end()
            for server in self.ways_in.servers:
                server.stop()
            await asyncio.gather(*serving)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.catalogue.close()
            await self.telemetry.close()
            if self.broker is not None:
                self.broker.stop()

    async def restart(self) -> GatewayStatement:
        """Start the gateway again, killed before; give what it states then."""
        self.health.kill()
        before = await self.commands.statement(GATEWAY)
        await self.health.start()
        end = time.monotonic() + _WAIT_S
        while True:
            now = await self.commands.statement(GATEWAY)
            if now is not None and (before is None or now.boot != before.boot):
                return now
            self.check(end)
            await asyncio.sleep(0.05)

    def check(self, end: float, *told: object) -> None:
        """Fail when it takes too long, or something of the center has ended."""
        for task in self._tasks:
            if task.done():
                task.result()
        assert time.monotonic() < end, (told, self.health.text[-3000:])

    async def propose(self, verb: str) -> ProposedCommand:
        """Propose something in ann's name."""
        return await self.commands.propose(asked(verb, GATEWAY))

    async def run(self, verb: str, *people: Holder) -> CommandHistory:
        """Propose, have people sign, and wait for how it ends."""
        ready = await signed_by(self.commands, await self.propose(verb), people or (self.people.ann,))
        assert ready.state == CommandState.READY
        return await self.ended(ready.jti)

    async def ended(self, jti: str) -> CommandHistory:
        """Wait until the gateway has said how a command ended."""
        end = time.monotonic() + _WAIT_S
        while True:
            found = await self.commands.one(jti)
            assert found is not None
            if any(each.state != "accepted" for each in found.receipts):
                return found
            self.check(end, found.command.state)
            await asyncio.sleep(0.05)

    async def bring(self, like: ProposedCommand, envelope: bytes) -> None:
        """Be the center, without a key: bring any bytes to the gateway in the place of a command."""
        now_ms = time.time_ns() // 1_000_000

        def change(session: Session) -> None:
            row = session.scalars(select(CommandRow).filter_by(jti=like.jti)).one()
            row.envelope, row.state, row.sent_ms = envelope, CommandState.READY, 0
            row.exp_ms = now_ms + 600_000

        await self.catalogue.write(change)

    async def counted(self, state: str, reason: str = "") -> float:
        """Give how many commands have ended so at the gateway, since it started; 0 while it is too busy to tell."""
        name = f'isolane_health_commands_total{{reason="{reason}",state="{state}"}}'
        with contextlib.suppress(OSError):
            return (await asyncio.to_thread(self.health.metrics)).get(name, 0.0)
        return 0.0

    async def refused(self, reason: str, least: float = 1) -> None:
        """Wait until the gateway has refused so many for a reason."""
        end = time.monotonic() + _WAIT_S
        while await self.counted("refused", reason) < least:
            self.check(end, reason)
            await asyncio.sleep(0.2)
