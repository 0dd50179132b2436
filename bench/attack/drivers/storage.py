"""This file spoils the outbox's disk; it guards that every fault is one the system's own calls give back."""

import asyncio
import shutil
import sqlite3
import subprocess
import time
from contextlib import suppress

from bench.attack.drivers.broker import uplink_of
from bench.attack.steps import Turn, step
from bench.attack.uplink.ground import GATEWAY, SITE, Uplink, leaf
from bench.attack.uplink.powercut import TRACE, read_trace, replay

from isolane.health.outbox.lanes import Lane
from isolane.wire.block import gateway_tag

_PIECE = 4096
_SICK_S = 4.0
_PUTS = 120
_ARRIVE_S = 15.0


@step("mount_tmpfs")
async def mount(turn: Turn) -> None:
    """Put the outbox on a small file system of its own."""
    args, uplink = turn.args(), uplink_of(turn)
    turn.only(args, "kb")
    await uplink.drained(20)
    await uplink.gateway.stop()
    uplink.retire()
    _run("mount", "-t", "tmpfs", "-o", f"size={int(args['kb'])}k", "tmpfs", str(uplink.folder / "health"))
    await uplink.gateway.start()


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stderr.strip()[-200:]}")
    return done.stdout


@step("fill")
async def fill(turn: Turn) -> None:
    """Take the center away and all room on the disk, then produce more than fits, alarms in between."""
    turn.only(turn.args(), "")
    uplink, measures = uplink_of(turn), turn.proof.measures
    uplink.mqtt.lead(0)
    await uplink.enqueue(10, 2000)
    with suppress(OSError), (uplink.folder / "health/filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(_PIECE))
    first = max(uplink.fed) + 1
    for _ in range(4):
        await uplink.enqueue(25, 2000)
        await uplink.enqueue(3, 200, Lane.ALARM)
    measures["filled"] = range(first, max(uplink.fed) + 1)
    measures["queue_readable"] = await asyncio.to_thread(_readable, uplink)
    books = await uplink.books()
    turn.proof.notes.append(f"full: {books['blocks_queued']} blocks wait, dropped {books['dropped']}")


def _readable(uplink: Uplink) -> bool | str:
    """Copy the outbox as it lies on the disk, as a thief or a technician would, and read the copy."""
    copy = uplink.folder / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(uplink.folder / f"health/outbox.db{suffix}", copy / f"outbox.db{suffix}")
    connection = sqlite3.connect(copy / "outbox.db")
    said = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    connection.execute("SELECT count(*) FROM blocks").fetchone()
    connection.close()
    return said == "ok" or said


@step("free")
async def free(turn: Turn) -> None:
    """Give the room back, and the center; see what arrives."""
    turn.only(turn.args(), "")
    uplink, measures = uplink_of(turn), turn.proof.measures
    (uplink.folder / "health/filler").unlink()
    uplink.mqtt.lead(uplink.broker.port)
    await uplink.enqueue(5)
    await uplink.drained(60)
    stored = await asyncio.to_thread(uplink.stored)
    filled, arrived = set(measures["filled"]), set(stored.order)
    alarms, lives = filled & uplink.alarms, sorted(filled - uplink.alarms)
    lost = [number for number in lives if number not in arrived]
    kept = [number for number in lives if number in arrived]
    turn.proof.notes.append(f"of {len(lives)} blocks made on a full disk {len(kept)} arrived; {len(alarms)} alarms")
    wrong = [f"{len(alarms - arrived)} alarms lost"] if alarms - arrived else []
    if lost and kept and min(kept) < max(lost):
        wrong.append(f"block {max(lost)} was lost while the older {min(kept)} was kept")
    if not lost:
        wrong.append("nothing had to be dropped: the disk was not full")
    measures["policy"] = "; ".join(wrong)


@step("fiu")
async def fiu(turn: Turn) -> None:
    """Let calls of the gateway's process fail, some and then all, while it produces; then let the disk be well."""
    args, uplink, measures = turn.args(), uplink_of(turn), turn.proof.measures
    turn.only(args, "names", "probability")
    for tool in ("fiu-run", "fiu-ctrl", "strace"):
        if shutil.which(tool) is None:
            raise RuntimeError(f"{tool} is not installed: apt-get install fiu-utils strace")
    control = str(uplink.folder / "fiu")
    await uplink.gateway.stop()
    uplink.gateway.before = ["fiu-run", "-x", "-f", control]
    await uplink.gateway.start()
    names, opened = list(args["names"]), 0
    for probability in args["probability"]:
        await _sick(uplink, control, "enable_random", names, f",probability={probability}")
        trace = uplink.folder / f"opened-{probability}"
        watching = await asyncio.create_subprocess_exec(
            *("strace", "-f", "-q", "-e", "trace=openat", "-o", str(trace), "-p", str(leaf(uplink.gateway.pid)))
        )
        end = time.monotonic() + _SICK_S
        while time.monotonic() < end:
            await uplink.enqueue(5)
            await asyncio.sleep(0.3)
        watching.terminate()
        await watching.wait()
        opened += trace.read_text(errors="replace").count('outbox.db"')
        await _sick(uplink, control, "disable", names, "")
        await uplink.enqueue(5)
    await uplink.drained(60)
    books = await uplink.books()
    end, lacking = time.monotonic() + _ARRIVE_S, await _lacking(uplink)
    while lacking and time.monotonic() < end:  # an empty outbox may have one block on its way
        await asyncio.sleep(0.5)
        lacking = await _lacking(uplink)
    turn.proof.notes += lacking[:2]
    turn.proof.notes.append(f"{books['refused']} refusals, opened {opened} times, dropped {books['dropped']}")
    measures["acked_to_producer_but_lost"] = len(lacking)
    refused, aside = books["refused"], books["quarantined"]
    honest = refused > 0 and opened > 0 and not aside
    measures["fsync_failure"] = "" if honest else f"refused {refused}, opened {opened} times, {aside} set aside"


async def _lacking(uplink: Uplink) -> list[str]:
    """Give what was fed and is neither at the center nor in a gap record."""
    return [line for line in await uplink.missing() if line.startswith("block")]


async def _sick(uplink: Uplink, control: str, command: str, names: list[str], more: str) -> None:
    for name in names:
        words = ("fiu-ctrl", "-f", control, "-c", f"{command} name={name}{more}", str(leaf(uplink.gateway.pid)))
        await asyncio.to_thread(_run, *words)


@step("powercut")
async def powercut(turn: Turn) -> None:
    """Record what the gateway writes and syncs, then cut the power at many moments of the record."""
    args, uplink, measures = turn.args(), uplink_of(turn), turn.proof.measures
    turn.only(args, "method", "n")
    if shutil.which("strace") is None:
        raise RuntimeError("strace is not installed: apt-get install strace")
    await uplink.drained(20)
    await uplink.gateway.stop()
    health, base, trace = uplink.folder / "health", uplink.folder / "base", uplink.folder / "trace"
    shutil.copytree(health, base)
    uplink.mqtt.lead(0)  # so that all that was told as stored must be in the file
    uplink.gateway.before = [*TRACE, str(trace)]
    await uplink.gateway.start()
    for _ in range(_PUTS // 10):
        await uplink.enqueue(8, 800, tell=True)
        await uplink.enqueue(2, 200, Lane.ALARM, tell=True)
    await uplink.gateway.stop()
    uplink.gateway.before = []
    uplink.mqtt.lead(uplink.broker.port)
    await uplink.gateway.start()
    events = read_trace(trace, health)
    told = sum(event.kind == "put" for event in events)
    syncs = sum(event.kind == "sync" for event in events)
    cuts = await asyncio.to_thread(replay, base, events, int(args["n"]), gateway_tag(SITE, GATEWAY))
    turn.proof.notes.append(f"{told} blocks told as stored, {syncs} syncs, {len(events)} events, {cuts.tried} cuts")
    if told < _PUTS or not syncs:
        raise RuntimeError(f"the record is not whole: {told} of {_PUTS} blocks, {syncs} syncs")
    measures["acked_lost"] = cuts.lost
    measures["opens"] = not cuts.unopened or f"{len(cuts.unopened)} of {cuts.tried}: {cuts.unopened[0]}"
