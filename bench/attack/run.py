"""This file runs one case from start to verdict; it guards that whatever could not be done or judged is an error."""

import asyncio
import contextlib
import re
import signal
import time
import tomllib
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bench.attack.bare.assaults
import bench.attack.commands.assaults
import bench.attack.drivers
import bench.attack.judges
import bench.attack.operations.attacks
from bench.attack.bare.court import FAMILIES as BARE
from bench.attack.bare.court import judge_case as judge_bare
from bench.attack.cases import HERE, Case, Reasons
from bench.attack.charger import Charger
from bench.attack.commands.court import FAMILY as COMMANDS
from bench.attack.commands.court import judge_case as judge_commands
from bench.attack.csms import Csms
from bench.attack.drivers.http_raw import credentials
from bench.attack.expect import Court, verdict
from bench.attack.fill import UnknownError, fill
from bench.attack.ground import Ground, standing
from bench.attack.observe import Scene, base_of, observable
from bench.attack.operations.court import is_ours, judge_case
from bench.attack.proof import Proof
from bench.attack.steps import known_steps, run_steps
from bench.attack.tapped import cpu_ns
from bench.attack.uplink.rival import warm_up
from bench.attack.watchers import Watchers, watchers
from bench.attack.wishes import wish_of

CASE_S = 3000.0
"""The longest case has the relay derive 6000 keys one after the other; a busy machine takes twice as long for each."""
_WATCHED = 10
_AT_ONCE = 64
_ELSEWHERE = "127.0.0.8"
"""Where the warm-up guesses a password from, so that the case's own guesses are the first of their address."""
_OBSERVED_S = 2.0
_LET_GO_S, _KEPT_MAX = 0.1, 20
"""After a case, and how many descriptors more than before it; libraries keep a few for good."""
REGISTERED = (
    bench.attack.bare.assaults,
    bench.attack.commands.assaults,
    bench.attack.drivers,
    bench.attack.judges,
    bench.attack.operations.attacks,
)


@dataclass
class Verdict:
    """What became of a case: passed, failed, error or not applicable."""

    case: Case
    outcome: str
    why: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


@contextlib.asynccontextmanager
async def watching(ground: Ground, number: int) -> AsyncIterator[Watchers]:
    """Run bystanders beside a case."""
    page = re.search(r"metrics=\S+:(\d+)", ground.relay.ready)
    if page is None:
        raise RuntimeError("the relay has no metrics page")
    numbers = (ground.ports["ws"], ground.csms.port, int(page[1]), number, ground.relay.pid, ground.tap.pid)
    async with watchers(*numbers) as process:
        yield process


async def run_case(
    case: Case, limits: dict[str, float], reasons: Reasons, *, quick: bool, within_s: float = CASE_S
) -> Verdict:
    """Run one case, which may take `within_s`; never raises for what the case or the target does."""
    if (against := reasons.against(case)) is not None:
        return Verdict(case, "not applicable", [against])
    began, result, kept = time.monotonic(), Verdict(case, "error"), _descriptors()
    try:
        async with asyncio.timeout(within_s):
            await _judge(case, limits, reasons, result, quick=quick)
    except UnknownError as error:
        result.outcome, result.why = "error", [f"not known: {error}"]
    except TimeoutError as error:
        place = traceback.extract_tb(error.__traceback__)[-2:]
        where = " < ".join(f"{frame.name} line {frame.lineno}" for frame in reversed(place))
        result.outcome, result.why = "error", [*result.why, f"ran out of time: {where}"]
    except Exception as error:  # noqa: BLE001 - one case that breaks the harness must not hide the others
        result.outcome, result.why = "error", [*result.why, f"{type(error).__name__}: {error}"]
    await asyncio.sleep(_LET_GO_S)
    if (more := _descriptors() - kept) > _KEPT_MAX:
        result.outcome = "error"
        result.why.append(f"the harness keeps {more} descriptors: the cases behind this one would want for them")
    result.seconds = time.monotonic() - began
    return result


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _judge(case: Case, limits: dict[str, float], reasons: Reasons, result: Verdict, *, quick: bool) -> None:
    if case.family in BARE:
        found, notes = await judge_bare(case, reasons, limits, quick=quick)
        result.why, result.notes = result.why + found, result.notes + notes
        result.outcome = "failed" if found else "passed"
        return
    if case.family == COMMANDS:
        found, notes = await judge_commands(case, limits, quick=quick)
        result.why, result.notes = result.why + found, result.notes + notes
        result.outcome = "failed" if found else "passed"
        return
    if is_ours(case):
        found, notes = await judge_case(case, reasons, quick=quick)
        result.why, result.notes = result.why + found, result.notes + notes
        result.outcome = "failed" if found else "passed"
        return
    proof = Proof(notes=result.notes)
    judged = [name for name in case.observe if not _left_out(reasons, name, result)]
    for name in judged:
        observable(name)
    known_steps(case)
    if not judged and all(key in reasons.parts for key in case.expect):
        raise UnknownError("there is nothing that could be judged")
    async with contextlib.AsyncExitStack() as stack:
        ground = await stack.enter_async_context(standing(limits, wish_of(case), quick=quick))
        names = _names(limits)
        scene = await _act(stack, ground, proof, case, names=names, judged=judged)
        await note_tap(ground, proof)
        for key, raw in case.expect.items():
            if _left_out(reasons, key, result):
                continue
            wrong = verdict(key, Court(case, ground, proof, fill(raw, names)))
            result.why += [f"{key}: {wrong}"] if wrong else []
        for name in [name for name in judged if name not in {"RES", "BYSTANDER"}]:
            wrong = await observable(name)(scene)
            result.why += [f"{name}: {wrong}"] if wrong else []
        await ground.stop_chargers()
        for name in [name for name in judged if name in {"RES", "BYSTANDER"}]:
            wrong = await observable(name)(scene)
            result.why += [f"{name}: {wrong}"] if wrong else []
    result.outcome = "failed" if result.why else "passed"


