"""This file changes chargers' passwords through the relay; it guards that each way to end has chargers of its own.

A CSMS that has sent a new password takes both until it has seen one, and then that one alone, unless the charger has
answered: after Accepted the new one, after anything else the old one. What the relay stores is its own business; what
counts is who gets in.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from bench.attack.charger import Charger
from bench.attack.csms import basic
from bench.attack.fill import UnknownError
from bench.attack.ground import secret_of
from bench.attack.proof import Proof
from bench.attack.steps import Turn

NEW_HEX = b"canary-new-key".hex()
"""What the CSMS sets, as OCPP 1.6 writes it."""
_SWITCHING, _DENIED = 101, 401
_WAIT_S = 10.0
_KEY = "AuthorizationKey"


def is_rotation(args: dict[str, Any]) -> bool:
    """Tell whether a call of the CSMS's sets a charger's password."""
    body = args.get("args") or {}
    return args.get("action") == "ChangeConfiguration" and body.get("key") == _KEY and "value" in body


async def reply(turn: Turn, end: str) -> None:
    """Let a call end in one way, with chargers of its own, and see who gets in with which password.

    Raises:
        UnknownError: There is no such way.
    """
    if end not in _ENDS:
        raise UnknownError(f"charger.reply {end}")
    key, scene = _ENDS[end]
    rotation = turn.proof.measures.get("rotation")
    if rotation is None:
        raise RuntimeError("no call has set a password before")
    measures = turn.proof.measures
    rotation["end"][str(rotation["cp"])] = end if not rotation["end"] else next(iter(rotation["end"].values()))
    for keeps in scene.keeps:
        first = not rotation["used"]
        rotation["used"] = True
        identity = str(rotation["cp"]) if first else turn.ground.fresh_identity()
        wrong = await _Try(turn, identity, str(rotation["value"])).run(scene.act, keeps=keeps)
        if measures.get(key, True) is True:
            measures[key] = wrong or True
        measures["locked_out"] = measures.get("locked_out", False) or "not let in" in wrong


async def connect(turn: Turn, identity: str, kind: str) -> None:
    """Come once more with the new or the old password, after what became of the first charger's call.

    Raises:
        UnknownError: There is no such password, or nothing has changed one.
    """
    rotation: dict[str, Any] = turn.proof.measures.get("rotation") or {}
    end = rotation.get("end", {}).get(identity)
    if kind not in {"new", "old"} or end is None:
        raise UnknownError(f"ocpp.connect key {kind} of {identity}")
    one = _Try(turn, identity, str(rotation["value"]))
    right = "new" if end in {"Accepted", "timeout", "kill9_gateway_before_commit", "kill9_after_commit"} else "old"
    await one.expects(kind, allowed=kind == right)
    if one.wrong:
        turn.proof.measures[_ENDS[end][0]] = "; ".join(one.wrong)
        turn.proof.measures["locked_out"] = kind == right


class _Try:
    """One charger whose password is changed."""

    def __init__(self, turn: Turn, identity: str, value: str) -> None:
        self.turn, self.ground, self.identity, self.value = turn, turn.ground, identity, value
        self.passwords = {"old": secret_of(identity), "new": bytes.fromhex(value)}
        self.wrong: list[str] = []
        self.source = f"127.0.3.{1 + len(turn.ground.living) % 250}"

    async def run(self, act: "Act", *, keeps: str) -> str:
        """Call, let it end so, come with what the charger keeps, then with the other, then with the first again."""
        held = self.ground.chargers.get(self.identity)
        charger = held if held is not None and held.is_connected else await self._come("old")
        if charger.status != _SWITCHING:
            return f"{self.identity} was not let in with the old password before the change: {charger.status}"
        charger.replies["ChangeConfiguration"] = None
        if not charger.late:
            body = {"key": _KEY, "value": self.value}
            await self.ground.csms.call(self.identity, f"rotate-{self.identity}", "ChangeConfiguration", body)
        async with asyncio.timeout(_WAIT_S):
            while not charger.late:  # noqa: ASYNC110 - the charger's reading has no event
                await asyncio.sleep(0.01)
        self.ground.csms.candidates[self.identity] = self.passwords["new"]
        await act(self, charger)
        await self.leave(charger)
        await self.expects(keeps, allowed=True)
        await self.expects("old" if keeps == "new" else "new", allowed=False)
        await self.expects(keeps, allowed=True)
        return "; ".join(self.wrong)

    async def expects(self, kind: str, *, allowed: bool) -> None:
        """Come with a password and note where the answer is a wrong one."""
        charger = await self._come(kind, legit=allowed)
        got_in = charger.status == _SWITCHING
        await charger.close()
        await self._gone()
        if got_in != allowed or (not got_in and charger.status != _DENIED):
            said = "not let in" if allowed else "let in" if got_in else "answered"
            self.wrong.append(f"{self.turn.label} {self.identity} with the {kind} password {said} ({charger.status})")

    async def answer(self, charger: Charger, status: str) -> None:
        """Answer the call, and let the CSMS read it."""
        if charger.link is None:
            raise RuntimeError("the charger is not connected")
        text = json.dumps([3, charger.late[0], {"status": status}]).encode()
        await charger.link.send(text)
        session = self.ground.csms.by_key(charger.key)
        async with asyncio.timeout(_WAIT_S):
            while session is None or text not in session.link.messages:  # noqa: ASYNC110 - a relay between
                await asyncio.sleep(0.01)
        self.ground.csms.candidates.pop(self.identity, None)
        if status == "Accepted":
            self.ground.csms.take(self.identity, self.passwords["new"])

    async def kill(self) -> None:
        """Kill the relay and start it again."""
        self.turn.proof.measures["restarted"] = True
        await self.ground.relay.kill()
        await self.ground.relay.start()

    async def leave(self, charger: Charger) -> None:
        """End a charger's connection."""
        if charger.link is not None:
            charger.link.leave()
        await charger.done()
        await self._gone()

    async def come_and_kill(self, charger: Charger) -> None:
        """Come again, with the new password, and kill the relay when it has let the charger in."""
        await self.leave(charger)
        await self.expects("new", allowed=True)
        await self.kill()

    async def _come(self, kind: str, *, legit: bool = True) -> Charger:
        charger = Charger(self.identity)
        field = f"Authorization: {basic(self.identity, self.passwords[kind])}"
        await charger.connect(self.ground.door(source=self.source), [field])
        self.ground.legit.add(charger.key)  # the CSMS is to be asked, whatever it says
        if charger.link is not None:
            self.ground.living.append(charger)
            if legit:
                self.ground.chargers[self.identity] = charger
        return charger

    async def _gone(self) -> None:
        """Wait until the relay holds this identity no more."""
        async with asyncio.timeout(_WAIT_S):
            while any(not session.link.ended.is_set() for session in self.ground.csms.of(self.identity)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


Act = Callable[[_Try, Charger], Awaitable[None]]


async def _accepted(one: _Try, charger: Charger) -> None:
    await one.answer(charger, "Accepted")


async def _rejected(one: _Try, charger: Charger) -> None:
    await one.answer(charger, "Rejected")


async def _not_supported(one: _Try, charger: Charger) -> None:
    await one.answer(charger, "NotSupported")


async def _nothing(_one: _Try, _charger: Charger) -> None:
    """The reply is lost: the CSMS does not know which password the charger has now."""


async def _killed(one: _Try, _charger: Charger) -> None:
    await one.kill()


async def _killed_after(one: _Try, charger: Charger) -> None:
    await one.come_and_kill(charger)


class _Scene:
    """How a call ends, and which password a charger may have kept then."""

    def __init__(self, act: Act, *keeps: str) -> None:
        self.act, self.keeps = act, keeps


_ENDS: dict[str, tuple[str, _Scene]] = {
    "Accepted": ("accepted", _Scene(_accepted, "new")),
    "Rejected": ("rejected", _Scene(_rejected, "old")),
    "NotSupported": ("rejected", _Scene(_not_supported, "old")),
    "timeout": ("timeout_or_crash", _Scene(_nothing, "new", "old")),
    "kill9_gateway_before_commit": ("timeout_or_crash", _Scene(_killed, "new", "old")),
    "kill9_after_commit": ("timeout_or_crash", _Scene(_killed_after, "new")),
}


def begin(proof: Proof, identity: str, value: str) -> None:
    """Note that the CSMS sets a password, and whose first."""
    proof.measures["rotation"] = {"cp": identity, "value": value, "used": False, "end": {}}
