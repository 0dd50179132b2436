"""This file floods a gateway with commands that are valid; it guards that it does no more than its rates allow.

They wait at the broker while the gateway hangs, as they would while it is away; some of them are good for a few seconds
only, and are the first to be read when it goes on. Then one verb comes a hundred times, at a pace at which each is
looked at.
"""

import asyncio
import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from bench.attack.commands import forge
from bench.attack.commands.court import Move, ending
from bench.attack.commands.ground import CommandGround
from bench.attack.commands.observed import disk_bytes, uses, vouched
from bench.attack.commands.send import sends
from bench.attack.process import Process
from bench.attack.watchers import watchers

from isolane.wire.errand import Down

_BYSTANDERS: Final = 10
_SHORT, _SHORT_S = 40, 3
"""How many of the flood expire while they wait, and how long they are good."""
_HUNDRED: Final = 100
_VERBS: Final = ("status", "ledger", "log.tail", "net.ping")
_ARGS: Final[dict[str, dict[str, object]]] = {"net.ping": {"target": "loop", "count": 1}}
_VERB_BURST, _VERB_PER_S = 10, 10 / 60
_ALL_BURST, _ALL_PER_S = 30, 30 / 60
"""The gateway's rates, docs/reference/commands.md."""
_FEW: Final = 1000
"""With --quick."""
_HERD: Final = 64
_REHEARSED: Final = 3000
_SETTLE_S: Final = 2


@contextlib.asynccontextmanager
async def watched(move: Move) -> AsyncIterator[None]:
    """Have ten chargers charge, and ask the relay's page again and again; leave what they saw under "watch"."""
    base = move.ground.base
    pids = base.relay.pid, base.tap.pid
    async with watchers(base.ports["ws"], base.csms.port, _page(base.relay), _BYSTANDERS, *pids) as others:
        await others.say("begin")
        yield
        await others.say("end")
        seen = move.kept["watch"] = await others.hear()
    added, lag = (f"{seen[name]:.1f} ms" for name in ("added_p99_ms", "lag_p99_ms"))
    move.notes.append(f"{seen['samples']} calls of bystanders: p99 the relay adds {added}, its loop lags {lag}")


@contextlib.asynccontextmanager
async def _probed(move: Move) -> AsyncIterator[None]:
    """Ask the gateway's page again and again; leave what that showed under "probe"."""
    gateway = move.ground.gateway
    async with watchers(0, 0, _page(gateway), 0, gateway.pid) as prober:
        await prober.say("begin")
        yield
        await prober.say("end")
        move.kept["probe"] = await prober.hear()


def _page(process: Process) -> int:
    found = re.search(r"metrics=\S+:(\d+)", process.ready)
    if found is None:
        raise RuntimeError(f"{process.name} has no metrics page")
    return int(found[1])


@sends("valid")
async def flood(move: Move) -> None:
    """Let commands pile up behind a gateway that hangs, let it go on, then send one verb a hundred times."""
    ground, kept = move.ground, move.kept
    number = move.fewer(int(move.arg["valid"]), _FEW)
    await _rehearse(move)
    kept["uses"], kept["disk_bytes"] = uses(ground), disk_bytes(ground)
    rest = [_true(ground, at) for at in range(number - _SHORT)]
    short = [_short(ground) for _ in range(_SHORT)]
    took_s, hundred = await _pour(move, [*(data for _, data in short), *rest])
    kept["flood"] = ({jti for jti, _ in short}, hundred, took_s)
    refused = dict(await ground.refusals())
    move.notes.append(f"{number} behind a gateway that hung, {_HUNDRED} of one verb; refused {refused}")


async def _rehearse(move: Move) -> None:
    """Have chargers come and go, and a smaller flood pass: a relay and a gateway in use are the base."""
    ground = move.ground
    herd = await asyncio.gather(*(ground.base.connect(f"HERD-{number}") for number in range(_HERD)))
    await asyncio.gather(*(each.close() for each in herd))
    await _hang(ground, [_true(ground, at) for at in range(move.fewer(_REHEARSED, _FEW))])
    async with watched(move), _probed(move):
        ground.gateway.send(signal.SIGCONT)
        await _quiet(ground)
    ground.gateway.pass_s(120)
    await asyncio.sleep(_SETTLE_S)


