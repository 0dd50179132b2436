"""This file speaks to the broker as somebody who should not; it guards that what he gets and what gets in is on record.

The cases' topics `site/<gateway>/up/tele` are the product's `isolane/<site>/<gateway>/up/block`; a topic is tried as it
stands and in the product's words.
"""

import asyncio
import json
import random
import re
import ssl
import time
from pathlib import Path

from bench.attack.drivers.broker import uplink_of
from bench.attack.fill import UnknownError, unescape
from bench.attack.steps import Turn, step
from bench.attack.uplink.client import Client, client, trusting
from bench.attack.uplink.flood import flood
from bench.attack.uplink.ground import GATEWAY, OTHER, SITE, Uplink
from bench.attack.uplink.hostile import forged
from bench.attack.uplink.rival import Rival

from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.wire.uplink import Up, down_topic, up_topic

_HOLD_S = 2.0
_FLOOD_S = 30.0
_MEGABYTE = 1 << 20


@step("mqtt.connect")
async def connect(turn: Turn) -> None:
    """Connect in one of the ways that must not work."""
    arg, uplink = turn.arg(), uplink_of(turn)
    if isinstance(arg, str):
        await _stranger(turn, uplink, arg)
    elif set(arg) == {"cn"}:
        await _odd_name(turn, uplink, unescape(str(arg["cn"])))
    elif arg.get("cert") == "revoked":
        turn.only(arg, "cert")
        await _revoked(turn, uplink)
    elif set(arg) == {"cert", "client_id"}:
        await _takeover(turn, uplink, str(arg["cert"]), str(arg["client_id"]))
    else:
        raise UnknownError(f"mqtt.connect {arg}")


async def _stranger(turn: Turn, uplink: Uplink, way: str) -> None:
    ca, port = uplink.folder / "pki/ca.pem", uplink.broker.port
    tls: ssl.SSLContext | None = trusting(ca)
    login, transport = None, "tcp"
    if way == "foreign_ca":
        other = Authority(uplink.folder / "pki/stranger")
        other.create(SITE)
        identity = other.issue("gateway", common_name=GATEWAY)
        tls = trusting(ca)
        tls.load_cert_chain(identity.certificate, identity.key)
    elif way == "userpass":
        login = (GATEWAY, "password")
    elif way in {"plain1883", "ws9001"}:
        ports = _listening(uplink.broker.pid)
        if ports != {port}:
            turn.proof.measures["connected"] = f"the broker listens on {sorted(ports)}"
        tls, login = None, (GATEWAY, "password")
        transport = "websockets" if way == "ws9001" else "tcp"
    elif way != "nocert":
        raise UnknownError(f"mqtt.connect {way}")
    async with client(port, tls, GATEWAY, login=login, transport=transport) as session:
        _note(turn, connected=session.connected)
        if session.connected:
            await _listen(turn, uplink, session, "#", own="")


def _note(turn: Turn, *, connected: bool) -> None:
    measures = turn.proof.measures
    if not isinstance(measures.get("connected", False), str):
        measures["connected"] = measures.get("connected", False) or connected


def _listening(pid: int) -> set[int]:
    """Give the TCP ports that a process listens on."""
    inodes = {
        match[1]
        for fd in Path(f"/proc/{pid}/fd").iterdir()
        if (match := re.match(r"socket:\[(\d+)\]", _target(fd))) is not None
    }
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                found.add(int(words[1].rpartition(":")[2], 16))
    return found


