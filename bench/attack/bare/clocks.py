"""This file lies to a gateway about the time; it guards that a clock somebody has moved is worth nothing to a command.

The clocks are those of one gateway's process (commands/gateway.py); the machine's own is never set. The kernel's word
is part of the lie: who spoofs NTP has it say that the clock is synchronised. What must tell nothing, a clock that
nobody moves and a step below the threshold, is tried first: an event that always comes would prove nothing.
"""

import asyncio
import datetime as dt
import re
import signal
import time
from collections.abc import Callable
from typing import Final

from bench.attack.bare.court import Deed, sentence, step
from bench.attack.commands import forge
from bench.attack.commands.clock import refused_by_times
from bench.attack.commands.ground import GATEWAY, SITE, CommandGround
from bench.attack.commands.observed import noentry
from bench.attack.commands.standing import commanded

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.read import read
from isolane.center.store.port import BlockArrival, Origin, SchemaArrival
from isolane.core.samples import Quality
from isolane.health.command_room import TEND_S
from isolane.wire.uplink import Up, up_topic

_HOUR_S, _BELOW_S, _MINUTE_S = 3600, 9, 61
_LIES: Final = ["spoof+1h", "kod", "none"]
_TOLD: Final = re.compile(r"security-event type=(\S+) .*?detail=\"clock: set by ([+-][\d.]+) s\"")
_QUALITY: Final = "0.0/RealTimeClock/xSynchronised"
_COPIES: Final = 3
_WAIT_S: Final = 60.0
_FILE_S: Final = 0.1
"""The harness's clock looks into its file twice meanwhile."""


@step("PH", "ntp")
async def ntp(deed: Deed) -> None:
    """Lie, and see what is told and what is done."""
    deed.wants(_LIES)
    ground = await deed.stack.enter_async_context(commanded(deed.limits, quick=deed.quick))
    found: list[str] = []
    for name, lie in (
        ("no lie", _quiet),
        ("spoof+1h", _spoof),
        ("set while stopped", _stopped),
        ("the hour is over", _over),
        ("kod", _kiss),
        ("none", _nothing),
    ):
        began = time.monotonic()
        found += [f"{name}: {wrong}" for wrong in await lie(ground) if wrong]
        deed.notes.append(f"{name}: {time.monotonic() - began:.0f} s")
    deed.measures["step_gt_threshold"] = "; ".join(found)
    deed.measures["SECEVENT"] = await _all_told(ground)
    deed.measures["NOENTRY"] = await noentry(ground, {})


sentence("step_gt_threshold", "SettingSystemTime event, time_quality lowered, commands challenge-bound")


async def _quiet(ground: CommandGround) -> list[str]:
    """Nobody lies, then somebody corrects the clock by less than the threshold."""
    wrong = [await _quality(ground, "synced")]
    for by_s in (0, _BELOW_S, -_BELOW_S):
        ground.gateway.step_s(by_s)
        wrong += [await _events(ground, 0), await _stays(ground, "synced")]
    return [*wrong, await refused_by_times(ground, "challenge"), await _done(ground), await ground.reset()]


async def _spoof(ground: CommandGround) -> list[str]:
    """Somebody moves the clock by an hour, while a command is under way and the kernel calls it synchronised."""
    under_way = ground.true_command("status")
    late = forge.sign(ground.told("status", now_s=int(time.time()) + _HOUR_S), ground.people.ann)
    ground.gateway.pass_s(_MINUTE_S)
    ground.gateway.step_s(_HOUR_S)
    wrong = [await _quality(ground, "unsynced"), await _events(ground, 1), await refused_by_times(ground)]
    wrong += [await _ended(ground, *under_way), await _done(ground)]
    before, handled = await ground.refusals(), await ground.handled()
    ground.bring(late)
    await ground.brought_in(1, handled)
    refused = dict(await ground.refusals() - before)
    return [*wrong, "" if refused == {"time": 1} else f"what is good by the false time alone is refused so: {refused}"]


async def _stopped(ground: CommandGround) -> list[str]:
    """The clock goes back to where it was while the process stands still: told too, and believed no sooner."""
    ground.gateway.pass_s(_MINUTE_S)
    wrong = [await _events(ground, 1)]
    ground.gateway.send(signal.SIGSTOP)
    ground.gateway.step_s(-_HOUR_S)
    ground.gateway.send(signal.SIGCONT)
    wrong += [await _events(ground, 2), await _stays(ground, "unsynced"), await refused_by_times(ground)]
    return [*wrong, await _done(ground)]


async def _over(ground: CommandGround) -> list[str]:
    """An hour of the monotonic clock later, nobody having set anything, it is believed again."""
    ground.gateway.pass_s(_HOUR_S + _MINUTE_S)
    wrong = [await _quality(ground, "synced"), await _events(ground, 2)]
    now_s = ground.said.at // 1000  # the gateway lives an hour later than we, and times count again
    return [*wrong, await refused_by_times(ground, "challenge"), await _done(ground, now_s=now_s)]


async def _kiss(ground: CommandGround) -> list[str]:
    """The server sends its clients away, until the kernel calls its clock synchronised no longer; nobody sets it."""
    ground.gateway.set_clock(synced=False)
    wrong = [await _quality(ground, "unsynced"), await _events(ground, 2), await refused_by_times(ground)]
    return [*wrong, await _done(ground)]


