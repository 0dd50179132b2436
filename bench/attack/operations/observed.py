"""This file holds the observables to the operations center; it guards that they mean there what they mean elsewhere."""

import asyncio
import collections
import re
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import numpy as np
from bench.attack.observe import BACK_S
from bench.attack.operations.canaries import places
from bench.attack.operations.gateway import posting
from bench.attack.operations.ground import CHARGER, SECRETS, SIGNAL, SITE, T0_MS, Actor, Center
from bench.attack.operations.vouching import once
from bench.attack.process import Use

from isolane.center.people.rights import RIGHTS
from isolane.core.signals import Signal

_LINES_PER_MIN = 10
_RES_SLACK = 1.05
_LAG_P99_MS_MAX = 100
_DISK_BYTES_MAX = 4 << 20
_SERIES = (
    f"/api/v1/series?site={SITE['A']}&charger={CHARGER['A']}&signal={quote(SIGNAL['A'], safe='')}"
    f"&from_ms={T0_MS}&to_ms={T0_MS + 60_000}"
)
_ROUNDS = 2
_BLOCKS, _COLUMNS, _ROWS = 30, 200, 60
_AT_ONCE = 24
_CRASHES = ("Traceback", "never retrieved", "never awaited", " CRITICAL ", " ERROR ")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EVENT = re.compile(r"security-event type=(?P<type>\S+) gateway=(?P<gateway>\S+) peer=(?P<peer>\S+)")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d+(?:Z|\+00:00)")
_PEOPLES_ROWS = {"session": "log-in", "machine_token": "token-made", "person": "user-added", "tenant": "tenant-added"}


