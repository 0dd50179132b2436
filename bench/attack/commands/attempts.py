"""This file brings envelopes that must not be followed; it guards that each is refused for what is wrong with it."""

import asyncio
import base64
import contextlib
import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bench.attack.commands import forge, spelling
from bench.attack.commands.court import Move, ending, sentence, step
from bench.attack.commands.forge import Attempt, attempt
from bench.attack.commands.ground import GATEWAY, OTHER, RESET, SITE, CommandGround
from bench.attack.commands.observed import unwanted
from bench.attack.fill import UnknownError
from bench.attack.uplink.client import client, trusting

from isolane.wire.errand import Down, down_errand_topic

Kind = Callable[[Move, Any], Awaitable[list[Attempt]]]
KINDS: Final[dict[str, Kind]] = {}
"""By what a step forges."""


def kind(name: str) -> Callable[[Kind], Kind]:
    """Register what `forge` does under a name."""

    def register(function: Kind) -> Kind:
        KINDS[name] = function
        return function

    return register


@step("forge")
async def forged(move: Move) -> None:
    """Bring envelopes of one kind, and see why each is refused.

    Raises:
        UnknownError: It is of no kind that is known.
    """
    if not isinstance(move.arg, dict) or len(move.arg) != 1 or not set(move.arg) <= set(KINDS):
        raise UnknownError(f"forge {move.arg!r}")
    ((name, value),) = move.arg.items()
    for each in await KINDS[name](move, value):
        await bring(move, each)


async def bring(move: Move, one: Attempt) -> None:
    """Bring one envelope; note where it is not refused for one of its reasons."""
    ground, wrong = move.ground, move.kept.setdefault("wrong", [])
    before, handled = await ground.refusals(), await ground.handled()
    ground.bring(one.data)
    await ground.brought_in(1, handled)
    found = await ground.refusals() - before
    said = ", ".join(found) or "not refused"
    move.kept.setdefault("said", Counter())[said] += 1
    move.kept["tried"] = move.kept.get("tried", 0) + 1
    if found.total() != 1 or (one.reasons and not set(found) <= one.reasons):
        wrong.append(f"{one.label}: {said}")


@ending("forge")
async def conclude(move: Move) -> None:
    """Have the audit written, and a true command of the same kind done."""
    ground, measures = move.ground, move.measures
    await ground.note_forged()
    wrong = unwanted(ground) + move.kept.get("wrong", [])[:4]
    if "original" in move.kept:
        measures["dedupe_key"] = await _deduped(move)
    control = await ground.reset()
    wrong += [f"afterwards {control}"] if control else []
    measures["executed"] = 0 if not wrong else "; ".join(wrong)
    told = dict(move.kept.get("said", {}))
    measures["reason"] = "" if set(told) == {"unsigned"} else f"refused: {told}"
    measures["shell_used"] = bool(ground.gateway.started.strip())
    if not move.kept.get("tried"):
        measures["executed"] = "nothing was brought"
    move.notes.append(f"{move.kept.get('tried', 0)} attempts: {told}; then a true command, which is done")


sentence("reason", "unsigned")
sentence("dedupe_key", "jti + sha256(payload)")


