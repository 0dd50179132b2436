"""This file storms a black box with triggers and with more than it may keep (SN-01); it guards that its bounds hold.

The gateway is one of its own beside the case's. What it may keep is its owner's setting; the smallest is tried, and
as much more than that is brought as a gateway takes in the time, since hundreds of megabytes prove no more.
"""

import asyncio
import contextlib
import random
import shutil
import time
from urllib.parse import quote

import msgspec
from bench.attack.fill import UnknownError
from bench.attack.steps import Turn, step
from bench.attack.uplink.box import GATEWAY, SITE, Box, box

from isolane.wire.tap_event import Metered, MeterValue, Packet, StatusChanged, encode

_CHARGERS = 30
_FEW = 3.0
"""Rows at both ends of the storm that may be on their way."""
_MIB = 1 << 20
_CAP_BYTES = _MIB
_POURED_MIB = 12
_POURED_ON = 4
"""Chargers, so that all of it is some snapshot's."""
_VALUES = 40
_WRITTEN_S = 12.0
"""A snapshot goes on for ten seconds after its trigger."""


@step("trigger")
async def trigger(turn: Turn) -> None:
    """Tell of faults that come and go, and see that telemetry goes on and few snapshots are made."""
    args = turn.args()
    turn.only(args, "rate_hz", "s")
    seconds, rate_hz = turn.shorter(float(args["s"]), 10), float(args["rate_hz"])
    async with box(turn.ground.folder / "storm") as own:
        began_ms = time.time_ns() // 1_000_000
        sent, end = 0, time.monotonic() + seconds
        packets: list[bytes] = []
        while time.monotonic() < end:
            charger, word = f"CP-{sent % _CHARGERS}", "Faulted" if sent // _CHARGERS % 2 else "Available"
            event = StatusChanged(charger, time.monotonic_ns(), 1, 1, word, "NoError")
            packets.append(encode(Packet(1, 0, (event,))))
            sent += 1
            await own.feed(packets)
            await asyncio.sleep(max(0.0, (sent / rate_hz) - (time.monotonic() - end + seconds)))
        ended_ms = time.time_ns() // 1_000_000
        made = len(own.snapshots)
        held = await own.metric("isolane_health_recorder_triggers_held_off_total")
        rows = await _rows(own, began_ms, ended_ms)
    await asyncio.to_thread(shutil.rmtree, own.folder)
    turn.proof.notes.append(
        f"{sent} changes in {seconds:g} s, {made} snapshots, {held:g} triggers held off, {rows:g} rows"
    )
    if not made:
        raise RuntimeError("no snapshot was made at all, so nothing was tried")
    turn.proof.measures["rate_limited"] = made <= _CHARGERS and held > 0
    is_steady = rows >= seconds - _FEW
    turn.proof.measures["telemetry_still_1hz"] = True if is_steady else f"{rows:g} rows in {seconds:g} s"


async def _rows(own: Box, from_ms: int, to_ms: int) -> float:
    """Give how many samples of one signal of the gateway's own the center has of a time."""
    device = quote(f"gateway:{GATEWAY}", safe="")
    told = msgspec.json.decode(await own.page(f"{own.console}/api/v1/chargers/{SITE}/{device}/signals"))
    key = next(one["key"] for one in told if "Controller" in one["key"] or one["quality"] == "good")
    asked = f"site={SITE}&charger={device}&signal={quote(key, safe='')}&from_ms={from_ms}&to_ms={to_ms}&points=5000"
    end, count = time.monotonic() + 20, 0.0
    while time.monotonic() < end:
        series = msgspec.json.decode(await own.page(f"{own.console}/api/v1/series?{asked}"))
        count = float(sum(series["signals"][0]["good"]))
        if count >= (to_ms - from_ms) / 1000 - 1:
            break
        await asyncio.sleep(0.5)
    return count


@step("snapshot")
async def snapshot(turn: Turn) -> None:
    """Pour events that cannot be packed into snapshots whose bound is small, and watch what is on the disk."""
    args = turn.args()
    turn.only(args, "mb")
    wanted, measures = float(args["mb"]), turn.proof.measures
    if "snap_mb" not in turn.ground.lim:
        raise UnknownError("limit snap_mb")
    chance, poured, number = random.Random(1), 0, 0
    most, together = 0, 0
    async with box(turn.ground.folder / "pour", recorder=f"bytes_max = {_CAP_BYTES}") as own:
        packets: list[bytes] = []
        end = time.monotonic() + _WRITTEN_S
        while poured < _POURED_MIB * _MIB or time.monotonic() < end:
            if poured < _POURED_MIB * _MIB:
                more = _pieces(chance, number)
                poured, number, packets = poured + sum(map(len, more)), number + 1, packets + more
                await own.feed(packets)
                end = time.monotonic() + _WRITTEN_S
            else:
                await asyncio.sleep(0.2)
            sizes = _sizes(own)
            most, together = max(most, *sizes, 0), max(together, sum(sizes))
    await asyncio.to_thread(shutil.rmtree, own.folder)
    if most < _CAP_BYTES // 4:
        raise RuntimeError(f"the largest snapshot had {most} bytes: its bound was not tried")
    turn.proof.notes.append(
        f"{wanted:g} MB became {poured / _MIB:.0f} MiB of events against a bound of {_CAP_BYTES / _MIB:g} MiB: the "
        f"largest snapshot had {most / _MIB:.2f} MiB, all that were there at once {together / _MIB:.2f} MiB"
    )
    measures["size_cap"] = turn.ground.lim["snap_mb"] if most <= _CAP_BYTES else most / _MIB


def _sizes(own: Box) -> list[int]:
    found = []
    for path in own.snapshots:
        with contextlib.suppress(FileNotFoundError):  # it has just made room
            found.append(path.stat().st_size)
    return found


def _pieces(chance: random.Random, number: int) -> list[bytes]:
    """Give a fault that comes, and meter values that nobody can pack."""
    charger = f"CP-{number % _POURED_ON}"
    words = [StatusChanged(charger, time.monotonic_ns(), 1, 1, word, "NoError") for word in ("Available", "Faulted")]
    meters = [_metered(chance, number) for _ in range(20)]
    return [*(encode(Packet(1, 0, (one,))) for one in words), *(encode(Packet(1, 0, (one,))) for one in meters)]


def _metered(chance: random.Random, number: int) -> Metered:
    values = tuple(MeterValue("Power.Active.Import", "", "", "W", chance.random() * 1e6) for _ in range(_VALUES))
    return Metered(f"CP-{number % _POURED_ON}", time.monotonic_ns(), 1, values)
