"""This file breaks what is around the relay; it guards that each fault is one fault."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator

from bench.attack.chaos import Chaos
from bench.attack.charger import Charger
from bench.attack.drivers.ocpp_sim import BODIES, the_charger
from bench.attack.fill import UnknownError
from bench.attack.ground import Ground
from bench.attack.process import Process
from bench.attack.steps import Turn, step

_MESSAGE = json.dumps([2, "flood", "DataTransfer", {"vendorId": "v", "data": "d" * 100_000}]).encode()
_SWITCHING = 101
_DOWN_S = 60.0


@contextlib.asynccontextmanager
async def memory_of(process: Process) -> AsyncIterator[list[int]]:
    """Sample a process's memory while the block runs, kB."""
    samples = [process.use().rss_kb]

    async def sample() -> None:
        while True:
            samples.append(process.use().rss_kb)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        task.cancel()


@step("fault.zero_window")
async def zero_window(turn: Turn) -> None:
    """Connect a charger of which one end does not read any more."""
    args = turn.args()
    turn.only(args, "side")
    name = turn.ground.fresh_identity()
    door = turn.ground.door()
    if args["side"] == "south":
        door = type(door)(door.port, door.path, receive_bytes=8192)
    charger = await turn.ground.connect(name, door=door)
    session = turn.ground.csms.by_key(charger.key)
    if charger.link is None or session is None:
        raise RuntimeError(f"{name} got {charger.status}")
    (charger.link if args["side"] == "south" else session.link).stall()
    turn.proof.measures["stalled"] = charger


@step("csms.flood", "charger.flood")
async def flood(turn: Turn) -> None:
    """Send megabytes towards the end that does not read, and see when the sender is ended."""
    args = turn.args()
    turn.only(args, "mb")
    charger: Charger = turn.proof.measures["stalled"]
    session = turn.ground.csms.by_key(charger.key)
    if charger.link is None or session is None:
        raise RuntimeError("no link")
    sender, reader = (session.link, charger.link) if turn.name == "csms.flood" else (charger.link, session.link)
    began = time.monotonic()
    async with memory_of(turn.ground.relay) as samples:
        for _ in range(int(args["mb"] * 1e6) // len(_MESSAGE)):
            if sender.ended.is_set():
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(sender.send(_MESSAGE), 0.2)
        limit_s = float(turn.ground.lim["stall_s"]) + 20
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sender.ended.wait(), limit_s)
        took = time.monotonic() - began
    measures = turn.proof.measures
    grown = (max(samples) - samples[0]) * 1024
    measures["per_session_buffer_max"] = max(grown, measures.get("per_session_buffer_max", 0))
    measures["closed_after_s"] = max(took, measures.get("closed_after_s", 0.0))
    reader.go_on()
    await asyncio.sleep(0.5)


@step("fault.csms")
async def csms_down(turn: Turn) -> None:
    """Take the CSMS away while a charger charges, and bring it back; the transaction step has its charger queue."""
    args = turn.args()
    turn.only(args, "down_s")
    csms, charger = turn.ground.csms, await the_charger(turn)
    await charger.call("StartTransaction", BODIES["StartTransaction"])
    csms.serves = False
    csms.drop()
    lost = time.monotonic()
    if charger.link is None:
        raise RuntimeError("no link")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(charger.link.ended.wait(), float(turn.ground.lim["nb_detect_s"]) + 5)
    turn.proof.measures["south_closed_within_s"] = time.monotonic() - lost
    down_s = min(turn.shorter(float(args["down_s"]), 4), _DOWN_S)
    if down_s == _DOWN_S:
        turn.proof.notes.append(f"{args['down_s']} s became {_DOWN_S:g} s: nothing is left that could time out")
    let_in = 0
    while time.monotonic() < lost + down_s:
        let_in += await turn.ground.reconnect(Charger(charger.identity)) == _SWITCHING
        await asyncio.sleep(1)
    if let_in:
        turn.proof.measures["south_closed_within_s"] = "a charger was let in while the CSMS was away"
    csms.serves = True


