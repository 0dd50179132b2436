"""This file plays a charger that misbehaves as OCPP goes; it guards that every message is journalled at both ends."""

import asyncio
import json
import time
from typing import Any

from bench.attack.charger import Charger
from bench.attack.csms import basic
from bench.attack.drivers import rotation
from bench.attack.drivers.mqtt_client import schema_versions
from bench.attack.fill import UnknownError, raw, unescape
from bench.attack.frames import TEXT, frame
from bench.attack.ground import secret_of
from bench.attack.link import digest
from bench.attack.proof import Answer, Shot
from bench.attack.steps import Turn, step

_SWITCHING = 101
_SETTLE_S = 0.25
METER = {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]}]}
BODIES: dict[str, dict[str, Any]] = {
    "MeterValues": METER,
    "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M"},
    "StopTransaction": {"transactionId": 1, "meterStop": 9, "timestamp": "2026-01-01T00:00:00Z"},
    "StartTransaction": {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"},
    "Heartbeat": {},
}


async def the_charger(turn: Turn, identity: str | None = None) -> Charger:
    """Give a charger's living connection, connecting it where there is none.

    Raises:
        RuntimeError: It was not let in.
    """
    name = identity or str(turn.names["cp"])
    charger = turn.ground.chargers.get(name)
    if charger is None or not charger.is_connected:
        charger = await turn.ground.connect(name)
    if charger.status != _SWITCHING:
        raise RuntimeError(f"{name} got {charger.status}")
    return charger


@step("ocpp.connect")
async def connect(turn: Turn) -> None:
    """Connect one charger or many, well or badly authenticated."""
    args = turn.args()
    turn.only(args, "cp", "headers", "keep", "auth", "auth_key", "key", "n", "within_s", "from", "profile")
    auth = str(args.get("auth_key") or args.get("auth") or "good")
    number = int(args.get("n", 1))
    if "profile" in args:
        await _connect_with_profile(turn, int(args["profile"]))
        return
    if auth in {"wrong", "bad", "none", "none|bad"}:
        await _strangers(turn, str(args["cp"]), auth, number)
        return
    if "key" in args:
        await rotation.connect(turn, str(args["cp"]), str(args["key"]))
        return
    if auth != "good":
        raise UnknownError(f"ocpp.connect auth {auth} key {args.get('key')}")
    if number > 1:
        await _herd(turn, number, float(args.get("within_s", 1)))
        return
    began = time.monotonic()
    door = turn.ground.door("ws", source="127.0.0.9") if args.get("from") == "its_usual_ip" else None
    charger = await turn.ground.connect(str(args["cp"]), args.get("headers", ()), door)
    took = time.monotonic() - began
    turn.proof.measures["legit_connected_within_s"] = (
        took if charger.status == _SWITCHING else f"{charger.identity} got {charger.status}"
    )


async def _strangers(turn: Turn, identity: str, auth: str, number: int) -> None:
    kinds = ["none", "bad"] if auth == "none|bad" else ["bad" if auth == "wrong" else auth]
    for index in range(number):
        charger = await turn.ground.connect(identity, legit=False, auth=kinds[index % len(kinds)])
        turn.proof.answers.append(
            Answer(f"{turn.label} {index}", charger.status or None, charger.connected_s, charger.head)
        )
        turn.proof.measures["status"] = charger.status


async def _herd(turn: Turn, number: int, within_s: float) -> None:
    """Connect many within a moment; who is refused comes back by its own back-off."""
    turn.ground.csms.accept_delay_s = _accept_delay_s(turn)
    began = time.monotonic()

    async def one(index: int) -> float:
        await asyncio.sleep(within_s * index / number)
        for attempt in range(12):
            charger = await turn.ground.connect(f"HERD-{index}")
            if charger.status == _SWITCHING:
                return time.monotonic() - began
            await asyncio.sleep(1 + attempt)
        return float("inf")

    took = await asyncio.gather(*(one(index) for index in range(number)))
    turn.proof.measures["all_connected_within_s"] = max(took)
    late = [seconds for seconds in took if seconds > 30]
    turn.proof.measures["no_starvation"] = f"{len(late)} waited more than 30 s" if late else True


def _accept_delay_s(turn: Turn) -> float:
    later = [item["csms.accept_delay_ms"] for item in turn.case.do if "csms.accept_delay_ms" in item]
    return float(later[0]) / 1000 if later else 0.0


@step("csms.accept_delay_ms")
async def accept_delay(turn: Turn) -> None:
    """Let the CSMS take its time; a herd step before this one has looked ahead for it."""
    turn.ground.csms.accept_delay_s = float(turn.arg()) / 1000


async def _connect_with_profile(turn: Turn, profile: int) -> None:
    from bench.attack.drivers.tls_probe import connect_with_profile  # noqa: PLC0415 - it imports this file

    await connect_with_profile(turn, profile)


@step("ocpp.disconnect")
async def disconnect(turn: Turn) -> None:
    """End every charger of the case well."""
    for charger in list(turn.ground.chargers.values()):
        await charger.close()
    await asyncio.sleep(_SETTLE_S)


