"""This file fills the disk of the audit, and makes it read-only; it guards that nothing is done that is not written.

The audit has a file system of its own in memory (needs root); the outbox has not, so the refusals are told.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from bench.attack.commands.court import Move, ending, step
from bench.attack.commands.flood import watched
from bench.attack.commands.forge import sign
from bench.attack.commands.ground import CommandGround
from bench.attack.commands.observed import unwanted, vouched
from bench.attack.commands.send import sends
from bench.attack.fill import UnknownError

_SIZE: Final = "4m"
_CHUNK: Final = 65_536
_READS: Final = ("status", "ledger", "log.tail")
_SLACK: Final = 24
"""So many commands fit into a block of 4 KiB that has just been begun, and into the gateway's rates."""


@contextlib.asynccontextmanager
async def _file_system() -> AsyncIterator[dict[str, Any]]:
    folder = tempfile.mkdtemp(prefix="attack-audit")
    await _system("/bin/mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "tmpfs", folder)
    try:
        yield {"state": Path(folder, "state")}
    finally:
        await _system("/bin/umount", "-l", folder)
        await _system("/bin/rmdir", folder)


async def _system(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait():
        raise RuntimeError(f"{' '.join(words)} does not work: it needs root")


@step("fault.disk_full", ground=_file_system)
async def disk_full(move: Move) -> None:
    """See that a reset is done; then fill the disk, with bystanders charging.

    Raises:
        UnknownError: It is to be another disk.
    """
    if move.arg != {"path": "audit"}:
        raise UnknownError(f"fault.disk_full {move.arg!r}")
    ground = move.ground
    if wrong := await ground.reset():
        raise RuntimeError(f"before the disk is full: {wrong}")
    await move.kept["stack"].enter_async_context(watched(move))
    move.kept["filled"] = await asyncio.to_thread(_fill, ground.state.parent / "filler")
    await _use_up(ground)


def _fill(file: Path) -> int:
    """Fill a file system to the last byte; give how many fitted."""
    written = 0
    with file.open("wb", buffering=0) as filler:
        for size in (_CHUNK, 1):
            while True:
                try:
                    written += filler.write(b"x" * size)
                except OSError:
                    break
    return written


async def _use_up(ground: CommandGround) -> None:
    """Have done what still fits into the last block of each file, until not even the line of a refusal does.

    Raises:
        RuntimeError: The disk is not full.
    """
    for at in range(_SLACK):
        ended = await ground.do(_READS[at % len(_READS)])
        if (ended.state, ended.reason, ended.entry) == ("refused", "audit", -1):
            return
    raise RuntimeError("the disk that was filled takes line after line")


@sends("valid reset")
async def valid_reset(move: Move) -> None:
    """Send what all have signed while nothing can be written: on a full disk, and to a gateway on a read-only one."""
    ground, wrong = move.ground, move.kept.setdefault("wrong", [])
    mount = ground.state.parent
    wrong += [f"full: {found}" for found in await _refused(ground)]
    (mount / "filler").unlink()
    if found := await ground.reset():
        wrong.append(f"when there was room again: {found}")
    move.kept["lines"] = len(ground.journal())
    await ground.gateway.kill()
    await _system("/bin/mount", "-o", "remount,ro", str(mount))
    try:
        wrong += [f"read-only: {found}" for found in await _ends(ground)]
    finally:
        await _system("/bin/mount", "-o", "remount,rw", str(mount))
    move.notes.append(f"full with {move.kept['filled']} bytes more; on a read-only one the gateway does not start")


async def _refused(ground: CommandGround) -> list[str]:
    """Bring what would be done at once otherwise; give what is wrong."""
    wrong, people = [], ground.people
    made = {
        "a reset": ground.told(),
        "a freeze": ground.told("freeze.set"),
        "reading": ground.told("status"),
    }
    for label, told in made.items():
        before, handled = await ground.refusals(), await ground.handled()
        signers = (people.ann, people.bob) if label == "a reset" else (people.ann,)
        ground.bring(sign(told, *signers))
        await ground.brought_in(1, handled)
        found = dict(await ground.refusals() - before)
        wrong += [] if found == {"audit": 1} else [f"{label}: {found}"]
        ended = await ground.ended(str(told["jti"]))
        wrong += [] if (ended.state, ended.entry) == ("refused", -1) else [f"{label}: {ended.state} {ended.entry}"]
    wrong += ["it is frozen"] if ground.said.frozen else []
    return wrong + unwanted(ground)


async def _ends(ground: CommandGround) -> list[str]:
    before = len(ground.gateway.text())
    process = await ground.gateway.launch()
    try:
        async with asyncio.timeout(30):
            code = await process.wait()
    except TimeoutError:
        await ground.gateway.kill()
        return ["the gateway runs"]
    said = ground.gateway.text()[before:]
    return [] if code and "cannot" in said else [f"the gateway ended with {code}: {said[-200:]}"]


@ending("send")
async def conclude(move: Move) -> None:
    """Start the gateway where it can write, and have a true reset done; the bystanders have charged all the time."""
    if "filled" not in move.kept:
        return
    ground, wrong = move.ground, move.kept["wrong"]
    boot = ground.said.boot
    await ground.gateway.start()
    await ground.until(lambda: ground.said.boot != boot, "a statement of the new process")
    await ground.free()
    wrong += unwanted(ground)
    control = await ground.reset()
    wrong += [f"afterwards {control}"] if control else []
    move.measures["executed"] = "; ".join(wrong) if wrong else 0
    await move.kept["stack"].aclose()
    broken = move.kept["watch"]["broken"]
    alive = ground.base.relay.is_alive and ground.base.tap.is_alive
    move.measures["relay_unaffected"] = "; ".join(broken) or alive
    refusals = [line for line in ground.journal() if line["kind"] == "state" and line["state"] == "refused"]
    # A refusal may fit where the command that was refused had not: that is one of those that used the block up.
    strange = [line for line in refusals if line["reason"] != "interlock" and line["verb"] not in _READS]
    found = [f"the audit has lines of what could not be written: {strange}"] if strange else []
    # What could not be written is in no line; that it was refused, the receipts have said, with entry -1.
    move.kept["audit"] = "; ".join(found + await vouched(ground))