async def _pour(move: Move, commands: list[bytes]) -> tuple[float, set[str]]:
    """Let commands pile up while the gateway hangs; give how long it then took, and the names of the hundred."""
    ground = move.ground
    await _hang(ground, commands)
    await asyncio.sleep(_SHORT_S + 1)  # it is the commands that have to age
    began = time.monotonic()
    async with watched(move), _probed(move):
        ground.gateway.send(signal.SIGCONT)
        await _quiet(ground)
        hundred = await _hundred(ground)
        await _quiet(ground)
    return time.monotonic() - began, hundred


async def _hang(ground: CommandGround, commands: list[bytes]) -> None:
    """Stop the gateway, and have commands pile up at the broker."""
    ground.gateway.send(signal.SIGSTOP)
    before = ground.attacker.acknowledged
    for data in commands:
        ground.bring(data)
    await ground.until(lambda: ground.attacker.acknowledged >= before + len(commands), "the flood is at the broker")


def _true(ground: CommandGround, at: int) -> bytes:
    verb = _VERBS[at % len(_VERBS)]
    return ground.true_command(verb, args=_ARGS.get(verb))[1]


def _short(ground: CommandGround) -> tuple[str, bytes]:
    """Make one that is good for a moment: it is not to be done."""
    told = ground.told("status", life_s=_SHORT_S)
    return str(told["jti"]), forge.sign(told, ground.people.ann)


async def _quiet(ground: CommandGround) -> None:
    """Wait until nothing comes to an end any more."""
    last, since = -1.0, time.monotonic()
    while time.monotonic() < since + 2:
        now = await ground.handled() + await ground.errands(Down.COMMAND, "flood")
        if now != last:
            last, since = now, time.monotonic()
        await asyncio.sleep(0.25)


async def _hundred(ground: CommandGround) -> set[str]:
    names = set()
    for _ in range(_HUNDRED):
        jti, data = ground.true_command("status")
        names.add(jti)
        ground.bring(data)
        await asyncio.sleep(0.06)
    return names


@ending("send")
async def conclude(move: Move) -> None:
    """Count what was let through, by the audit's own lines and times."""
    if "flood" not in move.kept:
        return
    ground = move.ground
    short, hundred, took_s = move.kept["flood"]
    lines = [line for line in ground.journal() if line["kind"] == "state"]
    accepted = [line for line in lines if line["state"] == "accepted"]
    wrong = too_many([(line["at"] / 1000, line["verb"]) for line in accepted])
    if not [line for line in accepted if line["jti"] in hundred] or len(accepted) < len(_VERBS):
        wrong.append("none was done, so no rate was seen")
    refused = await ground.refusals()
    wrong += [] if refused["rate"] + refused["busy"] else ["none was refused for its rate"]
    move.measures["per_verb_rate"] = "; ".join(wrong) or True
    run = [line for line in accepted if line["jti"] in short]
    looked = [line for line in lines if line["jti"] in short and line["state"] == "refused"]
    late = [line["reason"] for line in looked if line["reason"] != "time"]
    fine = bool(looked) and not run and not late
    move.measures["expired_in_queue_not_run"] = fine or f"{len(run)} were run, {len(looked)} looked at, {late}"
    await ground.note_forged()
    control = await ground.reset()
    move.kept["audit"] = control or "; ".join(await vouched(ground))
    move.notes.append(f"{len(accepted)} of {Counter(line['verb'] for line in accepted)} were done in {took_s:.0f} s")


def too_many(done: list[tuple[float, str]]) -> list[str]:
    """Say which rate was passed.

    Args:
        done: When, UTC s, and what; in their order.
    """
    wrong = []
    verbs = {verb for _, verb in done}
    for name, burst, per_s, times in [
        *((verb, _VERB_BURST, _VERB_PER_S, [at for at, each in done if each == verb]) for verb in sorted(verbs)),
        ("all", _ALL_BURST, _ALL_PER_S, [at for at, _ in done]),
    ]:
        for first, begin in enumerate(times):
            last = [number for number, at in enumerate(times) if at <= begin + 60][-1]
            most = burst + per_s * (times[last] - begin) + 1
            if last - first + 1 > most:
                wrong.append(f"{last - first + 1} of {name} in {times[last] - begin:.1f} s, {most:.0f} are allowed")
                break
    return wrong