async def _act(
    stack: contextlib.AsyncExitStack,
    ground: Ground,
    proof: Proof,
    case: Case,
    *,
    names: dict[str, Any],
    judged: list[str],
) -> Scene:
    """Warm the target up, note its base, do the steps, hear the bystanders."""
    await _warm_up(ground)
    busy = "BYSTANDER" in judged or ("NOLOSS_V" in judged and ground.uplink is not None)
    number = _WATCHED if busy else 0
    watched = busy or "RES" in judged
    watchers = await stack.enter_async_context(watching(ground, number)) if watched else None
    base = base_of(ground)
    worked = cpu_ns(ground.relay.pid, workers=True)
    before = (cpu_ns(ground.tap.pid), await ground.metric(ground.tap, "isolane_tap_messages_total"))
    if watchers is not None:
        await watchers.say("begin")
    began = time.monotonic()
    await run_steps(case, ground, proof, names)
    proof.seconds = time.monotonic() - began
    proof.measures["worker_cpu_s"] = (cpu_ns(ground.relay.pid, workers=True) - worked) / 1e9
    read = await ground.metric(ground.tap, "isolane_tap_messages_total") - before[1]
    if ground.tap.is_alive and read > 0:
        proof.measures["tap_ms_max"] = (cpu_ns(ground.tap.pid) - before[0]) / 1e6 / read
    watch: dict[str, Any] = {"lag_p99_ms": 0.0, "journals": []}  # what is judged without bystanders too
    if watchers is not None:
        if number:
            await asyncio.sleep(max(0.0, _OBSERVED_S - proof.seconds))
        await watchers.say("end")
        watch = await watchers.hear()
    proof.measures["watch"] = watch
    return Scene(case, ground, proof, base, watch)


async def note_tap(ground: Ground, proof: Proof) -> None:
    """Wait until the tap has told what it could not read, then note it."""
    await asyncio.sleep(1.3)
    for reason in ("malformed-json", "ambiguous-json", "malformed-frame", "oversize"):
        proof.measures[f"unread {reason}"] = await ground.unread(reason)
    proof.measures["tap_messages"] = await ground.metric(ground.tap, "isolane_tap_messages_total")
    proof.measures["tap_crashes"] = await ground.metric(ground.tap, "isolane_tap_crashes_total")


async def _warm_up(ground: Ground) -> None:
    """Let everything be imported and every buffer be there before the base is taken."""
    if ground.wish.echo:
        async with Csms().serving(port=ground.port_taken) as csms:
            await _come_and_go(ground)
        ground.guests.update(session.charger for session in csms.sessions)
        return
    await _come_and_go(ground)
    if ground.uplink is not None:
        await warm_up(ground.uplink)


async def _come_and_go(ground: Ground) -> None:
    await ground.connect("CP-LEGIT", door=ground.door(source=_ELSEWHERE), auth="bad")
    chargers: list[Charger] = []
    number, at_once = (8, 1) if ground.wish.verify else (ground.wish.warm, _AT_ONCE)  # passwords are checked in line
    for first in range(0, number, at_once):
        names = [f"HERD-{index}" for index in range(first, min(first + at_once, number))]
        chargers += await asyncio.gather(*(ground.connect(name) for name in names))
    for charger in chargers:
        await charger.call("Heartbeat", {})
    await asyncio.gather(*(charger.close() for charger in chargers))
    if ground.wish.tls:
        for _ in range(6):  # a reload reads in a thread; let the pool be whole before it is counted
            ground.relay.send(signal.SIGHUP)
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.2)


def _left_out(reasons: Reasons, key: str, result: Verdict) -> bool:
    reason = reasons.parts.get(key)
    note = f"not judged: {key}: {reason}"
    if reason is not None and note not in result.notes:
        result.notes.append(note)
    return reason is not None


def _names(limits: dict[str, float]) -> dict[str, Any]:
    tables = tomllib.loads((HERE / "tables.toml").read_text(encoding="utf-8"))
    return {"cp": "CP1", "lim": limits, **tables["names"], **credentials("CP1")}
