"""This file has a gateway wake up without a clock; it guards that time signed elsewhere is worth nothing then.

A clock of 1970, one that is five minutes behind and one that is five minutes ahead, of which the kernel says that
nothing keeps them in step; and, with a synchronised one, somebody who sets it while a challenge is out.
"""

import datetime as dt
import time

from bench.attack.commands import forge
from bench.attack.commands.court import Move, ending, sentence, step
from bench.attack.commands.ground import CommandGround
from bench.attack.commands.observed import unwanted
from bench.attack.commands.send import sends

_OFF_S = 300
_COPIES = 3


@step("clock.set")
async def clock_set(move: Move) -> None:
    """Start the gateway with a clock that nothing keeps in step."""
    at = dt.datetime.fromisoformat(str(move.arg)).replace(tzinfo=dt.UTC)
    await wake(move.ground, int(at.timestamp() - time.time()) + 60)
    stated = move.ground.said
    year = dt.datetime.fromtimestamp(stated.at / 1000, dt.UTC).year
    if stated.clock != "unsynced" or year != at.year:
        raise RuntimeError(f"the gateway's clock was not moved: {stated.clock}, {year}")


async def wake(ground: CommandGround, off_s: int, *, synced: bool = False) -> None:
    """Start the gateway with another clock, which nothing has set before its eyes."""
    await ground.note_forged()
    await ground.restart(utc_s=off_s, synced=synced)
    await ground.free()


@sends("valid time-bound")
async def time_bound(move: Move) -> None:
    """Send what binds itself to time alone, and is good by the signers' clock."""
    wrong = await refused_by_times(move.ground)
    move.measures["time_bound"] = wrong
    move.kept["wrong"] = []


async def refused_by_times(ground: CommandGround, reason: str = "clock-untrusted") -> str:
    """Send what binds itself to time alone, as commands and as a question; give what is wrong."""
    before, handled = await ground.refusals(), await ground.handled()
    people = ground.people
    made = [
        forge.sign(ground.told(chal=""), people.ann, people.bob),
        forge.sign(ground.told(boot="", chal=""), people.ann, people.bob),
        forge.sign(ground.told("status", boot=""), people.ann),
    ]
    for data in made:
        ground.bring(data)
        await ground.brought_in(1, handled)
        handled += 1
    found = dict(await ground.refusals() - before)
    return "" if found == {reason: len(made)} else f"refused so: {found}"


@sends("valid bound to gateway challenge")
async def challenge_bound(move: Move) -> None:
    """Send what quotes the gateway's challenge, more than once; then the same with other clocks."""
    ground = move.ground
    wrong = await done_once(ground)
    for off_s in (-_OFF_S, _OFF_S):
        await wake(ground, off_s)
        found = await refused_by_times(ground) or await done_once(ground)
        wrong = wrong or (f"{off_s} s off: {found}" if found else "")
    await wake(ground, 0, synced=True)
    for off_s in (-10 * 365 * 86_400, _OFF_S):
        ground.gateway.set_clock(utc_s=off_s)  # set while the challenge is out; the kernel calls it synchronised
        await ground.until(lambda: ground.said.clock == "unsynced", "a statement that the clock is worth nothing")
        found = await refused_by_times(ground) or await done_once(ground)
        wrong = wrong or (f"set by {off_s} s meanwhile: {found}" if found else "")
    move.measures["challenge_bound"] = wrong


async def done_once(ground: CommandGround) -> str:
    """Have a true command done, however often it comes; give what is wrong."""
    wrong = await ground.reset()
    jti, data = ground.true_command("status")
    handled = await ground.handled()
    for _ in range(_COPIES):
        ground.bring(data)
    await ground.brought_in(_COPIES, handled)
    ended = await ground.ended(jti)
    number = ground.accepted().count(jti)
    wrong = wrong or ("" if ended.state == "done" else f"{ended.state}, {ended.reason}")
    return wrong or ("" if number == 1 else f"let through {number} times")


@ending("clock.set")
async def conclude(move: Move) -> None:
    """Have the audit written."""
    await move.ground.note_forged()
    wrong = unwanted(move.ground)
    if wrong and not move.measures.get("challenge_bound"):
        move.measures["challenge_bound"] = "; ".join(wrong)
    wrong_at_end = await move.ground.reset()
    move.measures["challenge_bound"] = move.measures.get("challenge_bound") or wrong_at_end
    move.notes.append(
        "clocks of 1970, 300 s behind, 300 s ahead, and set while a challenge is out; OpenSSL's is not moved"
    )


sentence("time_bound", "refused clock-untrusted")
sentence("challenge_bound", "executed once")