async def warm_up(center: Center) -> None:
    """Let everything be imported and every thread be there, then note what the center holds."""
    admin = await center.person("*", "admin")
    signals = tuple(Signal("CP-WARM", f"1.0/EVSE/Warm{number}", "W", 1.0) for number in range(_COLUMNS))
    async with posting(center, "A", signals, time.time_ns() // 1_000_000_000 * 1000 - 48 * 3_600_000) as poster:
        for number in range(_BLOCKS):
            await poster.send(np.full((_COLUMNS, _ROWS), number * 1_000_003))
    for _ in range(_ROUNDS):
        for right in (right for right in RIGHTS if right.method == "GET" and not right.is_stream):
            path = re.sub(r"\{[^}]+\}", "1", right.path)
            # At once, so that each pool of threads has as many as it will ever have.
            await asyncio.gather(*(center.ask(admin, "GET", path) for _ in range(_AT_ONCE)))
        await asyncio.gather(*(center.ask(admin, "GET", "/api/v1/sites") for _ in range(_AT_ONCE)))
        await asyncio.gather(*(center.ask(Actor("", "", ""), "GET", "/login") for _ in range(_AT_ONCE)))
        await asyncio.gather(*(center.ask(admin, "GET", _SERIES) for _ in range(_AT_ONCE)))
    center.base = (center.process.use(), center.disk_bytes())


async def noentry(center: Center) -> str:
    """Tenant A has heard nothing of B that it had not said itself, and nobody a secret."""
    if not center.heard:
        return "nobody has asked anything"
    wrong = [f"{center.foreign_bytes} bytes of tenant B"] if center.foreign_bytes else []
    told = [word for reply in center.heard for word in SECRETS if word in reply.raw]
    return "; ".join(wrong + [f"the attacker was told a secret: {word!r}" for word in told[:1]])


async def alive(center: Center) -> str:
    """The same process answers, and nothing has crashed inside."""
    if not center.process.is_alive or center.process.pid != center.pid:
        return "the center is gone"
    reply = await center.ask(Actor("", "", ""), "GET", "/api/v1/healthz")
    wrong = [] if reply.status == 200 else [f"the center answers {reply.status}"]
    text = center.process.text()
    return "; ".join(wrong + [f"the center logged {sign.strip()}" for sign in _CRASHES if sign in text])


async def logsafe(center: Center) -> str:
    """One line a record, no control characters, no secret, no flood."""
    lines = [line for line in center.process.text().split("\n") if line]
    wrong = [f"control character in {line[:60]!r}" for line in lines if _CONTROL.search(line)][:1]
    wrong += [f"a line without a time: {line[:60]!r}" for line in lines if not re.match(r"^\d{4}-", line)][:1]
    wrong += ["a secret in the log"] if any(word.decode() in line for line in lines for word in SECRETS) else []
    loud = [line for line in lines if " INFO " not in line]
    most = _LINES_PER_MIN * _minutes(center)
    return "; ".join(wrong + ([f"{len(loud)} lines, as {loud[-1][:90]!r}"] if len(loud) > most else []))


async def res(center: Center) -> str:
    """Memory, descriptors and threads come back within 30 s; the loop never hung; the disk did not fill."""
    if center.base is None or center.process.pid != center.watched_pid:
        return "the center that was measured before is not this one"
    base, disk_bytes = center.base
    end = time.monotonic() + BACK_S
    while (wrong := _above(base, center.process.use())) and time.monotonic() < end:  # noqa: ASYNC110 - another process has no event
        await asyncio.sleep(0.2)
    if center.watch["lag_p99_ms"] > _LAG_P99_MS_MAX:
        late = f"the observer itself is woken late: p99 {center.watch['late_p99_ms']:.0f} ms"
        wrong.append(f"event loop p99 {center.watch['lag_p99_ms']:.0f} ms ({late})")
    grown = center.disk_bytes() - disk_bytes
    return "; ".join(wrong + ([f"{grown} bytes on the disk"] if grown > _DISK_BYTES_MAX else []))


def _above(base: Use, now: Use) -> list[str]:
    pairs = [(name, getattr(base, name), getattr(now, name)) for name in ("rss_kb", "fds", "threads")]
    return [f"{name} {before} to {after}" for name, before, after in pairs if after > before * _RES_SLACK]


async def secevent(center: Center) -> str:
    """What was done is told once: one event of a right type for each source, at most one a minute, with its time."""
    found, wrong = collections.Counter[tuple[str, str]](), []
    for line in center.process.text().splitlines():
        event = _EVENT.search(line)
        if event is not None:
            who = next((event[name] for name in ("gateway", "peer") if event[name] != "-"), "")
            found[event["type"], who] += 1
            wrong += [] if _STAMP.match(line) else [f"no UTC time: {line[:40]}"]
    if not found:
        return "no security event"
    wrong += [f"{count} events {kind} of {who}" for (kind, who), count in found.items() if count > _minutes(center)]
    others = {kind for kind, _ in found} - center.suspects
    return "; ".join(wrong + ([f"an event of the wrong type: {', '.join(sorted(others))}"] if others else []))


async def audit(center: Center) -> str:
    """Each thing that somebody has made has its line, no number is missing, and no line holds a secret."""
    lines = center.select("SELECT number, what, subject FROM audit ORDER BY number")
    numbers = [number for number, _, _ in lines]
    wrong = [] if numbers == list(range(1, len(numbers) + 1)) else ["numbers of the audit are missing"]
    said = collections.Counter(what for _, what, _ in lines)
    for table, what in _PEOPLES_ROWS.items():
        made = center.select(f'SELECT count(*) FROM "{table}"')[0][0] - center.filled.get(table, 0)  # noqa: S608 - our words
        if said[what] < made:
            wrong.append(f"{made} rows of {table}, {said[what]} lines {what}")
    wrong += [f"no line {what} about {subject}" for what, subject in center.deeds if not _tells(lines, what, subject)]
    if any(word.decode() in subject for _, _, subject in lines for word in SECRETS):
        wrong.append("a secret in the audit")
    gateways = str(center.kept.get("audit", ""))
    return "; ".join(wrong + ([gateways] if gateways else []))


async def pii(center: Center) -> str:
    """Nothing that is about somebody is on the center's disk or in its log."""
    if not center.canaries:
        return "nobody has planted anything"
    found = await asyncio.to_thread(places, center.folder, center.canaries)
    return "; ".join(found[:3])


def _tells(lines: list[tuple[int, str, str]], what: str, subject: str) -> bool:
    return any(kind == what and subject in about.split() for _, kind, about in lines)


def _minutes(center: Center) -> int:
    return int((time.monotonic() - center.began) // 60) + 1


OBSERVED: dict[str, Callable[[Center], Awaitable[str]]] = {
    "NOENTRY": noentry, "ALIVE": alive, "LOGSAFE": logsafe, "RES": res, "SECEVENT": secevent, "AUDIT": audit,
    "PII": pii, "ONCE": once,
}  # fmt: skip
