"""This file updates a box while a charger charges, with bad images, and through power cuts (SC-05, SC-06)."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.attack.bare.court import Deed, step
from bench.attack.bare.update_ground import NEW, OLD, Spoil, UpdateGround
from bench.attack.bare.update_visitor import Csms, Visitor, csms

_HANGS = "\n\ndef run(options: argparse.Namespace) -> int:\n    import time\n    time.sleep(3600)\n    return 0\n"
_ENDS = "\n\ndef run(options: argparse.Namespace) -> int:\n    return 1\n"
_UNWELL = ("ended by itself", "does not answer", "does not run", "only just begun")
_REFUSED = 2
_SWEEP_S = 2400.0


def _plus(text: str) -> Spoil:
    return lambda source: source + text


async def _stand(deed: Deed) -> tuple[UpdateGround, Csms, Visitor]:
    """Install the old version, start it, and have a charger there."""
    folder = Path(tempfile.mkdtemp(prefix="isolane-update-"))
    deed.stack.callback(shutil.rmtree, folder, ignore_errors=True)
    server = await deed.stack.enter_async_context(csms())
    ground = UpdateGround(folder, folder / "opt", server.port)
    code, said = await ground.update("install", str(ground.bundle(OLD, 5)))
    if code or ground.in_force() != OLD:
        raise RuntimeError(f"the old version was not installed: {said[-500:]}")
    deed.stack.callback(ground.stop)
    await ground.start()
    visitor = await deed.stack.enter_async_context(Visitor(ground.ports["door"]).there())
    await visitor.connected()
    await visitor.boot()
    visitor.away_s = 0.0
    return ground, server, visitor


def _losses(server: Csms, visitor: Visitor) -> str:
    missing = [number for number in visitor.sent if number not in server.arrived]
    return f"calls that never arrived: {missing}" if missing else ""


@step("SC", "charger.transaction")
async def transaction(deed: Deed) -> None:
    """Have a charger charge through a relay that may be updated."""
    deed.wants({"active": True})
    ground, server, visitor = await _stand(deed)
    await visitor.begin()
    deed.kept |= {"ground": ground, "csms": server, "visitor": visitor}


@step("SC", "update")
async def update(deed: Deed) -> None:
    """Update while it charges: refused at once, or later when asked to wait; and then when nobody charges."""
    deed.wants("valid")
    ground, server, visitor = deed.kept["ground"], deed.kept["csms"], deed.kept["visitor"]
    new, pid, wrong = str(ground.bundle(NEW, 6)), ground.pid("value"), []
    code, said = await ground.update("install", new)
    if code != _REFUSED or "charging" not in said or ground.in_force() != OLD:
        wrong.append(f"not refused: {code} {said[-300:]}")
    process = await ground.begin("install", new, "--wait", "10min")
    async with asyncio.timeout(300):
        while "waiting: " not in (line := (await process.stdout.readline()).decode()):
            if not line:
                raise RuntimeError("the update did not wait")
    reloads = ground.log("isolane-value.service").count(" reloaded")
    os.kill(pid, signal.SIGHUP)
    async with asyncio.timeout(60):
        while ground.log("isolane-value.service").count(" reloaded") == reloads:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    if ground.runs("health") != NEW or ground.pid("value") != pid:
        wrong.append(f"Channel B runs {ground.runs('health')}, the relay's id was {pid} and is {ground.pid('value')}")
    for value in range(5):
        await visitor.call("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": [{"value": value}]})
    if visitor.times_away or ground.pid("value") != pid:
        wrong.append("the relay was restarted while a transaction was active")
    await visitor.end()
    told, _ = await asyncio.wait_for(process.communicate(), 300)
    if process.returncode or {ground.in_force(), ground.runs("value"), ground.runs("tap")} != {NEW}:
        wrong.append(f"not done when nobody charged: {told.decode(errors='replace')[-300:]}")
    await visitor.begin()
    await visitor.end()
    wrong += await _unknown(ground, visitor)
    deed.notes.append(f"refused, then waited for the end; the charger was away for {visitor.away_s:.1f} s")
    deed.measures |= {"deferred": "; ".join(wrong) or True, "NOLOSS_V": _losses(server, visitor)}


async def _unknown(ground: UpdateGround, visitor: Visitor) -> list[str]:
    """Go back while the charger has not booted since the tap began, so that nobody knows; and then when it has."""
    pid, times = ground.pid("value"), visitor.times_away
    code, said = await ground.update("back")
    wrong = []
    if code != _REFUSED or "nobody knows" not in said or ground.pid("value") != pid or visitor.times_away != times:
        wrong.append(f"of whom nobody knows: {code} {said[-300:]}")
    await visitor.boot()
    code, said = await ground.update("back")
    if code or {ground.in_force(), ground.runs("value")} != {OLD}:
        wrong.append(f"not back when it is known: {code} {said[-300:]}")
    return wrong


@step("SC", "image")
async def image(deed: Deed) -> None:
    """Offer the box one bad bundle after the other, and see that the old version runs on or is back."""
    deed.wants("boots_but_unhealthy")
    ground, server, visitor = await _stand(deed)
    wrong: list[str] = []
    for name, folder, words in _refused(ground):
        pid = ground.pid("value")
        code, said = await ground.update("install", str(folder))
        if code != _REFUSED or words not in said or ground.pid("value") != pid or ground.in_force() != OLD:
            wrong.append(f"{name}: {code}, {ground.in_force()} in force: {said[-300:]}")
    if visitor.times_away:
        wrong.append("the charger lost its connection by bundles that were refused")
    downtimes = {}
    for name, room, text in (
        ("a relay that never gets ready", "value", _HANGS),
        ("a relay that ends at once", "value", _ENDS),
        ("a tap that ends at once", "tap", _ENDS),
        ("a health process that never gets ready", "health", _HANGS),
    ):
        visitor.away_s, times = 0.0, visitor.times_away
        spoilt = {f"cli/{room}.py": _plus(text)}
        code, said = await ground.update("install", str(ground.bundle(NEW, 6, spoilt=spoilt)))
        await visitor.connected()
        running = {ground.runs(each) for each in ("value", "tap", "health")}
        tried = any(words in said for words in _UNWELL) and f"back to {OLD}" in said and "not well either" not in said
        if code != _REFUSED or not tried or running != {OLD} or ground.in_force() != OLD:
            wrong.append(f"{name}: {code}, {running} runs: {said[-300:]}")
        if (room == "health") != (visitor.times_away == times):
            wrong.append(f"{name}: the charger lost its connection {visitor.times_away - times} times")
        downtimes[name] = visitor.away_s
        await visitor.boot()
    await visitor.begin()
    await visitor.end()
    deed.notes += [f"{name}: the relay was away for {seconds:.1f} s" for name, seconds in downtimes.items()]
    dead = [room for room in ("value", "tap", "health") if not ground.pid(room)]
    deed.measures |= {
        "rolls_back": "; ".join(wrong) or True,
        "value_downtime_s_max": max(downtimes.values()),
        "NOLOSS_V": _losses(server, visitor),
        "ALIVE": f"{', '.join(dead)} does not run" if dead else "",
    }


def _refused(ground: UpdateGround) -> list[tuple[str, Path, str]]:
    """Give bundles that must change nothing, and a word of each refusal."""
    isolane = f"isolane-{NEW}-py3-none-any.whl"
    unsigned = ground.bundle(NEW, 6, signers=[])
    stranger = ground.bundle(NEW, 6, signers=[ground.stranger(), ground.stranger()])
    torn, other = ground.bundle(NEW, 6), ground.bundle(NEW, 6)
    os.truncate(torn / isolane, (torn / isolane).stat().st_size // 2)
    content = bytearray((other / isolane).read_bytes())
    content[len(content) // 2] ^= 1
    (other / isolane).write_bytes(content)
    check = {"cli/check.py": _plus(_ENDS.replace("return 1", "return 2"))}
    return [
        ("no signature", unsigned, "cannot read"),
        ("one signature of two", ground.bundle(NEW, 6, signers=ground.signers[:1]), "threshold"),
        ("signed by strangers", stranger, "signature"),
        ("an older release", ground.bundle("0.0.9", 4), "rollback"),
        ("an expired release", ground.bundle(NEW, 6, age_days=91), "expired"),
        ("a wheel cut in half", torn, "not the file that was signed"),
        ("a bit of a wheel", other, "not the file that was signed"),
        ("a version that fails its check", ground.bundle(NEW, 6, spoilt=check), "cannot use"),
        ("another program of the same version", ground.bundle(OLD, 6), "another"),
    ]


@step("SC", "sweep")
async def sweep(deed: Deed) -> None:
    """Take the box's power away at many moments of an update."""
    if not isinstance(deed.arg, dict) or set(deed.arg) != {"powercut"}:
        deed.wants({"powercut": 50})
    with tempfile.TemporaryDirectory(prefix="isolane-cuts-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(
                "unshare",
                "--mount",
                "--net",
                "--pid",
                "--mount-proc",
                "--propagation",
                "private",
                "--kill-child",
                "--fork",
            ),
            *(sys.executable, "-m", "bench.attack.bare.update_cuts", folder, str(deed.arg["powercut"])),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_SWEEP_S):
                told, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        raise RuntimeError(f"the sweep could not run: {errors.decode(errors='replace')[-800:]}")
    found = json.loads(told.decode().splitlines()[-1])
    deed.notes += found["notes"]
    deed.measures["always_boots"] = "; ".join(found["wrong"]) or True