@kind("sig")
async def _unsigned(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401 - YAML
    return forge.unsigned(move.ground.told(), str(value))


@kind("jws")
async def _jws(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401
    people = move.ground.people
    return forge.jws(move.ground.told(), str(value), people.ann, people.carl, people.eve)


@kind("time")
async def _time(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401
    ground, people = move.ground, move.ground.people
    told = ground.told() | forge.times(str(value), int(time.time()))
    return [attempt(str(value), forge.sign(told, people.ann, people.bob), "time")]


@kind("aud")
async def _audience(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401
    """Address somebody else; of another boot is a command that was signed for the process before."""
    ground, people = move.ground, move.ground.people
    if value == "epoch-1":
        old = ground.told()
        await ground.restart()
        await ground.free()
        return [attempt("another boot", forge.sign(old, people.ann, people.bob), "boot")]
    reason = "audience" if str(value) in {OTHER, "gw-0"} else "malformed"
    return [attempt(f"aud {value}", forge.sign(ground.told(aud=value), people.ann, people.bob), reason)]


@kind("approvals")
async def _approvals(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401
    ground, people = move.ground, move.ground.people
    told = ground.told()
    match value:
        case "1of2":
            one = ground.told(appr={"class": "R2", "need": 1})
            reads = ground.told(appr={"class": "R0", "need": 1})
            return [
                attempt("ann alone", forge.sign(told, people.ann), "threshold"),
                attempt("it says that one is enough", forge.sign(one, people.ann), "class"),
                attempt("it says that it only reads", forge.sign(reads, people.ann), "class"),
                attempt("no approver", forge.sign(told, people.ann, people.olga), "threshold"),
                attempt("a viewer approves", forge.sign(told, people.ann, people.vic), "rights"),
                attempt("a stranger approves", forge.sign(told, people.ann, people.eve), "unknown-key"),
            ]  # fmt: skip
        case "same_subject":
            double = json.loads(forge.sign(told, people.ann))
            double["signatures"] *= 2
            return [
                attempt("two keys of ann", forge.sign(told, people.ann, people.ann_again), "threshold"),
                attempt("one key twice", forge.compact(double), "malformed"),
            ]
        case "self":
            asks = ground.told(who=people.bob)
            return [
                attempt("who asks approves alone", forge.sign(asks, people.bob), "threshold"),
                attempt("who asks has not signed", forge.sign(told, people.olga, people.bob), "requester"),
                attempt("as another role", forge.sign(told, people.ann_again, people.olga), "requester"),
            ]
        case "other_digest":
            second = ground.told("freeze.clear")
            other = forge.sign(second, people.bob)
            return [
                attempt("bob signed another", forge.joined(forge.sign(told, people.ann), other), "signature"),
                attempt("changed after both signed", _altered(forge.sign(told, people.ann, people.bob)), "signature"),
            ]
        case "expired":
            now_s = int(time.time())
            late = ground.told(iat=now_s - 300, nbf=now_s - 300, exp=now_s - 1)
            soon = ground.told(iat=now_s, nbf=now_s, exp=now_s + 2)
            both = forge.sign(soon, people.ann, people.bob)
            await asyncio.sleep(2.5)  # it is the command that has to age
            return [
                attempt("approved after its end", forge.sign(late, people.ann, people.bob), "time"),
                attempt("approved, and then held back", both, "time"),
            ]
    raise UnknownError(f"approvals: {value}")


def _altered(data: bytes) -> bytes:
    """Change one argument under both signatures."""
    told = json.loads(data)
    payload = base64.urlsafe_b64decode(told["payload"] + "=" * (-len(told["payload"]) % 4))
    return forge.compact(told | {"payload": forge.base64url(payload.replace(b"CP1", b"CP2"))})


@kind("args")
async def _args(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401
    ground, people, text = move.ground, move.ground.people, str(value)
    if text == "verb=exec":
        verbs = ("exec", "shell", "charger.start", "file.write", "ocpp.raw", "own_call", "status.exec")
        tolds = [ground.told(verb, {"command": "id"}) for verb in verbs]
        return [attempt(str(told["verb"]), _signed(move, told), "verb") for told in tolds]
    if text == "extra=1":
        tolds = [ground.told(pre=_pre(), args={"charger": "CP1", **extra}) for extra in _EXTRAS]
        tolds.append(ground.told(extra=1))
        return [attempt(f"extra {told['args']}", _signed(move, told), "arguments", "malformed") for told in tolds]
    made = []
    for hostile in forge.hostile_args(text):
        for verb, name in ((RESET, "charger"), ("charger.trigger_message", "charger"), ("net.ping", "target")):
            args = {name: hostile} | ({"message": "Heartbeat"} if verb == "charger.trigger_message" else {})
            told = ground.told(verb, args, pre=_pre() if verb == RESET else ())
            signers = (people.ann, people.bob) if verb == RESET else (people.ann,)
            made.append(attempt(f"{verb} {str(hostile)[:20]}", forge.sign(told, *signers), "arguments"))
    if text == "arg=1MB":
        await _too_large(move)
        made.append(_above_size(ground))
    return made


_EXTRAS: Final[tuple[dict[str, object], ...]] = (
    {"evil": 1},
    {"__proto__": {}},
    {"evse": "1"},
    {"evse": 1.5},
    {"evse": None, "force": True},
)


def _pre() -> tuple[str, ...]:
    return "charger-listed:CP1", "charger-idle:CP1", "in-window", "under-limit"


def _signed(move: Move, told: dict[str, object]) -> bytes:
    return forge.sign(told, move.ground.people.ann, move.ground.people.bob)


def _above_size(ground: CommandGround) -> Attempt:
    """Make one that the links take and the gate does not."""
    told = ground.told(args={"charger": "A" * 40_000}, pre=_pre())
    return attempt("40 kB", forge.sign(told, ground.people.ann, ground.people.bob), "size")


async def _too_large(move: Move) -> None:
    """Bring what the broker does not take, and what nobody at the gateway even looks at: it is counted."""
    ground, wrong = move.ground, move.kept.setdefault("wrong", [])
    most, less = (
        forge.sign(ground.told(args={"charger": "A" * size}, pre=_pre()), ground.people.ann, ground.people.bob)
        for size in (forge.MEGABYTE, forge.MEGABYTE * 2 // 3)
    )
    tls = trusting(ground.folder / "pki/ca.pem", ground.identity("center"))
    async with client(ground.broker.port, tls, "whoever-else") as session:
        session.publish(down_errand_topic(SITE, GATEWAY, Down.COMMAND), most)
        if not await session.until(lambda: session.ended.is_set() or bool(session.refused), 20):
            wrong.append("1 MB: the broker takes it")
    before = await ground.errands(Down.COMMAND, "size")
    ground.bring(less)
    end = time.monotonic() + 20
    while await ground.errands(Down.COMMAND, "size") == before and time.monotonic() < end:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)
    counted = await ground.errands(Down.COMMAND, "size") - before
    wrong += [] if counted == 1 else [f"0.7 MB: {counted:g} counted"]
    move.kept["tried"] = move.kept.get("tried", 0) + 2


@kind("encode")
async def _encode(move: Move, value: Any) -> list[Attempt]:  # noqa: ANN401
    """Write one true command, which was not brought yet, in all other ways; it is done once afterwards."""
    ground, people = move.ground, move.ground.people
    if "original" not in move.kept:
        told = ground.told("status")
        move.kept["original"] = (str(told["jti"]), forge.payload_of(told), forge.sign(told, people.ann))
    if value == "case":
        told = ground.told("status")
        return spelling.recased(told, people.ann) + spelling.respelled(told, people.ann)
    return spelling.malleable(move.kept["original"][2], str(value))


async def _deduped(move: Move) -> str:
    """Bring the original, its copies, and the same name with other contents; give what is wrong."""
    ground, people = move.ground, move.ground.people
    jti, payload, data = move.kept["original"]
    digest = hashlib.sha256(payload).hexdigest()
    ground.true.add(jti)
    ground.bring(data)
    ended = await ground.ended(jti)
    wrong = [] if ended.state == "done" else [f"the original is {ended.state}, {ended.reason}"]
    wrong += [] if ended.digest == digest else ["its receipt names another payload"]
    before = await ground.refusals()
    other = ground.told("ledger", jti=jti)
    padded = spelling.malleable(data, "pad")[0].data
    copies = (data, padded, forge.sign(other, people.ann), forge.sign(other, people.olga))
    for copy in copies:
        handled = await ground.handled()
        ground.bring(copy)
        await ground.brought_in(1, handled)
    found = await ground.refusals() - before
    # Of the two with other contents one is asked for by ann and signed by another person.
    if found != Counter({"replay": 2, "signature": 0, "malformed": 1, "requester": 1}) + Counter():
        wrong.append(f"copies are refused so: {dict(found)}")
    with contextlib.closing(sqlite3.connect(f"file:{ground.state}/commands.db?mode=ro&immutable=1", uri=True)) as file:
        rows = file.execute("SELECT digest FROM commands WHERE jti = ?", (jti,)).fetchall()
    wrong += [] if rows == [(digest,)] else [f"it remembers {rows}"]
    await ground.note_forged()
    return "; ".join(wrong)