@step("charger.transaction")
async def transaction(turn: Turn) -> None:
    """Come back and send what was queued, in order."""
    args = turn.args()
    turn.only(args, "during")
    charger = await the_charger(turn)
    queued = [("MeterValues", {**BODIES["MeterValues"], "transactionId": number}) for number in range(5)]
    for action, body in [*queued, ("StopTransaction", BODIES["StopTransaction"])]:
        await charger.call(action, body)
    session = turn.ground.csms.by_key(charger.key)
    same = session is not None and charger.link is not None and session.link.received == charger.link.sent
    turn.proof.measures["after_restore"] = same or "the queue did not arrive in order"


@step("sweep")
async def sweep(turn: Turn) -> None:
    """Cut, or kill, at many points."""
    from bench.attack.drivers.cuts import cut_everywhere, kill_everywhere  # noqa: PLC0415 - it imports this file

    args = turn.args()
    if "kill9" in args:
        turn.only(args, "kill9", "points")
        await kill_everywhere(turn, str(args["kill9"]), int(args["points"]))
    else:
        turn.only(args, "cut_at_byte", "kind", "side", "message")
        await cut_everywhere(turn, args)


@step("signal")
async def signals(turn: Turn) -> None:
    """Reload with broken settings, start a second relay, reload well, then drain; later steps only name these."""
    wanted = turn.arg()
    if sorted(wanted) != ["HUP", "TERM"] or not any("config" in item for item in turn.case.do):
        raise UnknownError(f"signal {wanted}")
    ground, measures = turn.ground, turn.proof.measures
    charger = await the_charger(turn)
    measures["broken_config"] = await _reload_broken(ground, charger)
    ground.write_settings()
    measures["double_start"] = await _start_twice(ground)
    if measures["broken_config"] is True and await _drain(ground, charger):
        measures["broken_config"] = "SIGTERM did not end with 1001 and exit code 0"
    await ground.relay.kill()
    await ground.relay.start()
    measures["restarted"] = True


async def _reload_broken(ground: Ground, charger: Charger) -> bool | str:
    ground.write_settings(broken="\n[value.nonsense\n")
    before = len(ground.relay.text())
    ground.relay.send(signal.SIGHUP)
    await asyncio.sleep(1)
    if not ground.relay.is_alive:
        return "SIGHUP ended the relay"
    if not charger.is_connected:
        return "SIGHUP ended a connection"
    if (await ground.connect("CP2")).status != _SWITCHING:
        return "after SIGHUP nobody is let in"
    text = ground.relay.text()[before:]
    return True if "reload" in text else f"no alarm: {text[-200:]!r}"


async def _start_twice(ground: Ground) -> bool | str:
    second = Process("value", ground.folder / "site.toml", ground.folder / "second.log")
    process = await second.launch()
    try:
        code = await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        await second.kill()
        return "the second relay runs beside the first"
    return True if code else "the second relay ended with 0"


async def _drain(ground: Ground, charger: Charger) -> int:
    code = await ground.relay.stop()
    if charger.link is not None and charger.link.closed_with != 1001:
        return -1
    return code


@step("config", "start")
async def looked_ahead(turn: Turn) -> None:
    """Done by the signal step, which needs them at certain moments.

    Raises:
        UnknownError: There is no such step, or it asks for something else.
    """
    if turn.arg() not in {"broken", "twice"} or "double_start" not in turn.proof.measures:
        raise UnknownError(f"{turn.name} {turn.raw}")


@step("chaos_proxy")
async def chaos(turn: Turn) -> None:
    """Let one charger's way north be slow, late and halting; the others' is not."""
    args = turn.args()
    turn.only(args, "bw_bps", "latency_ms", "stall_pct")
    proxy = turn.ground.chaos
    if proxy is None:
        raise RuntimeError("the target has no proxy")
    proxy.worsen(Chaos(float(args["bw_bps"]) / 8, float(args["latency_ms"]) / 1000, float(args["stall_pct"]) / 100))
    charger = await turn.ground.connect("CP1")
    end = time.monotonic() + turn.shorter(2 * float(turn.ground.lim["nb_detect_s"]), 15)
    calls = 0
    while time.monotonic() < end and charger.is_connected:
        await charger.call("Heartbeat", {}, 60.0)
        calls += 1
    fine = charger.is_connected and calls > 0
    turn.proof.measures["ping_timeout_policy"] = fine or f"the charger was closed after {calls} calls"
