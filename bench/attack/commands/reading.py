"""This file has a gateway do all that is said to read only; it guards that nothing is another afterwards.

Every verb of class R0 is done, one that is not known here is an error. State is what settings, keys and limits say,
whether the gateway is frozen, how often its parts began anew, what a device was told to write, and what chargers were
asked beside questions. Two verbs that do change something come last, and have to be seen.
"""

import asyncio
import base64
import contextlib
import hashlib
import http.client
import json
import re
import time
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from bench.attack.charger import Charger
from bench.attack.commands.court import Move, step
from bench.attack.commands.flood import watched
from bench.attack.commands.ground import RESET, CommandGround
from bench.attack.commands.observed import vouched
from bench.attack.fill import UnknownError
from bench.attack.ground import free_ports

from isolane.wire.receipt import Receipt
from isolane.wire.verbs.catalogue import VERBS

_PROPERTY: Final = "for v in verbs if v.effect=='read': charger and gateway state hash unchanged"
_QUESTIONS: Final = frozenset({"GetConfiguration", "GetVariables", "TriggerMessage", "GetLog"})
_SIGNAL: Final = "1.0/EVSE/DCVoltage"
_ARGS: Final[dict[str, dict[str, object]]] = {
    "status": {},
    "ledger": {},
    "log.tail": {"lines": 20},
    "registers.read": {"source": "meter", "charger": "CP1", "signals": [_SIGNAL]},
    "net.ping": {"target": "loop", "count": 1},
    "net.trace": {"target": "loop", "hops": 2},
    "snapshot.take": {},
    "snapshot.fetch": {},
    "telemetry.refine": {"from_ms": 0, "to_ms": 3_600_000},
    "charger.trigger_message": {"charger": "CP1", "message": "Heartbeat"},
    "charger.get_log": {"charger": "CP1"},
    "charger.get_configuration": {"charger": "CP2"},
    "charger.get_variables": {
        "charger": "CP1",
        "variables": [{"component": "OCPPCommCtrlr", "variable": "HeartbeatInterval"}],
    },
}
_STATE = re.compile(r"^isolane_\S*(?:restart|rung|frozen)\S* .*$", re.MULTILINE)
_TEMPLATE: Final = """maker = "Attack"
model = "One register"
points = [{ key = "EVSE/DCVoltage", address = 0, type = "u16", unit = "V", scale = 0.1, resolution = 0.1 }]
[source]
title = "None"
url = "none"
"""
_READS: Final = (3, 4)
_FETCH_S: Final = 60.0
_PUT_S: Final = 60.0


class Device:
    """A Modbus server with one value; what it is told to write is noted, and refused.

    Attributes:
        writes: Every request that was no question.
        reads: How many questions there were.
    """

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.reads = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the peer goes."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                answer = self.answer(body)
                writer.write(head[:4] + (1 + len(answer)).to_bytes(2, "big") + head[6:7] + answer)
                await writer.drain()
        writer.close()

    def answer(self, body: bytes) -> bytes:
        """Give the answer to a request, both without header."""
        if body[0] in _READS:
            self.reads += 1
            count = int.from_bytes(body[3:5], "big")
            return bytes((body[0], 2 * count)) + (4000).to_bytes(2, "big") * count
        self.writes.append(body.hex())
        return bytes((body[0] | 0x80, 1))


_DEVICE: Final = Device()


