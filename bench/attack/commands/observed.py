"""This file holds the observables to a gateway that takes commands; it guards that nothing seen is no proof."""

import asyncio
import collections
import re
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from bench.attack.commands.ground import GATEWAY, CommandGround
from bench.attack.ground import secret_of
from bench.attack.observe import BACK_S, Scene, base_of
from bench.attack.observe import noloss_v as lists_are_equal
from bench.attack.process import Process, Use
from bench.attack.proof import Proof

_RES_SLACK: Final = 1.05
_POOLED: Final = 2
"""A pool may get its last thread or connection only now; whatever each of thousands of commands left would be more."""
_LAG_P99_MS_MAX: Final = 100
_DISK_BYTES_MAX: Final = 4 << 20
_EVENT = re.compile(r"security-event type=(?P<type>\S+) .*?detail=\"(?P<detail>[^:\"]*)")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ")


def unwanted(ground: CommandGround) -> list[str]:
    """Say what was done that nobody who may has signed: in the audit, by the charger's calls, by the freeze."""
    strange = [jti for jti in ground.accepted() if jti not in ground.true]
    found = [f"{len(strange)} commands of nobody's were let through"] if strange else []
    resets = ground.calls().count("Reset")
    found += [f"the charger got {resets} resets, not {ground.resets}"] if resets != ground.resets else []
    ended = [jti for jti, each in ground.receipts().items() if jti not in ground.true and _is_done(each)]
    return found + ([f"{len(ended)} receipts of what nobody signed say that it is done"] if ended else [])


def _is_done(receipts: list[Any]) -> bool:
    return any(each.state not in {"refused", "expired"} for each in receipts)


async def noentry(ground: CommandGround, kept: dict[str, Any]) -> str:
    """Nothing was done, nothing came to the CSMS, and the attacker has heard no secret and of no other tenant's."""
    if not ground.brought and not kept.get("published"):
        return "nothing was brought"
    wrong = unwanted(ground)
    if not ground.gateway.is_alive:
        wrong.append("the gateway is gone")
    session = ground.base.csms.by_key(ground.charger.key)
    sent = set(ground.charger.link.sent) if ground.charger.link else set()
    strange = [one for one in (session.link.received if session else []) if one not in sent]
    wrong += [f"{len(strange)} messages at the CSMS that the charger did not send"] if strange else []
    heads = [head for head in ground.base.csms.heads if not any(key.encode() in head for key in ground.base.legit)]
    wrong += [f"{len(heads)} handshakes at the CSMS"] if heads else []
    heard = b"".join(payload for _, payload, _ in ground.attacker.heard)
    secrets = [*ground.people.private_keys(), secret_of("CP1")]
    secrets += [b"".join(path.read_bytes().splitlines()[1:-1]) for path in (ground.folder / "keys").glob("*.pem")]
    wrong += ["the attacker has heard a secret"] if any(secret in heard for secret in secrets) else []
    return "; ".join(wrong)


async def audit(ground: CommandGround, kept: dict[str, Any]) -> str:
    """Each attempt is in the gateway's audit, `isolane audit verify` finds it whole, and the center vouches for it."""
    if "audit" in kept:
        return str(kept["audit"])
    wanted, written = await ground.refusals() + ground.manifests, ground.written()
    wrong = [] if wanted == written else [f"refused were {dict(wanted)}, the audit tells of {dict(written)}"]
    if not wanted and not ground.true:
        wrong.append("no attempt is in the audit")
    told = set(ground.accepted())
    wrong += [f"{jti} is not in the audit" for jti in ground.true & set(ground.receipts()) - told][:1]
    return "; ".join(wrong + await vouched(ground))


async def vouched(ground: CommandGround, least: int | None = None) -> list[str]:
    """Wait until the center vouches for all that the audit has now; say what is wrong."""
    lines = len(ground.journal()) if least is None else least
    end = time.monotonic() + BACK_S
    while ground.note()[0] < lines and time.monotonic() < end:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)
    size, note = ground.note()
    wrong = [f"the center vouches for {size} of {lines} lines"] if size < lines else []
    kept = ground.folder / "vouched.note"
    kept.write_text(note, encoding="utf-8")
    code, said = await verify_audit(ground, ground.state / "audit", kept)
    wrong += [] if code == 0 else [f"isolane audit verify: {said}"]
    if "\n\u2014 center " not in note:
        wrong.append("the center has not co-signed")
    question = "SELECT kind FROM command_suspicion WHERE gateway = ? AND kind IN ('rollback', 'fork')"
    suspicions = ground.select(question, GATEWAY)
    return wrong + [f"the center suspects a {kind}" for (kind,) in suspicions]


