"""This file stands the operations center up; it guards that each case has a real one, with tenants A and B, of its own.

Tenant A has the site depot, tenant B the site harbour. What is B's alone and nobody names in a request is a canary.
"""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from argon2 import PasswordHasher
from bench.attack.operations.proposals import fill_proposals
from bench.attack.operations.request import LISTEN_S, Reply, compose, of_json, send
from bench.attack.process import Process, Use

from isolane.center.people.sessions import digest
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.people_records import MachineToken, Note, PeopleRecords, Person
from isolane.center.store.people_views import Role, Scope
from isolane.center.store.port import Batch, BlockArrival, Origin, SchemaArrival
from isolane.center.store.settings import StoreSettings
from isolane.core.signals import Signal
from isolane.security.authority import Authority
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema

PASSWORD = "canary horse battery staple"  # noqa: S105 - of a center that lives for one case
SITE = {"A": "depot", "B": "harbour"}
CHARGER = {"A": "CP-A", "B": "CP-HARBOUR"}
GATEWAY = {"A": "gw-a", "B": "gw-canary-b"}
SIGNAL = {"A": "1.0/EVSE/Power", "B": "1.0/EVSE/Canary"}
OF_B = tuple(word.encode() for word in (SITE["B"], CHARGER["B"], GATEWAY["B"], SIGNAL["B"], "b-viewer"))
"""Words that tell of tenant B."""
SECRETS = (b"$argon2", PASSWORD.encode())
T0_MS = 1_700_000_040_000
_FAR_MS = 4_000_000_000_000
_NOTE = Note(T0_MS, "attack", "made", "", "")
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_PEOPLES = (
    "tenant", "site_tenant", "person", "machine_token", "alert_silence", "kpi_exclusion", "kpi_nameplate",
    "snapshot_hold", "command_signature",
)  # fmt: skip
"""Tables that only people write to; the others the center writes to by itself, all the time."""
_PROPOSED = "SELECT jti, digest, payload, proposed_by, state = 'withdrawn' FROM command"
"""Of a command, what only people change: it expires by itself."""


@dataclass
class Actor:
    """Somebody at the center: a person with a cookie, a program with a token, or nobody.

    Attributes:
        tenant: A, B, or * for all.
    """

    name: str
    role: str
    tenant: str
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    form_token: str = ""

    def fields(self) -> list[str]:
        """Give the headers that say who asks."""
        lines = [f"Authorization: Bearer {self.token}"] if self.token else []
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        return lines


@dataclass
class Center:
    """A running center.

    Attributes:
        heard: What actors of tenant A were answered.
        measures: By expectation's name, as in `Proof`.
        quick: Whether long times are to be short.
        base: What the process held before the steps, and the bytes on its disk; None where nobody asks.
        watch: How late the loop was, from watch.py.
        suspects: Types of security event that what was done may cause; any other is a wrong one.
        deeds: Lines of the audit that there must be: what, and a word of the subject.
        filled: Rows by table that there were before anybody did anything.
        canaries: What must not be found any more.
        kept: What a step leaves for the next, and for what is observed.
    """

    folder: Path
    process: Process
    port: int = 0
    ingest: str = ""
    began: float = 0.0
    heard: list[Reply] = field(default_factory=list)
    measures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seeded: list[str] = field(default_factory=list)
    pid: int = 0
    quick: bool = False
    base: tuple[Use, int] | None = None
    watched_pid: int = 0
    watch: dict[str, Any] = field(default_factory=dict)
    suspects: set[str] = field(default_factory=set)
    deeds: list[tuple[str, str]] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)
    canaries: list[bytes] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)

    async def ask(
        self,
        actor: Actor,
        method: str,
        target: str,
        content: object = None,
        *,
        fields: tuple[str, ...] = (),
        body: bytes = b"",
        own_page: bool = False,
        listen_s: float = LISTEN_S,
    ) -> Reply:
        """Ask as an actor; `own_page` sends what a browser adds on a page of the center's."""
        lines = [f"Host: 127.0.0.1:{self.port}", *actor.fields(), *fields]
        if content is not None:
            body, lines = of_json(content), [*lines, "Content-Type: application/json"]
        if own_page:
            lines += [f"Origin: http://127.0.0.1:{self.port}", "Sec-Fetch-Site: same-origin"]
        reply = await send(self.port, compose(method, target, lines, body), listen_s=listen_s)
        if actor.tenant == "A":
            self.heard.append(reply)
        return reply

    async def log_in(self, name: str, role: str = "", tenant: str = "", password: str = PASSWORD) -> Actor:
        """Log a person in.

        Raises:
            RuntimeError: He is not let in.
        """
        nobody = Actor("", "", "")
        reply = await self.ask(nobody, "POST", "/api/v1/session", {"name": name, "password": password})
        if reply.status != 200:
            raise RuntimeError(f"{name} cannot log in: {reply.raw[:300]!r}")
        actor = Actor(name, role, tenant, reply.cookies())
        page = (await self.ask(actor, "GET", "/account")).body.decode()
        actor.form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
        return actor

    async def person(self, tenant: str, role: str) -> Actor:
        """Log somebody of a role and a tenant in."""
        return await self.log_in(f"{_word(tenant)}-{role}", role, tenant)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give all that people have made or changed."""
        rows = {name: self.select(f'SELECT * FROM "{name}"') for name in _PEOPLES}  # noqa: S608 - our words
        return {**rows, "command": self.select(_PROPOSED)}

    def select(self, question: str) -> list[tuple[Any, ...]]:
        """Ask the catalogue."""
        with contextlib.closing(sqlite3.connect(self.folder / "data/catalogue.sqlite3")) as database:
            return database.execute(question).fetchall()

    def jti(self, tenant: str) -> str:
        """Name the command that is proposed to a tenant's gateway."""
        first = "SELECT jti FROM command WHERE gateway = ? ORDER BY number LIMIT 1"
        with contextlib.closing(sqlite3.connect(self.folder / "data/catalogue.sqlite3")) as database:
            return str(database.execute(first, (GATEWAY[tenant],)).fetchone()[0])

    def disk_bytes(self) -> int:
        """Give the size of its files but telemetry: what gateways send is to be kept."""
        size = 0
        for path in self.folder.rglob("*"):
            if "telemetry" not in path.parts:
                with contextlib.suppress(OSError):
                    size += path.stat().st_size if path.is_file() else 0
        return size

    async def start(self) -> None:
        """Start the process and note how it is then."""
        await self.process.start()
        self.port = int(self.process.ready.partition("console=http://127.0.0.1:")[2].split()[0])
        self.ingest = "https://127.0.0.1:" + self.process.ready.partition("ingest=https://127.0.0.1:")[2].split()[0]
        self.pid, self.began = self.process.pid, time.monotonic()

    async def again(self, statement: str, *values: object) -> None:
        """Stop the center, change its catalogue, start it again: what it remembers itself is not asked then."""
        await self.process.stop()
        path = self.folder / "data/catalogue.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute(statement, values)
        await self.start()

    @property
    def foreign_bytes(self) -> int:
        """Count what tenant A has heard of B without having said it."""
        found = [word for reply in self.heard for word in OF_B if word in reply.raw and word not in reply.asked]
        return sum(map(len, found))