@contextlib.asynccontextmanager
async def _means() -> AsyncIterator[dict[str, Any]]:
    """Have a device, a black box and a door for logs, so that there is no verb that the gateway has not."""
    [door] = free_ports(1)
    server = await asyncio.start_server(_DEVICE.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    more = (
        "[health.recorder]\nbefore_s = 10\nafter_s = 10\nlength_s_max = 20\n"
        f'[[health.sources]]\ntype = "modbus"\nname = "meter"\naddress = "127.0.0.1:{port}"\n'
        'devices = [{ charger = "CP1", evse = 1, template_file = "one.toml" }]\n'
    )
    verbs = f'[health.commands.verbs.uploads]\ndoors = [{{ way = "http", address = "127.0.0.1:{door}" }}]\n'
    try:
        yield {
            "more": more,
            "verbs": verbs,
            "own_calls": f'upload_to = ["http://127.0.0.1:{door}/"]\n',
            "files": {"one.toml": _TEMPLATE},
        }
    finally:
        server.close()


@step("property", ground=_means)
async def reads(move: Move) -> None:
    """Have each verb of class R0 done, and compare what there was with what there is.

    Raises:
        UnknownError: It is another property, or there is a verb that this file does not know.
    """
    if move.arg != _PROPERTY:
        raise UnknownError(f"property {move.arg!r}")
    names = [name for name, verb in VERBS.items() if verb.kind == "R0"]
    if set(names) != set(_ARGS):
        raise UnknownError(f"verbs that read: {sorted(set(names) ^ set(_ARGS))}")
    ground, wrong = move.ground, list[str]()
    other = await _second(ground)
    async with watched(move), _uploading(ground, wrong):
        if found := await _until_known(ground):
            raise RuntimeError(found)
        before = await state(ground, other)
        snapshot = ""
        for name in names:
            ended = await _done(ground, name, {"snapshot": snapshot} if name == "snapshot.fetch" else _ARGS[name])
            snapshot = str(ended.result.get("snapshot", "")) if name == "snapshot.take" else snapshot
            wrong += [] if ended.state == "done" else [f"{name}: {ended.state} {ended.reason} {ended.detail}"]
            now = await state(ground, other)
            wrong += [f"{name} changes {what}" for what in before if before[what] != now[what]]
            before = now
        wrong += await _seen(ground, other, before)
    wrong += [] if _DEVICE.reads else ["nobody has asked the device"]
    move.measures["holds"] = "; ".join(wrong + await vouched(ground)) or True
    move.notes.append(f"{len(names)} verbs of class R0; freeze.set and {RESET} are seen to change something")


async def _second(ground: CommandGround) -> Charger:
    """Connect a charger with OCPP 1.6."""
    other = await ground.base.connect("CP2")
    ground.base.living.remove(other)
    other.replies["GetConfiguration"] = {"configurationKey": [], "unknownKey": []}
    ground.charger.replies["GetVariables"] = {"getVariableResult": []}
    ground.charger.replies["GetLog"] = {"status": "Accepted", "filename": "log.txt"}
    await other.call("Heartbeat", {})
    return other


async def _until_known(ground: CommandGround) -> str:
    """Wait until the gateway knows the charger: the tap tells of it a little later."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        ended = await ground.do("charger.trigger_message", args=_ARGS["charger.trigger_message"])
        if ended.state == "done":
            return ""
        await asyncio.sleep(1)
    return f"the charger is not known: {ended.detail}"


async def _done(ground: CommandGround, name: str, args: dict[str, object]) -> Receipt:
    """Have a verb done; a snapshot that is still being taken is asked for again."""
    end = time.monotonic() + _FETCH_S
    while True:
        ended = await ground.do(name, args=args)
        if ended.state == "done" or name != "snapshot.fetch" or time.monotonic() > end:
            return ended
        await asyncio.sleep(8)


@contextlib.asynccontextmanager
async def _uploading(ground: CommandGround, wrong: list[str]) -> AsyncIterator[None]:
    """Have the charger upload its log where it is told to; note where nobody takes it."""

    async def run() -> None:
        told = 0
        while True:
            messages = [json.loads(each) for each in ground.charger.link.messages] if ground.charger.link else []
            asked = [each[3] for each in messages if each[0] == 2 and each[2] == "GetLog"]
            for each in asked[told:]:
                said = await asyncio.to_thread(_put, each["log"]["remoteLocation"])
                wrong.extend([] if said == http.client.CREATED else [f"the door says {said} to the charger's log"])
            told = len(asked)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _put(url: str) -> int | str:
    """Upload as a charger does; give the status, or why there is none."""
    parts = urllib.parse.urlsplit(url)
    word = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    way = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=_PUT_S)
    try:
        way.request("PUT", f"{parts.path}log.txt", b"line\n" * 100, {"Authorization": f"Basic {word}"})
        return way.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        way.close()


async def state(ground: CommandGround, other: Charger) -> dict[str, str]:
    """Name what the gateway and each charger are."""
    box = ground.gateway.folder
    files = [box / "site.toml", box / "keys.jws", box / "one.toml", ground.state / "disruptions.json"]
    page = await ground.base.page(ground.gateway)
    said = ground.said
    told = [digest_of(files), ground.gateway.pid, said.boot, said.frozen, said.keys_ver, sorted(_STATE.findall(page))]
    found = {"the gateway": told, "the device": _DEVICE.writes}
    for charger in (ground.charger, other):
        found[charger.identity] = changes([json.loads(each) for each in charger.link.messages] if charger.link else [])
    return {name: hashlib.sha256(json.dumps(what).encode()).hexdigest() for name, what in found.items()}


def changes(messages: list[Any]) -> list[Any]:
    """Give what a charger was told that is no question."""
    return [each[2:] for each in messages if each[0] == 2 and each[2] not in _QUESTIONS]


def digest_of(files: list[Path]) -> str:
    """Name the bytes of files, those that are there."""
    seen = hashlib.sha256()
    for file in files:
        seen.update(file.name.encode() + b"\0" + (file.read_bytes() if file.is_file() else b""))
    return seen.hexdigest()


async def _seen(ground: CommandGround, other: Charger, before: dict[str, str]) -> list[str]:
    """Change something, so that it is known that a change is seen."""
    wrong = await ground.reset()
    found = [wrong] if wrong else []
    ended = await ground.do("freeze.set")
    found += [] if ended.state == "done" else [f"freeze.set: {ended.reason}"]
    await ground.until(lambda: ground.said.frozen, "a statement that it is frozen")
    now = await state(ground, other)
    return found + [f"a change of {what} is not seen" for what in ("the gateway", "CP1") if before[what] == now[what]]