async def verify_audit(ground: CommandGround, folder: Path, *witnesses: Path) -> tuple[int, str]:
    """Run `isolane audit verify`; give its exit code and what it said."""
    words = ["audit", "verify", str(folder), "--gateway", GATEWAY, "--key", str(ground.folder / f"keys/{GATEWAY}.pub")]
    for each in witnesses:
        words += ["--witness", str(each)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "isolane", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace").strip()


async def secevent(ground: CommandGround, _kept: dict[str, Any]) -> str:
    """What was done is told once a minute for each kind of forgery, by a line with its UTC time that says why."""
    found, wrong = collections.Counter[tuple[str, str]](), []
    for line in ground.gateway.text().splitlines():
        event = _EVENT.search(line)
        if event is not None:
            found[event["type"], event["detail"]] += 1
            wrong += [] if _STAMP.match(line) else [f"no UTC time: {line[:40]}"]
    if not found:
        return "no security event"
    minutes = int((time.monotonic() - ground.began) // 60) + 1
    wrong += [f"{number} events {kind}" for kind, number in found.items() if number > minutes]
    others = {kind for kind, _ in found} - {"command"}
    return "; ".join(wrong + ([f"an event of the wrong type: {', '.join(sorted(others))}"] if others else []))


async def once(ground: CommandGround, _kept: dict[str, Any]) -> str:
    """Each command that people signed was let through once, ended once, and was done once."""
    accepted = collections.Counter(ground.accepted())
    twice = [jti for jti, number in accepted.items() if number > 1]
    ended = [jti for jti, each in ground.receipts().items() if len([one for one in each if one.state == "done"]) > 1]
    wrong = [f"{len(twice)} commands were let through twice"] if twice else []
    wrong += [f"{len(ended)} commands were done twice"] if ended else []
    return "; ".join(wrong + unwanted(ground)) or ("" if accepted else "nothing was done")


async def noloss_v(ground: CommandGround, kept: dict[str, Any]) -> str:
    """Both ends' lists of messages are equal for each bystander."""
    watch = kept.get("watch")
    if watch is None or not watch["journals"]:
        return "nobody was charging meanwhile"
    scene = Scene(kept["case"], ground.base, Proof(), base_of(ground.base), watch)
    return "; ".join([*watch["broken"][:3], *filter(None, [await lists_are_equal(scene)])])


def uses(ground: CommandGround) -> dict[str, Use]:
    """Give what each process of the target holds."""
    return {process.name: process.use() for process in _processes(ground)}


def disk_bytes(ground: CommandGround) -> int:
    """Give the size of the gateway's files."""
    return sum(path.stat().st_size for path in ground.gateway.folder.rglob("*") if path.is_file())


def _processes(ground: CommandGround) -> tuple[Process, ...]:
    return ground.base.relay, ground.base.tap, ground.gateway, ground.center


async def res(ground: CommandGround, kept: dict[str, Any]) -> str:
    """Memory, descriptors and threads come back within 30 s; the gateway's loop never hung; the disk did not fill."""
    if "uses" not in kept or "probe" not in kept:
        return "nothing was measured before"
    end = time.monotonic() + BACK_S
    while (wrong := _above(kept["uses"], uses(ground))) and time.monotonic() < end:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)
    for name, seen in (("relay", kept["watch"]), ("gateway", kept["probe"])):
        late = f"the observer itself is woken late: p99 {seen['late_p99_ms']:.0f} ms"
        wrong += [f"{name} broken: {seen['broken'][0]}"] if name == "gateway" and seen["broken"] else []
        if seen["lag_p99_ms"] > _LAG_P99_MS_MAX:
            wrong.append(f"event loop of the {name} p99 {seen['lag_p99_ms']:.0f} ms ({late})")
    grown = disk_bytes(ground) - kept["disk_bytes"]
    return "; ".join(wrong + ([f"{grown} bytes on the gateway's disk"] if grown > _DISK_BYTES_MAX else []))


def _above(before: dict[str, Use], now: dict[str, Use]) -> list[str]:
    pairs = [(process, name) for process in now for name in ("rss_kb", "fds", "threads")]
    grown = [(*pair, getattr(before[pair[0]], pair[1]), getattr(now[pair[0]], pair[1])) for pair in pairs]
    most = {"rss_kb": 0, "fds": _POOLED, "threads": _POOLED}
    return [
        f"{process} {name} {old} to {new}"
        for process, name, old, new in grown
        if new > old * _RES_SLACK and new > old + most[name]
    ]


OBSERVED: dict[str, Callable[[CommandGround, dict[str, Any]], Awaitable[str]]] = {
    "NOENTRY": noentry, "AUDIT": audit, "SECEVENT": secevent, "ONCE": once, "NOLOSS_V": noloss_v, "RES": res,
}  # fmt: skip