@step("ocpp.call")
async def call(turn: Turn) -> None:
    """Call as a charger."""
    wanted = turn.raw
    turn.only(wanted, "cp", "action", "args", "n", "timestamps", "register")
    charger = await the_charger(turn, wanted.get("cp"))
    if "timestamps" in wanted:
        await _odd_clock(charger, wanted)
        return
    names = dict(turn.names)
    if "tx_of_CP1" in str(wanted.get("args")):
        names["tx_of_CP1"] = await _start_elsewhere(turn)
    args = turn.args(**names)
    body = args.get("args") or BODIES[args["action"]]
    for _ in range(int(args.get("n", 1))):
        await charger.call(args["action"], body)


async def _start_elsewhere(turn: Turn) -> int:
    other = await the_charger(turn, "CP1")
    answer = await other.call("StartTransaction", BODIES["StartTransaction"])
    return int(answer[2]["transactionId"])


async def _odd_clock(charger: Charger, wanted: dict[str, Any]) -> None:
    """Send meter values whose time jumps and whose register falls."""
    years = {"-1y": "2025", "+1y": "2027"}
    for index, jump in enumerate(["now", *wanted["timestamps"]]):
        year = years.get(str(jump), "2026")
        sampled = [{"value": str(9000 - 1000 * index), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
        value = [{"timestamp": f"{year}-06-01T00:00:00Z", "sampledValue": sampled}]
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": value})


@step("ocpp.raw")
async def ocpp_raw(turn: Turn) -> None:
    """Send a text as it is, on the charger's one connection."""
    text = turn.raw
    if not isinstance(text, str):
        raise UnknownError(f"ocpp.raw {text!r}")
    message = _named(turn, text)
    if message is None:
        message = raw(str(turn.arg()).replace("\\\\", "\\"))
    await send_raw(turn, message)


def _named(turn: Turn, text: str) -> bytes | None:
    """Write the messages that a case names by a word instead of writing them out."""
    value = unescape(str(turn.loop.get("s", "")))
    if text == "BootNotification vendor=${s}":
        return json.dumps([2, "1", "BootNotification", {"chargePointVendor": value, "chargePointModel": "m"}]).encode()
    if text == "MeterValues timestamp=${s}":
        body = {"connectorId": 1, "meterValue": [{"timestamp": value, "sampledValue": [{"value": "1"}]}]}
        return json.dumps([2, "1", "MeterValues", body]).encode()
    if text.lstrip().startswith("["):
        return None
    raise UnknownError(f"ocpp.raw {text}")


async def send_raw(turn: Turn, message: bytes) -> None:
    """Send a text message and note it as a shot, on a connection that stays if it may."""
    charger = await the_charger(turn)
    if charger.link is None:
        raise RuntimeError("no link")
    turn.proof.shots.append(Shot(turn.label, dict(turn.loop), charger, message))
    charger.link.sent.append(digest(message))
    await charger.link.write(frame(TEXT, message))
    await asyncio.sleep(_SETTLE_S)


@step("table")
async def table(turn: Turn) -> None:
    """Send every message of a table."""
    rows = turn.names["tables"].get(turn.arg())
    if rows is None:
        raise UnknownError(f"table {turn.arg()}")
    for row in rows:
        await send_raw(turn, str(row).encode())


@step("corpus")
async def corpus(turn: Turn) -> None:
    """Send every message of a corpus, both ways where asked for."""
    turn.only(turn.extra, "both_directions")
    if turn.arg() == "schema_versions":
        await schema_versions(turn)
        return
    rows = turn.names["tables"].get(turn.arg())
    if rows is None:
        raise UnknownError(f"corpus {turn.arg()}")
    charger = await the_charger(turn)
    for row in rows:
        await send_raw(turn, str(row).encode())
    session = turn.ground.csms.by_key(charger.key)
    if session is None:
        raise RuntimeError("no session")
    if turn.extra.get("both_directions"):
        for row in rows:
            await session.link.send(str(row).encode())
    await asyncio.sleep(1)
    link = charger.link
    same = link is not None and link.sent == session.link.received and session.link.sent == link.received
    turn.proof.measures["sha256(sent)==sha256(received)"] = same


@step("csms.call")
async def csms_call(turn: Turn) -> None:
    """Call as the CSMS."""
    args = turn.args(new_hex=rotation.NEW_HEX)
    turn.only(args, "cp", "action", "args", "n", "s")
    identity = str(args.get("cp", turn.names["cp"]))
    charger = await the_charger(turn, identity)
    actions = args.get("action", "TriggerMessage")
    actions = actions if isinstance(actions, list) else [actions]
    if any("charger.reply" in item for item in turn.case.do):
        charger.replies |= dict.fromkeys(actions)  # a later step replies
    if rotation.is_rotation(args):
        rotation.begin(turn.proof, identity, str(args["args"]["value"]))
    number, seconds = turn.fewer(int(args.get("n", 1)), 150), float(args.get("s", 0))
    pause = seconds / int(args.get("n", 1))
    for index in range(number):
        for action in actions:
            body = args.get("args") or _CSMS_BODIES.get(action, {})
            await turn.ground.csms.call(identity, f"csms-{action}-{index}", action, body)
        await asyncio.sleep(pause)
    await asyncio.sleep(_SETTLE_S)
    session = turn.ground.csms.by_key(charger.key)
    got = charger.link is not None and session is not None and charger.link.received == session.link.sent
    turn.proof.measures["relayed"] = True if got else "the charger did not get every call"


_CSMS_BODIES: dict[str, Any] = {
    "ChangeConfiguration": {"key": "AuthorizationKey", "value": "63616e6172792d7365637265742d6b6579"},
    "SetNetworkProfile": {"configurationSlot": 1, "connectionData": {"ocppCsmsUrl": "ws://canary.example/x"}},
    "InstallCertificate": {"certificateType": "CSMSRootCertificate", "certificate": "canary-certificate"},
    "DeleteCertificate": {"certificateHashData": {"serialNumber": "canary-serial"}},
    "SetChargingProfile": {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1}},
    "TriggerMessage": {"requestedMessage": "Heartbeat"},
}


@step("charger.reconnect")
async def reconnect(turn: Turn) -> None:
    """Lose the connection and come back under a new one."""
    old = await the_charger(turn)
    if old.link is None:
        raise RuntimeError("no link")
    turn.proof.measures["old_key"] = old.key
    turn.proof.measures["late_ids"] = list(old.late)
    old.link.leave(reset=True)
    await old.done()
    for _ in range(20):
        if (await turn.ground.connect(old.identity)).status == _SWITCHING:
            return
        await asyncio.sleep(0.2)
    raise RuntimeError("the charger could not come back")


@step("charger.reply")
async def reply(turn: Turn) -> None:
    """Answer a CALL, or answer one of the previous connection on the new one."""
    if isinstance(turn.arg(), str):
        await rotation.reply(turn, str(turn.arg()))
        return
    args = turn.args()
    turn.only(args, "late")
    charger = await the_charger(turn)
    ids = turn.proof.measures.get("late_ids") or []
    if not ids or charger.link is None:
        raise RuntimeError("no CALL waits for its answer")
    late = json.dumps([3, ids[0], {"status": "Accepted"}]).encode()
    await charger.link.send(late)
    await asyncio.sleep(_SETTLE_S)
    session = turn.ground.csms.by_key(charger.key)
    elsewhere = [s.charger for s in turn.ground.csms.sessions if digest(late) in s.link.received and s is not session]
    turn.proof.measures["late_reply"] = f"it reached {elsewhere}" if elsewhere else True


@step("flap")
async def flap(turn: Turn) -> None:
    """Let two holders of one identity take turns."""
    args = turn.args()
    turn.only(args, "cp", "a", "b", "hz", "s")
    sources, period = ("127.0.0.2", "127.0.0.3"), 1 / float(args["hz"])
    seconds = turn.shorter(float(args["s"]), 10)
    end, index, before = time.monotonic() + seconds, 0, len(turn.ground.csms.heads)
    waiting: set[asyncio.Task[Any]] = set()
    while time.monotonic() < end:
        door = turn.ground.door("ws", source=sources[index % 2])
        waiting.add(asyncio.create_task(turn.ground.connect(str(args["cp"]), door=door)))
        waiting = {task for task in waiting if not task.done()}
        index += 1
        await asyncio.sleep(period)
    if waiting:
        await asyncio.wait(waiting)
    dials = len([h for h in turn.ground.csms.heads[before:] if f"/{args['cp']} ".encode() in h])
    turn.proof.measures["northbound_reconnects_per_min_max"] = dials * 60 / max(seconds, 60)


@step("replay")
async def replay(turn: Turn) -> None:
    """Play an attacker who has a recorded session, and perhaps the password."""
    args = turn.args()
    turn.only(args, "pcap", "auth")
    record = turn.names["tables"].get(args["pcap"])
    if record is None:
        raise UnknownError(f"replay of {args['pcap']}")
    if args["auth"] == "none":
        stranger = await turn.ground.connect("CP1", legit=False, auth="none")
        refused = stranger.status != _SWITCHING
        turn.proof.measures["none"] = True if refused else "let in without credentials"
        return
    mine = await the_charger(turn, "CP1")
    for row in record:
        await send_raw(turn, str(row).encode())
    thief = Charger("CP1")
    turn.ground.living.append(thief)
    status = await thief.connect(turn.ground.door(), [f"Authorization: {basic('CP1', secret_of('CP1'))}"])
    if status == _SWITCHING and thief.link is not None:
        turn.ground.legit.add(thief.key)  # the CSMS cannot tell; what counts is the alarm
        for row in record:
            await thief.link.send(str(row).encode())
    turn.proof.measures["stolen_status"] = status
    turn.proof.measures["original_alive"] = mine.is_connected
    await asyncio.sleep(_SETTLE_S)
