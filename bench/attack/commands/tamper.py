"""This file changes a gateway's audit as whoever has its disk can; it guards that each change is found and placed.

Changed are copies of a real gateway's files. Whoever has the disk has the gateway's key too, so he signs checkpoints
for what he has changed (fork, rollback): that shows only against what the center has co-signed.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.attack.commands.court import Move, ending, sentence, step
from bench.attack.commands.ground import GATEWAY, CommandGround
from bench.attack.commands.observed import verify_audit, vouched
from bench.attack.commands.people import make_key
from bench.attack.fill import UnknownError

from isolane.core.clock import SystemClock
from isolane.health.commands.journal import Journal
from isolane.security.checkpoint import Checkpoint, sign
from isolane.wire.errand import Down

_LINES, _NOTES = "journal.jsonl", "checkpoints.jsonl"
_ROUNDS: Final = 3
Change = Callable[[list[bytes]], tuple[list[bytes], int]]
"""Changes lines; gives them and the number of the first one that is not what was written."""


def delete_mid(lines: list[bytes]) -> tuple[list[bytes], int]:
    """Leave a line out."""
    at = len(lines) // 2
    return [*lines[:at], *lines[at + 1 :]], at


def edit(lines: list[bytes]) -> tuple[list[bytes], int]:
    """Have somebody else have signed."""
    at = next(number for number, line in enumerate(lines) if b'"people":["ann"' in line)
    return [*lines[:at], lines[at].replace(b'"people":["ann"', b'"people":["eve"'), *lines[at + 1 :]], at


def reorder(lines: list[bytes]) -> tuple[list[bytes], int]:
    """Turn two lines round."""
    at = len(lines) // 2
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]], at


def truncate_tail(lines: list[bytes]) -> tuple[list[bytes], int]:
    """Cut the end off."""
    return lines[:-2], len(lines) - 2


CHANGES: Final[dict[str, Change]] = {
    "delete_mid": delete_mid, "edit": edit, "reorder": reorder, "truncate_tail": truncate_tail,
}  # fmt: skip


def first_bad(said: str) -> int | None:
    """Read from which line on the verifier says that it is not what was written."""
    found = re.search(r"^NOT what was written, from line (\d+):", said, re.MULTILINE)
    return int(found[1]) if found else None


@step("tamper")
async def tamper(move: Move) -> None:
    """Change a copy in one way, and have it verified.

    Raises:
        UnknownError: There is no such way.
    """
    kept, name = move.kept, str(move.arg)
    if "older" not in kept:
        await _prepare(move)
    copy = move.ground.folder / f"tampered-{name}"
    shutil.copytree(kept["older"] if name in {"rollback", "fork"} else kept["whole"], copy)
    if name in CHANGES:
        lines = (copy / _LINES).read_bytes().split(b"\n")[:-1]
        changed, at = CHANGES[name](lines)
        (copy / _LINES).write_bytes(b"".join(line + b"\n" for line in changed))
        await _found(move, name, copy, at)
        if name == "truncate_tail":
            signed = move.ground.folder / "tampered-and-signed"
            shutil.copytree(copy, signed)
            _resign(move.ground, signed)
            await _found(move, "truncate_tail, signed anew", signed, at, alone=False)
    elif name == "rollback":
        await _found(move, name, copy, len(_journal(copy)), alone=False)
    elif name == "fork":
        _fork(move.ground, copy, len(_journal(kept["whole"])) + 2)
        await _found(move, name, copy, None, alone=False)
    else:
        raise UnknownError(f"tamper {name}")
    kept.setdefault("tampered", []).append((name, copy))


async def _prepare(move: Move) -> None:
    """Let the gateway work, keep a copy, let it go on working, and have the center vouch for all of it."""
    ground, kept = move.ground, move.kept
    for name in ("older", "whole"):
        for _ in range(_ROUNDS):
            await ground.do("status")
        wrong = await ground.reset()
        wrong = wrong or "; ".join(await vouched(ground))
        if wrong:
            raise RuntimeError(f"there is no audit to change: {wrong}")
        kept[name] = ground.folder / f"audit-{name}"
        shutil.copytree(ground.state / "audit", kept[name])
        shutil.copytree(ground.state, ground.folder / f"state-{name}")
    kept["witness"] = ground.folder / "witness.note"
    kept["witness"].write_text(ground.note()[1], encoding="utf-8")
    kept["wrong"], kept["unplaced"], kept["alone"] = [], [], []


async def _found(move: Move, name: str, copy: Path, at: int | None, *, alone: bool = True) -> None:
    """Have the verifier look, without what the center has kept where `alone`, and with it.

    Args:
        move: The turn.
        name: Of the change.
        copy: The changed audit.
        at: Number of the first bad line; None: any line that is told, up to where the histories part.
        alone: Whether the gateway's own checkpoints suffice.
    """
    ground, kept = move.ground, move.kept
    for witnesses in ((), (kept["witness"],)) if alone else ((kept["witness"],),):
        code, said = await verify_audit(ground, copy, *witnesses)
        told = first_bad(said)
        where = "with the center's note" if witnesses else "by itself"
        if code != 1 or told is None:
            kept["wrong" if alone else "alone"].append(f"{name} {where}: exit {code}: {said[-120:]}")
        elif told != (at if at is not None else len(_journal(kept["older"]))) and not _is_bounded(kept, told, at):
            kept["unplaced"].append(f"{name} {where}: line {told}, not {at}")
    if not alone:
        code, said = await verify_audit(ground, copy)
        if code:
            kept["wrong"].append(f"{name}: nobody has signed it anew, so it proves nothing of the note: {said[-120:]}")


def _is_bounded(kept: dict[str, Any], told: int, at: int | None) -> bool:
    """Tell whether a line is the first behind a checkpoint that holds: nearer than that a fork cannot be placed."""
    sizes = [int(json.loads(note).split("\n")[1]) for note in (kept["older"] / _NOTES).read_bytes().splitlines()]
    return at is None and told <= max(sizes)


def _journal(folder: Path) -> list[bytes]:
    return (folder / _LINES).read_bytes().split(b"\n")[:-1]


def _resign(ground: CommandGround, copy: Path) -> None:
    """Throw checkpoints of what is gone away, and sign what is left."""
    kept = len(_journal(copy))
    notes = [json.loads(each) for each in (copy / _NOTES).read_bytes().splitlines()]
    fine = [note for note in notes if int(note.split("\n")[1]) <= kept]
    (copy / _NOTES).write_text("".join(json.dumps(note) + "\n" for note in fine), encoding="utf-8")
    journal = Journal(copy, GATEWAY, ground.key, SystemClock())
    journal.checkpoint()
    journal.close()


def _fork(ground: CommandGround, copy: Path, lines: int) -> None:
    """Go on from an older state in another way, until there are as many lines and more."""
    journal = Journal(copy, GATEWAY, ground.key, SystemClock())
    while len(journal) < lines:
        journal.append("state", {"jti": "A" * 22, "verb": "status", "state": "accepted", "people": ["ann"]})
    journal.checkpoint()
    journal.close()


@ending("tamper")
async def conclude(move: Move) -> None:
    """Forge checkpoints, have the gateway start on what was changed, and let the center see it."""
    ground, kept, measures = move.ground, move.kept, move.measures
    wrong = kept["wrong"] + await _forged(move)
    await ground.gateway.kill()
    for name, copy in kept["tampered"]:
        if name in CHANGES and (said := await _starts(ground, copy)):
            wrong.append(f"the gateway starts on {name}: {said}")
    measures["verifier_detects"] = "; ".join(wrong) or True
    measures["first_bad_index_reported"] = "; ".join(kept["unplaced"]) or True
    measures["truncate/rollback"] = "; ".join(kept["alone"] + await _rolled_back(ground))
    kept["audit"] = ""  # whole and vouched for it was, or `_prepare` has raised; now an older one is there
    names = [name for name, _ in kept["tampered"]]
    move.notes.append(f"{names} and forged checkpoints; on {sorted(CHANGES)} no gateway starts")


async def _forged(move: Move) -> list[str]:
    """Show checkpoints that nobody of ours has signed, to the verifier and to the gateway."""
    ground, wrong = move.ground, []
    size, note = ground.note()
    stranger = make_key(ground.folder / "keys/stranger.pem")
    point = Checkpoint(f"isolane/audit/{GATEWAY}", size, bytes(32))
    other = sign(point, GATEWAY, stranger)
    swapped = note.replace(f"\n{size}\n", f"\n{size + 1}\n", 1)
    elsewhere = sign(Checkpoint("isolane/audit/gw-02", size, bytes(32)), GATEWAY, ground.key)
    for label, text in (("a stranger's", other), ("a changed size", swapped), ("another tree's", elsewhere)):
        file = ground.folder / "forged.note"
        file.write_text(text, encoding="utf-8")
        code, said = await verify_audit(ground, move.kept["whole"], file)
        wrong += [] if code else [f"a forged checkpoint passes, {label}: {said[-120:]}"]
        ground.bring(text.encode(), Down.NOTE)
    kept = (ground.state / "witness.note").read_bytes()
    before = ground.said
    ended = await ground.do("status")
    wrong += [] if ended.state == "done" and ground.said.boot == before.boot else ["forged notes have an effect"]
    return wrong + ([] if (ground.state / "witness.note").read_bytes() == kept else ["a forged note was kept"])


async def _starts(ground: CommandGround, copy: Path) -> str:
    """Start the gateway on a changed audit; it must not. Give what is wrong."""
    shutil.rmtree(ground.state)
    shutil.copytree(ground.folder / "state-whole", ground.state)
    shutil.rmtree(ground.state / "audit")
    shutil.copytree(copy, ground.state / "audit")
    before = len(ground.gateway.text())
    process = await ground.gateway.launch()
    try:
        async with asyncio.timeout(30):
            code = await process.wait()
    except TimeoutError:
        await ground.gateway.kill()
        return "it runs"
    said = ground.gateway.text()[before:]
    return "" if code and "is not what was written" in said else f"it ended with {code}: {said[-200:]}"


async def _rolled_back(ground: CommandGround) -> list[str]:
    """Put the older state back, whole: the gateway cannot know, the center does as soon as it is told."""
    shutil.rmtree(ground.state)
    shutil.copytree(ground.folder / "state-older", ground.state)
    before, note = len(ground.statements()), ground.note()
    await ground.gateway.start()
    await ground.until(lambda: len(ground.statements()) > before, "a statement of the older state")
    question = "SELECT kind FROM command_suspicion WHERE gateway = ? AND kind = 'rollback'"
    try:
        await ground.until(lambda: bool(ground.select(question, GATEWAY)), "a suspicion", 30)
    except RuntimeError:
        return ["the center does not see that an older state was put back"]
    # A line a minute for a gateway may have been of another suspicion: the metric has each.
    told = await ground.base.metric_at(ground.center_page, 'isolane_center_command_suspicions_total{kind="rollback"}')
    wrong = [] if told else ["the center has a suspicion and tells nobody"]
    return wrong + ([] if ground.note() == note else ["the center vouches for an older state"])


sentence("truncate/rollback", "caught against the checkpoint held by the center/witness")