async def _nothing(ground: CommandGround) -> list[str]:
    """The battery is gone and no server is there: it starts in 1970; then the first answer that comes is believed."""
    told = len(_told(ground))
    long_ago_s = int(dt.datetime(1970, 1, 2, tzinfo=dt.UTC).timestamp() - time.time())
    await ground.restart(utc_s=long_ago_s, synced=False)
    wrong = [await _quality(ground, "unsynced"), await _events(ground, told, since_start=0)]
    wrong += [await refused_by_times(ground), await _done(ground)]
    ground.gateway.set_clock(utc_s=_HOUR_S, synced=True)
    wrong += [await _events(ground, told + 1, since_start=1), await _stays(ground, "unsynced")]
    return [*wrong, await refused_by_times(ground), await _done(ground)]


async def _events(ground: CommandGround, number: int, since_start: int | None = None) -> str:
    """See how often it was told in all, and counted by this process; to ask for the metrics is to have it look."""
    name = 'isolane_health_security_events_total{type="setting-system-time"}'
    await asyncio.sleep(_FILE_S)
    await ground.base.metric(ground.gateway, name)
    late = await _late(ground, lambda: len(_told(ground)) >= number, f"no event {number}")
    lines, counted = len(_told(ground)), await ground.base.metric(ground.gateway, name)
    wanted = number if since_start is None else since_start
    return late or ("" if (lines, counted) == (number, wanted) else f"told {lines}, counted {counted:g} times")


def _told(ground: CommandGround) -> list[tuple[str, str]]:
    return _TOLD.findall(ground.gateway.text())


async def _quality(ground: CommandGround, clock: str) -> str:
    """Wait until the statement, the metrics and a row call the clock that; give which does not."""
    wanted = int(clock == "synced")
    late = [
        await _late(ground, lambda: ground.said.clock == clock, f"no statement says {clock}"),
        await _late(ground, lambda: _row(ground) == wanted, f"no row says {clock}"),
    ]
    shown = await ground.base.metric(ground.gateway, "isolane_health_clock_synced")
    return ", ".join(filter(None, [*late, "" if shown == wanted else f"the metrics say {shown:g}"]))


async def _late(ground: CommandGround, holds: Callable[[], bool], what: str) -> str:
    """Wait for what the case is about; give what is wrong where it does not come."""
    try:
        await ground.until(holds, what, _WAIT_S)
    except RuntimeError:
        return f"{what} in {_WAIT_S:g} s"
    return ""


async def _stays(ground: CommandGround, clock: str) -> str:
    """See that statement and metrics call the clock that, and go on to."""
    chal = ground.said.chal
    await asyncio.sleep(2 * TEND_S)
    shown = await ground.base.metric(ground.gateway, "isolane_health_clock_synced")
    fine = (ground.said.clock, ground.said.chal, shown) == (clock, chal, int(clock == "synced"))
    return "" if fine else f"{ground.said.clock}, the metrics say {shown:g}"


def _row(ground: CommandGround) -> int | None:
    """Give what the newest good sample that was heard says of the clock; None where none was heard."""
    origin, anchors, found = Origin(SITE, GATEWAY, 0), Anchors(), None
    kinds = {up_topic(SITE, GATEWAY, kind): kind for kind in (Up.SCHEMA, Up.BLOCK)}
    places: dict[bytes, int] = {}
    for topic, data, _ in list(ground.attacker.heard):
        arrival = read(origin, kinds[topic], data, anchors) if topic in kinds else None
        if isinstance(arrival, SchemaArrival):
            keys = [column.key for column in arrival.schema.columns]
            places |= {arrival.schema.id: keys.index(_QUALITY)} if _QUALITY in keys else {}
        elif isinstance(arrival, BlockArrival) and (place := places.get(arrival.block.schema)) is not None:
            good = arrival.block.values[place][arrival.block.codes[place] == Quality.GOOD]
            found = int(good[-1]) if good.size else found
    return found


async def _done(ground: CommandGround, **more: int) -> str:
    """Have a command done that quotes the newest challenge, however often it comes; give what is wrong."""
    return await _ended(ground, *ground.true_command("status", **more))


async def _ended(ground: CommandGround, jti: str, data: bytes) -> str:
    handled = await ground.handled()
    for _ in range(_COPIES):
        ground.bring(data)
    await ground.brought_in(_COPIES, handled)
    ended, number = await ground.ended(jti), ground.accepted().count(jti)
    return "" if (ended.state, number) == ("done", 1) else f"{ended.state} {ended.reason}, let through {number} times"


async def _all_told(ground: CommandGround) -> str:
    """Each step has its one line, with its time, and there is no line of another type."""
    told = [line for line in ground.gateway.text().splitlines() if "security-event " in line]
    types = {word for line in told for word in re.findall(r"type=(\S+)", line)}
    by_s = [round(float(each)) for _, each in _told(ground)]
    wrong = [] if types == {"setting-system-time"} else [f"events of the types {sorted(types)}"]
    wrong += [f"no UTC time: {line[:40]}" for line in told if not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z ", line)]
    fits = len(told) == len(by_s) == 3 and by_s[:2] == [_HOUR_S, -_HOUR_S] and by_s[2] > 10**9
    return "; ".join(wrong + ([] if fits else [f"told were steps of {by_s} s"]))
