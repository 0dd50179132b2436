"""This file brings a backup of last week back (OC-22); it guards that what was revoked since does not come with it.

A gateway of A's that takes commands has gone on meanwhile, with newer keys and a newer checkpoint: older_center.py.

The backup is as old as its manifest says; what is done after it is done at once and not a week later, which makes no
difference to a log that asks no clock.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

import numpy as np
from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move, sentence, step
from bench.attack.operations.ground import CHARGER, GATEWAY, PASSWORD, SITE, T0_MS, Actor, Center
from bench.attack.operations.older_center import found_out, go_on, last_week
from bench.attack.operations.request import Reply

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, BlockArrival, LedgerArrival, Origin, SchemaArrival
from isolane.center.store.settings import StoreSettings
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import LedgerEntry, LedgerStatement

sentence("revocations", "re-applied from append-only log")
_NEW_PASSWORD = "another canary sentence"  # noqa: S105 - of a center that lives for one case
_STREAM = 3
_ROWS = 10
_AGE_MS = {"backup-7d": 7 * 86_400_000}


@step("restore")
async def restore(move: Move) -> None:
    """Save, revoke one of each thing, restore, and try all that was revoked; then once more without the log."""
    if move.arg not in _AGE_MS:
        raise UnknownError(f"restore {move.arg!r}")
    center = move.center
    center.suspects.add("rollback")
    admin = await center.person("*", "admin")
    tokens = [await _token(center, admin, name) for name in ("kept", "revoked")]
    await _must(center.ask(admin, "PUT", "/api/v1/tenants/a/sites/yard"))
    victim = await center.person("A", "viewer")
    await _block(center, 1, states=False)
    week = await last_week(center)
    await run_cli(center, "backup", str(center.folder / "saved"))
    _age(center, _AGE_MS[move.arg])
    await _take(center, admin, tokens[1][0])
    await go_on(week)
    await _block(center, 2, states=False)
    wrong = await _bring_back(center, "--revocations", str(center.folder / "old/revocations.log"))
    wrong += await _alive(center, tokens[1][1], [victim, admin])
    wrong += await _controls(center, tokens[0][1])
    wrong += await _hole(center)
    center.measures["gateways_detect"] = "; ".join((await found_out(week))[:6])
    center.deeds += [("restored", "made"), ("token-revoked", str(tokens[1][0])), ("site-assigned", "yard")]
    center.deeds += [("user-changed", f"a-{role}") for role in ("dispatcher", "engineer", "technician")]
    center.measures["revocations"] = "; ".join(wrong)


async def _token(center: Center, admin: Actor, name: str) -> tuple[int, str]:
    body = {"name": name, "scopes": ["telemetry:read"], "tenants": ["a"], "days": 30}
    made = json.loads((await _must(center.ask(admin, "POST", "/api/v1/tokens", body))).body)
    return made["token"]["number"], made["secret"]


async def _must(asking: Awaitable[Reply]) -> Reply:
    """Wait for an answer that must be a yes.

    Raises:
        RuntimeError: It is none: what is tried afterwards would prove nothing.
    """
    reply = await asking
    if reply.status not in {200, 201, 204}:
        raise RuntimeError(f"{reply.asked[:60]!r} got {reply.status}: {reply.body[:200]!r}")
    return reply


async def _take(center: Center, admin: Actor, token: int) -> None:
    """Take something of each kind from somebody."""
    await _must(center.ask(admin, "DELETE", f"/api/v1/tokens/{token}"))
    for role, change in {
        "dispatcher": {"disabled": True}, "engineer": {"role": "viewer"}, "technician": {"password": _NEW_PASSWORD},
    }.items():  # fmt: skip
        await _must(center.ask(admin, "PATCH", f"/api/v1/users/a-{role}", change))
    await _must(center.ask(admin, "PUT", "/api/v1/tenants/b/sites/yard"))


async def _alive(center: Center, token: str, old: list[Actor]) -> list[str]:
    """Try what was revoked; give what works."""
    wrong = []
    program = Actor("revoked", "", "A", token=token)
    tried: list[tuple[str, Actor]] = [
        ("the revoked token", program),
        *((f"{one.name}'s old session", one) for one in old),
    ]
    for what, actor in tried:
        if (await center.ask(actor, "GET", "/api/v1/sites")).status != 401:
            wrong.append(f"{what} is good")
    for who, password in (("dispatcher", PASSWORD), ("technician", PASSWORD), ("technician", _NEW_PASSWORD)):
        body = {"name": f"a-{who}", "password": password}
        if (await center.ask(Actor("", "", "A"), "POST", "/api/v1/session", body)).status != 401:
            wrong.append(f"{who} of A is let in")
    engineer = await center.person("A", "engineer")
    plate = {"site": SITE["A"], "charger": CHARGER["A"], "model": "x", "rated_w": 1}
    if (await center.ask(engineer, "POST", "/api/v1/kpis/nameplates", plate)).status != 403:
        wrong.append("who is no engineer any more may what engineers may")
    return wrong


async def _controls(center: Center, token: str) -> list[str]:
    """See that the rest works: a center that lets nobody in has nothing to show."""
    await _must(center.ask(Actor("kept", "", "A", token=token), "GET", "/api/v1/sites"))
    admin = await center.person("*", "admin")
    await center.person("A", "viewer")
    tenants = {
        one["name"]: one["sites"] for one in json.loads((await center.ask(admin, "GET", "/api/v1/tenants")).body)
    }
    return [] if "yard" in tenants["b"] and "yard" not in tenants["a"] else ["the site has its former tenant again"]


async def _hole(center: Center) -> list[str]:
    """Let the gateway state its books: what was acknowledged after the backup must be shown as missing."""
    await _block(center, 2, states=True)
    admin = await center.person("*", "admin")
    lines = json.loads((await center.ask(admin, "GET", f"/api/v1/ledger?site={SITE['A']}")).body)
    found = [line for line in lines if line["stream"] == _STREAM]
    verdicts = [(line["verdict"], [(hole["first"], hole["last"]) for hole in line["holes"]]) for line in found]
    if verdicts != [("hole", [(2, 2)])]:
        return [f"a block that was acknowledged after the backup is missing, and the ledger says {verdicts}"]
    return []


async def _block(center: Center, sequence: int, *, states: bool) -> None:
    """Have the gateway of A send a block, or only its books up to it; through the stores."""
    await center.process.stop()
    data = center.folder / "data"
    origin = Origin(SITE["A"], GATEWAY["A"], T0_MS)
    schema = Schema.of((Signal(CHARGER["A"], "1.0/EVSE/Restored", "W", 1.0),))
    catalogue = SqlCatalogue(open_database(data / "catalogue.sqlite3"))
    telemetry = EmbeddedTelemetry(data / "telemetry", StoreSettings())
    try:
        if states:
            entry = LedgerEntry(T0_MS, _STREAM, sequence, _ROWS * sequence, _ROWS * sequence, 0, 0, {})
            batch = Batch(ledgers=(LedgerArrival(origin, LedgerStatement(1, T0_MS, (entry,))),))
        else:
            batch = Batch((_arrival(origin, schema, sequence),), (SchemaArrival(origin, schema),))
        await telemetry.commit(batch)
        await catalogue.record(batch)
    finally:
        await telemetry.close()
        await catalogue.close()
    await center.start()


def _arrival(origin: Origin, schema: Schema, sequence: int) -> BlockArrival:
    values = np.full((1, _ROWS), sequence, np.int64)
    codes = np.zeros((1, _ROWS), np.uint8)
    key = BlockKey(T0_MS, _STREAM, sequence)
    block = Block(key, schema.id, T0_MS + _ROWS * 1000 * sequence, 1000, values, codes, floats=schema.floats)
    data = encode(block, gateway_tag(origin.site, origin.gateway))
    return BlockArrival(origin, block, data, len(data))


def _age(center: Center, by_ms: int) -> None:
    """Make the backup say that it is so old."""
    file = center.folder / "saved/manifest.json"
    manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    manifest["made_ms"] -= by_ms
    file.write_text(json.dumps(manifest), encoding="utf-8")


async def _bring_back(center: Center, *words: str) -> list[str]:
    """Restore as a person does: what does not name the log must be refused, and without it nothing may work."""
    await center.process.stop()
    (center.folder / "data").rename(center.folder / "old")
    wrong = []
    saved = str(center.folder / "saved")
    if await run_cli(center, "restore", saved, may_fail=True) == 0:
        wrong.append("a backup is restored by who does not know what was revoked")
        await asyncio.to_thread((center.folder / "data").rename, center.folder / "strange")
    await run_cli(center, "restore", "--revoke-all", saved)
    await center.start()
    for one in ("viewer", "admin"):
        body = {"name": f"a-{one}", "password": PASSWORD}
        if (await center.ask(Actor("", "", ""), "POST", "/api/v1/session", body)).status != 401:
            wrong.append(f"without the log {one} of A is let in")
    await center.process.stop()
    (center.folder / "data").rename(center.folder / "revoked")
    center.process.log.unlink()  # the first restore was told of in it, and only one is the case's
    await run_cli(center, "restore", *words, saved)
    await center.start()
    return wrong


async def run_cli(center: Center, *words: str, may_fail: bool = False) -> int:
    """Run `isolane center ...` with the center's settings; give its exit code.

    Raises:
        RuntimeError: It failed and may not.
    """
    settings = str(center.folder / "center.toml")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "isolane", "center", words[0], "-c", settings, *words[1:]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode and not may_fail:
        raise RuntimeError(f"isolane center {words[0]}: {said.decode().strip()[-300:]}")
    return process.returncode or 0
