"""This file runs a whole center with users of two tenants; it guards that tests log in as people do.

Tenant north has the site depot with CP-N, tenant south the site harbour with CP-SOUTH.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from argon2 import PasswordHasher

from isolane.center.app import _Center
from isolane.center.people.sessions import digest
from isolane.center.people.settings import AccessSettings
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.people_records import MachineToken, Note, PeopleRecords, Person
from isolane.center.store.people_views import Role, Scope
from isolane.center.store.port import Batch, PoisonArrival
from isolane.config.values import Address
from isolane.wire.uplink import Up
from support.gateways import T0_MS, FakeGateway, power

PASSWORD = "correct horse battery"
NORTH, SOUTH = "depot", "harbour"
_STORED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_NOTE = Note(T0_MS, "test", "made", "", "")
FAR_MS = 4_000_000_000_000
_ANSWER_S = 60.0
"""A log-in is 50 ms of one core, of a busy machine more."""


class Front:
    """A running center; `url` is its address."""

    def __init__(self, folder: Path, access: AccessSettings | None = None) -> None:
        self.settings = CenterSettings(
            data=folder, console=Address("127.0.0.1", 0), access=access or AccessSettings(burst_requests=100_000)
        )
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Front"]:
        """Serve, and stop in order at the end."""
        async with AsyncExitStack() as closing:
            self.catalogue = SqlCatalogue(open_database(self.settings.data / "catalogue.sqlite3"))
            closing.push_async_callback(self.catalogue.close)
            telemetry = EmbeddedTelemetry(self.settings.data / "telemetry", self.settings.store)
            closing.push_async_callback(telemetry.close)
            self.records = PeopleRecords(self.catalogue)
            self.telemetry = telemetry
            self.center = _Center(self.settings, self.catalogue, telemetry)
            closing.callback(self.center.office.close)
            serving = asyncio.create_task(self.center.console.run())
            self.url = self.center.url
            yield self
            await self.center.live.close()
            self.center.console.stop()
            await serving

    async def fill(self) -> None:
        """Let both sites send, and give them to their tenants."""
        for site, gateway, charger in ((NORTH, "gw-n", "CP-N"), (SOUTH, "gw-south", "CP-SOUTH")):
            one = FakeGateway(site, gateway)
            schema = one.schema(power(charger))
            await self.catalogue.admit(one.origin())
            poison = PoisonArrival(one.origin(), Up.BLOCK, "", f"torn at {site}", b"x")
            batch = Batch((one.block(schema.schema, [[1, 2]]),), (schema,), poison=(poison,))
            await self.telemetry.commit(batch)
            await self.catalogue.record(batch)
        for tenant, site in (("north", NORTH), ("south", SOUTH)):
            await self.records.add_tenant(tenant, _NOTE)
            await self.records.assign(site, tenant, _NOTE)

    async def add(self, name: str, role: Role = Role.ADMIN, tenants: str = "*") -> str:
        """Add a user with PASSWORD; gives the name."""
        person = Person(
            name=name, role=role, tenants=tenants, password=_STORED, subject=None, disabled=False, created_ms=T0_MS
        )
        assert await self.records.add_person(person, _NOTE)
        return name

    async def token(self, secret: str, scopes: list[Scope], tenants: str = "*", expires_ms: int = FAR_MS) -> int:
        """Keep a token with a secret of our choice."""
        token = MachineToken(
            number=0,
            id=digest(secret),
            name="robot",
            scopes=" ".join(scopes),
            tenants=tenants,
            created_ms=T0_MS,
            created_by="test",
            expires_ms=expires_ms,
            revoked_ms=None,
        )
        return await self.records.add_token(token, _NOTE)

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Give somebody who has not logged in."""
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=_ANSWER_S)

    async def log_in(self, name: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """Give somebody who has."""
        async with self.client() as first:
            answer = await first.post("/api/v1/session", json={"name": name, "password": password})
            assert answer.status_code == 200, answer.text
        client = self.client()
        client.cookies.update(first.cookies)
        return client