def _target(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:
        return ""


async def _odd_name(turn: Turn, uplink: Uplink, name: str) -> None:
    measures = turn.proof.measures
    try:
        uplink.authority.issue(f"odd-{turn.label[:3]}", common_name=name)
    except IsolaneError:
        measures.setdefault("ca_refuses_to_issue", True)
    else:
        measures["ca_refuses_to_issue"] = f"{name!r} was issued"
    identity = forged(uplink.folder / "pki", f"forged-{turn.label[:3]}", name)
    async with client(uplink.broker.port, trusting(uplink.folder / "pki/ca.pem", identity), GATEWAY) as session:
        said = f"{name!r}: {'connected' if session.connected else 'not let in'}"
        got_in = False
        if session.connected:
            got_in = await _may_do_anything(turn, uplink, session, name)
        turn.proof.notes.append(f"{said}{', all denied' if session.connected and not got_in else ''}")
        measures.setdefault("broker_denies", True)
        if got_in:
            measures["broker_denies"] = f"{name!r} may publish or listen"


async def _may_do_anything(turn: Turn, uplink: Uplink, session: Client, name: str) -> bool:
    """Publish as everybody and listen to everybody; tell whether anything got through."""
    topics = [up_topic(SITE, gateway, Up.BLOCK) for gateway in (GATEWAY, OTHER)]
    raw = [topic for topic in (f"isolane/{SITE}/{name}/up/block",) if not set(topic) & set("+#\0")]
    for topic in (*topics, *raw):
        session.publish(topic, b'{"canary": 1}')
    before = len((await asyncio.to_thread(uplink.stored)).aside)
    await _listen(turn, uplink, session, "#", own="")
    after = (await asyncio.to_thread(uplink.stored)).aside
    return len(after) > before or bool(session.heard)


async def _takeover(turn: Turn, uplink: Uplink, cert: str, client_id: str) -> None:
    """Ask for another's client id; the victim's session must not notice, and two of one CN must be one client."""
    before = await uplink.books()
    ca, port = uplink.folder / "pki/ca.pem", uplink.broker.port
    identity = uplink.identities[cert]
    async with client(port, trusting(ca, identity), client_id) as thief:
        await asyncio.sleep(_HOLD_S)
        await _listen(turn, uplink, thief, down_topic(SITE, client_id), own=cert)
        after = await uplink.books()
        async with client(port, trusting(ca, identity), "another") as twin:
            replaced = await thief.until(thief.ended.is_set)
            measures = turn.proof.measures
            measures["takeover"] = after["links"]["mqtt"][:2] != before["links"]["mqtt"][:2]
            is_bound = thief.connected and twin.connected and replaced
            measures["rule"] = "" if is_bound else f"two sessions of {cert} live side by side: the id is not the CN"


@step("subscribe")
async def subscribe(turn: Turn) -> None:
    """Subscribe to what is another's, while others speak, and count what is heard of them."""
    args, uplink = turn.args(), uplink_of(turn)
    turn.only(args, "as", "topic")
    name = str(args["as"])
    if name == GATEWAY:
        await uplink.gateway.stop()  # its own session would be thrown out by ours, and would fight back
    identity = uplink.identities.get(name) or uplink.issue(name)
    async with client(uplink.broker.port, trusting(uplink.folder / "pki/ca.pem", identity), name) as session:
        if not session.connected:
            raise RuntimeError(f"{name} is not let in at all")
        await _listen(turn, uplink, session, str(args["topic"]), own=name)
    if name == GATEWAY:
        await uplink.gateway.start()


async def _listen(turn: Turn, uplink: Uplink, session: Client, topic: str, *, own: str) -> None:
    """Subscribe to a topic, as it stands and in the product's words, while another gateway talks with the center."""
    for each in dict.fromkeys((topic, re.sub(r"(^|/)site/", rf"\1isolane/{SITE}/", topic))):
        await session.subscribe(each)
    other = OTHER if own != OTHER else "gw-03"
    rival = await Rival.of(uplink, other)
    async with rival.session() as talk:
        for number in range(1, 4):
            talk.publish(up_topic(SITE, other, Up.BLOCK), rival.block(number))
        await talk.until(lambda: len(talk.heard) > 0)
    await asyncio.sleep(0.5)
    mine = {f"isolane/{SITE}/{own}/dn"} if own else set()
    strange = [name for name, _, _ in session.heard if name not in mine]
    measures = turn.proof.measures
    measures["messages_of_others"] = measures.get("messages_of_others", 0) + len(strange)
    if strange:
        uplink.entries.append(f"{topic}: {len(strange)} messages of others, the first on {strange[0]}")


@step("publish")
async def publish(turn: Turn) -> None:
    """Publish as a gateway: another's identity, far too much, or to another."""
    args, uplink = turn.args(), uplink_of(turn)
    if "rate_hz" in args or "mb_per_min" in args:
        turn.only(args, "rate_hz", "mb_per_min", "s")
        await _flood(turn, uplink, float(args.get("rate_hz", 0)), float(args.get("mb_per_min", 0)), float(args["s"]))
    elif set(args) == {"to"}:
        await _to_gateway(turn, uplink, str(args["to"]))
    else:
        turn.only(args, "as", "topic", "payload")
        await _as_another(turn, uplink, args)


async def _as_another(turn: Turn, uplink: Uplink, args: dict[str, object]) -> None:
    """Publish on one's own topic what names another: as it stands, and as a whole block of the other."""
    name, payload = str(args["as"]), args["payload"]
    topic = re.sub(r"^site/([^/]+)/up/tele$", rf"isolane/{SITE}/\1/up/block", str(args["topic"]))
    claimed = str(payload.get("gw", OTHER)) if isinstance(payload, dict) else OTHER
    if name == GATEWAY:
        await uplink.gateway.stop()
    victim = await Rival.of(uplink, claimed)
    own = await Rival.of(uplink, name, uplink.identities.get(name))
    async with own.session() as session:
        session.publish(topic, json.dumps(payload).encode() if not isinstance(payload, str) else payload.encode())
        for number in (1_000_001, 1_000_002):
            session.publish(topic, victim.block(number))
        await session.until(lambda: session.acknowledged >= 3)
        await asyncio.sleep(1.5)
    if name == GATEWAY:
        await uplink.gateway.start()
    stored = await asyncio.to_thread(uplink.stored)
    aside = [entry for entry in stored.aside if entry[0] == name]
    as_victim = [key for key in stored.blocks if key[0] == claimed and key not in uplink.streams]
    if as_victim:
        uplink.entries.append(f"rows of {claimed} that {name} has sent")
    wrong = "" if len(aside) >= 3 and not as_victim else f"{len(aside)} of 3 set aside, {as_victim} stored as {claimed}"
    turn.proof.measures["ingest"] = wrong


async def _flood(turn: Turn, uplink: Uplink, rate_hz: float, mb_per_min: float, seconds: float) -> None:
    """Let a gateway send far too much while others send as gateways do; measure how long theirs takes."""
    asked_s, seconds = seconds, min(seconds, _FLOOD_S)
    if seconds < asked_s:
        turn.proof.notes.append(f"{asked_s:g} s became {seconds:g} s: the queues are at their bounds after five")
    size = int(mb_per_min * _MEGABYTE / 60 / (rate_hz or 10)) if mb_per_min else 0
    name = "isolane_center_over_quota_total"
    before = await turn.ground.metric_at(uplink.metrics_url, name)
    seen = await flood(uplink, rate_hz or 10, size, seconds)
    lag_s, measures = max(seen.lags), turn.proof.measures
    numbers = await turn.ground.metric_at(uplink.metrics_url, name) - before
    said = f"{seen.sent} messages, {numbers:g} over the quota; {len(seen.lags)} of others, worst {lag_s:.2f} s"
    turn.proof.notes.append(said)
    measures["other_gateways_lag_s_max"] = lag_s
    measures["quota_per_gateway"] = numbers > 0 or "nothing was over the quota"


@step("revoke")
async def revoke(turn: Turn) -> None:
    """Leave a session behind, then lock the gateway out as the guide says: put it on the list, restart the broker."""
    name, uplink = str(turn.arg()), uplink_of(turn)
    identity = uplink.identities.get(name) or uplink.issue(name)
    if name == GATEWAY:
        await uplink.gateway.stop()
    async with client(uplink.broker.port, trusting(uplink.folder / "pki/ca.pem", identity), name, keep_s=3600) as left:
        if not left.connected:
            raise RuntimeError(f"{name} is not let in before it is revoked")
        await left.subscribe(down_topic(SITE, name))
    uplink.authority.revoke(identity.certificate)
    turn.proof.measures["revoked"] = name
    for process in (uplink.broker, uplink.center):
        await process.kill()
        await process.start()


async def _to_gateway(turn: Turn, uplink: Uplink, name: str) -> None:
    """Publish to a gateway as the center does, with the center's own certificate, and see how long it may live."""
    other = await Rival.of(uplink, OTHER)
    async with other.session() as talk:
        talk.publish(up_topic(SITE, OTHER, Up.BLOCK), other.block(1))
        await talk.until(lambda: len(talk.heard) > 0)
        expiries = [expiry for _, _, expiry in talk.heard]
    longest = max((one if one is not None else 1 << 32 for one in expiries), default=1 << 32)
    most = float(turn.ground.lim.get("cmd_ttl_s", 300))
    turn.proof.measures["command_exp_short"] = longest <= most or f"what the center sends lives {longest} s"
    await uplink.center.kill()  # the broker knows one client of that name
    center = trusting(uplink.folder / "pki/ca.pem", uplink.center_identity)
    async with client(uplink.broker.port, center, "center") as session:
        session.publish(down_topic(SITE, name), b'{"canary": "queued"}')
        await session.until(lambda: session.acknowledged > 0)
    await uplink.center.start()


async def _revoked(turn: Turn, uplink: Uplink) -> None:
    """Come back with the revoked certificate, then with a new one of the same name: nothing may have waited."""
    name, ca, port = str(turn.proof.measures["revoked"]), uplink.folder / "pki/ca.pem", uplink.broker.port
    async with client(port, trusting(ca, uplink.identities[name]), name, keep_s=3600) as session:
        measures = turn.proof.measures
        measures["connect"] = "" if not session.connected else f"{name} was let in with a revoked certificate"
    async with client(port, trusting(ca, uplink.issue(name)), name, keep_s=3600) as session:
        await asyncio.sleep(_HOLD_S)
        purged = session.connected and not session.present and not session.heard
        measures["queued_purged"] = purged or f"session kept {session.present}, {len(session.heard)} messages waited"
        if session.heard:
            uplink.entries.append("a revoked gateway's queue was delivered")


@step("deliver")
async def deliver(turn: Turn) -> None:
    """Deliver the same blocks several times, in disorder, by several ways."""
    args, uplink = turn.args(), uplink_of(turn)
    turn.only(args, "dup", "shuffle", "paths")
    paths, number = list(args.get("paths", ["mqtt"])), 40
    if set(paths) - {"mqtt", "https"}:
        raise UnknownError(f"deliver by {paths}")
    rival = await Rival.of(uplink, OTHER)
    blocks = [rival.block(each) for each in range(1, number + 1)]
    plan = [(path, block) for path in paths for block in blocks for _ in range(int(args.get("dup", 1)))]
    if args.get("shuffle"):
        random.Random(7).shuffle(plan)
    async with rival.session() as session:
        session.publish(up_topic(SITE, OTHER, Up.SCHEMA), rival.schema)
        for path, block in plan:
            if path == "mqtt":
                session.publish(up_topic(SITE, OTHER, Up.BLOCK), block)
            else:
                await rival.post(Up.BLOCK, block)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            if rival.acknowledged(session) >= set(range(1, number + 1)):
                break
    await asyncio.sleep(1)
    uplink.streams[rival.key] = number
    stored = await asyncio.to_thread(uplink.stored)
    here = stored.blocks.get(rival.key, {})
    same = sorted(here) == list(range(1, number + 1)) and not stored.copies and rival.is_as_sent(here)
    turn.proof.measures["stored_once"] = same or f"{len(here)} of {number} stored, {stored.copies} copies"


async def schema_versions(turn: Turn) -> None:
    """Send messages of other releases, by both ways: with unknown fields, without optional ones, of wrong types."""
    uplink = uplink_of(turn)
    rival = await Rival.of(uplink, OTHER)
    wrong = []
    async with rival.session() as session:
        for kind, text, is_taken in rival.of_other_releases():
            status = await rival.post(kind, text)
            session.publish(up_topic(SITE, OTHER, kind), text)
            if is_taken is not None and (status == 200) is not is_taken:
                wrong.append(f"{kind} {text[:60]!r}: status {status}")
        await session.until(lambda: session.acknowledged > 0)
        talk = len(session.heard)
        session.publish(up_topic(SITE, OTHER, Up.BLOCK), rival.block(1))
        if not await session.until(lambda: len(session.heard) > talk):
            wrong.append("the center does not answer any more")
    turn.proof.measures["unknown_fields"] = "; ".join(wrong[:3])