TOKENS = {("auditor", tenant): f"iso_auditor-{number}-".ljust(47, "x") for number, tenant in enumerate("AB*")}


def program(role: str, tenant: str) -> Actor:
    """Give a program with its token."""
    return Actor(f"{role} {tenant}", role, tenant, token=TOKENS[role, tenant])


@contextlib.asynccontextmanager
async def operations() -> AsyncIterator[Center]:
    """Start a center in a folder of its own and end it whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="attack"))
    settings = folder / "center.toml"
    settings.write_text(
        '[center]\ndata = "data"\nconsole = "127.0.0.1:0"\n[center.store]\ncache_mb = 1\n'
        '[center.https]\naddress = "127.0.0.1:0"\nclient_ca = "pki/ca.pem"\n'
        'certificate = "pki/server.pem"\nkey = "pki/server.key"\n'
        "[center.access]\nrequests_per_s = 100000\nburst_requests = 100000\n",
        encoding="utf-8",
    )
    (folder / "data").mkdir()
    authority = Authority(folder / "pki")
    authority.create("attack")
    authority.issue("server", common_name="localhost", hosts=("127.0.0.1",))
    for name in GATEWAY.values():
        authority.issue(name, common_name=name)
    center = Center(folder, Process("center", settings, folder / "center.log"))
    try:
        await _fill(folder / "data")
        tables = ("person", "tenant", "machine_token")
        center.filled = {name: center.select(f'SELECT count(*) FROM "{name}"')[0][0] for name in tables}  # noqa: S608 - our words
        await center.start()
        yield center
    finally:
        await center.process.kill()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _fill(data: Path) -> None:
    """Let both sites have sent, and give them to their tenants; add people and programs."""
    async with contextlib.AsyncExitStack() as closing:
        catalogue = SqlCatalogue(open_database(data / "catalogue.sqlite3"))
        closing.push_async_callback(catalogue.close)
        telemetry = EmbeddedTelemetry(data / "telemetry", StoreSettings())
        closing.push_async_callback(telemetry.close)
        records, stored = PeopleRecords(catalogue), _HASH.hash(PASSWORD)
        for tenant in "AB":
            batch = _batch(tenant)
            await catalogue.admit(batch.blocks[0].origin)
            await telemetry.commit(batch)
            await catalogue.record(batch)
            await records.add_tenant(_word(tenant), _NOTE)
            await records.assign(SITE[tenant], _word(tenant), _NOTE)
        for tenant in "AB*":
            sees = tenant if tenant == "*" else _word(tenant)
            for role in Role:
                name = f"{_word(tenant)}-{role}"
                await records.add_person(Person(name, role, sees, stored, None, False, T0_MS), _NOTE)
            token = digest(TOKENS["auditor", tenant])
            made = MachineToken(0, token, "auditor", str(Scope.AUDIT_READ), sees, T0_MS, "x", _FAR_MS, None)
            await records.add_token(made, _NOTE)
        places = {_word(tenant): (SITE[tenant], GATEWAY[tenant], CHARGER[tenant]) for tenant in "AB"}
        await fill_proposals(catalogue, places)


def _batch(tenant: str) -> Batch:
    origin = Origin(SITE[tenant], GATEWAY[tenant], T0_MS)
    schema = Schema.of((Signal(CHARGER[tenant], SIGNAL[tenant], "W", 1.0),))
    values = np.array([[1, 2]], np.int64)
    codes = np.zeros((1, 2), np.uint8)
    block = Block(BlockKey(T0_MS, 1, 1), schema.id, T0_MS, 1000, values, codes, floats=schema.floats)
    data = encode(block, gateway_tag(origin.site, origin.gateway))
    return Batch((BlockArrival(origin, block, data, len(data)),), (SchemaArrival(origin, schema),))


def _word(tenant: str) -> str:
    return "all" if tenant == "*" else tenant.lower()
