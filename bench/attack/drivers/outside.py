"""This file wraps foreign tools and looks from other users' eyes; it guards that a missing tool is an error."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from bench.attack.charger import Door
from bench.attack.drivers import autobahn
from bench.attack.drivers.hello import SSL3, SUITES, TLS10, TLS11, TLS12, offer
from bench.attack.fill import UnknownError, unescape
from bench.attack.steps import Turn, step

from isolane.core.failures import IsolaneError
from isolane.tap.vocabulary import ACTIONS
from isolane.value.door.head import compose
from isolane.wire.uplink import Up, down_topic, ingest_path, up_topic

_STRANGER = 65_534
"""The uid of nobody: it stands for every other service user."""
_VERSIONS = {SSL3: "SSL 3.0", TLS10: "TLS 1.0", TLS11: "TLS 1.1"}


@step("run")
async def run(turn: Turn) -> None:
    """Run a foreign tool, or what stands in for it; the note says which."""
    words = str(turn.raw).split()
    if words[0] in {"sslyze", "testssl"}:
        await _scan(turn, words)
    elif words[0] == "wstest":
        await autobahn.run(turn, words, [str(item) for item in turn.extra.get("cases", ["*"])])
    elif words[0] == "pytest":
        await _differential(turn, words)
    else:
        raise UnknownError(f"run {turn.raw}")


async def _scan(turn: Turn, words: list[str]) -> None:
    """Offer every old version, or every suite by itself, in hand-built ClientHellos."""
    turn.proof.notes.append(
        f"own ClientHello scanner in place of {words[0]}: it offers what no library writes any more"
    )
    port = turn.ground.ports["wss"]
    if "--tlsv1_2" in words:
        taken = [name for number, name in SUITES.items() if (await offer(port, TLS12, (number,))).suite == number]
        wanted = set(turn.case.expect.get("tls12_exactly", []))
        more = f"taken beside them {sorted(set(taken) - wanted)}, " if set(taken) - wanted else ""
        less = f"not taken {sorted(wanted - set(taken))}" if wanted - set(taken) else ""
        turn.proof.measures["tls12_exactly"] = more + less or sorted(wanted)
        turn.proof.measures["profile_modern_drops_rsa_kx"] = await _modern(turn)
        return
    old = [name for number, name in _VERSIONS.items() if (await offer(port, number)).version]
    turn.proof.measures["accepted"] = old
    if not (await offer(port, TLS12)).version:
        raise RuntimeError("TLS 1.2 is not taken either: the scan proves nothing")


async def _modern(turn: Turn) -> bool:
    """See that a listener with suites = "modern" takes no TLS_RSA suite."""
    ground = turn.ground
    settings = ground.folder / "site.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("second_certificate", 'suites = "modern"\nsecond_certificate'), encoding="utf-8")
    turn.proof.measures["restarted"] = True
    await ground.relay.stop()
    await ground.relay.start()
    kept = {name: number for number, name in SUITES.items() if name in {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}}
    return not [n for n in kept.values() if (await offer(ground.ports["wss"], TLS12, (n,))).suite == n]


async def _differential(turn: Turn, words: list[str]) -> None:
    """Send random messages of every action through the relay and directly, and compare what the CSMS got."""
    turn.proof.notes.append(
        f"own seeded generator in place of {words[1]}: random payloads of every action, both versions"
    )
    seeded, ground = random.Random(12), turn.ground
    door = Door(ground.csms.port, "/csms")
    relayed = await ground.connect(ground.fresh_identity())
    direct = await ground.connect(ground.fresh_identity(), door=door)
    number = turn.fewer(20, 4)
    for action in sorted(ACTIONS):
        for index in range(number):
            message = json.dumps([2, f"{action}-{index}", action, payload(seeded, 0)], ensure_ascii=bool(index % 2))
            for charger in (relayed, direct):
                if charger.link is not None:
                    await charger.link.send(message.encode("utf-8", "replace"))
            await asyncio.sleep(1.05 / float(ground.lim["msg_hz"]))
    await asyncio.sleep(1)
    sessions = [ground.csms.by_key(charger.key) for charger in (relayed, direct)]
    logs = [session.link.received if session else [] for session in sessions]
    turn.proof.notes.append(f"{len(logs[1])} messages")
    same = logs[0] == logs[1] and len(logs[0]) == number * len(ACTIONS)
    turn.proof.measures["csms_log_via_relay == csms_log_direct"] = same or f"{len(logs[0])} and {len(logs[1])} messages"


def payload(seeded: random.Random, depth: int) -> Any:  # noqa: ANN401 - JSON
    """Draw a JSON value, an object at the top."""
    kind = seeded.randrange(7) if depth else 6
    if kind == 6 and depth < 4:
        return {payload_text(seeded): payload(seeded, depth + 1) for _ in range(seeded.randrange(6))}
    if kind == 5 and depth < 4:
        return [payload(seeded, depth + 1) for _ in range(seeded.randrange(5))]
    scalars = (None, True, seeded.randrange(-(10**18), 10**18), seeded.uniform(-1e9, 1e9), payload_text(seeded))
    return scalars[seeded.randrange(len(scalars))]


def payload_text(seeded: random.Random) -> str:
    """Draw a text of any planes but the surrogates'."""
    points = (range(32, 127), range(32), range(0xA0, 0xD800), range(0xE000, 0x11000))
    return "".join(chr(seeded.choice(seeded.choice(points))) for _ in range(seeded.randrange(24)))


_NAMERS = {"topic_for"}


def _name(turn: Turn, names: list[str]) -> None:
    """Make topics and paths from hostile names, in every place of each."""
    made = []
    for name in (unescape(str(each)) for each in names):
        for site, gateway in ((name, "gw-01"), ("site", name)):
            for make in (partial(up_topic, kind=Up.BLOCK), down_topic, partial(ingest_path, kind=Up.BLOCK)):
                with contextlib.suppress(IsolaneError):
                    made.append(make(site, gateway)[:80])
    turn.proof.measures["raises"] = not made or f"{made[0]!r} was made"


@step("call")
async def call(turn: Turn) -> None:
    """Give a hostile header to what writes every request north."""
    args = turn.args()
    if args.get("fn") in _NAMERS:
        turn.only(args, "fn", "args")
        _name(turn, list(args["args"]))
        return
    turn.only(args, "fn", "headers")
    headers = args["headers"]
    if args["fn"] != "northbound.connect":
        raise UnknownError(f"call {args['fn']}")
    if isinstance(headers, str):  # YAML reads `X-A\r\nY: b` as one mapping or one text
        name, _, value = headers.partition(": ")
        headers = {name: value}
    wire = b""
    try:
        wire = compose("GET /CP1 HTTP/1.1", [(unescape(str(k)), unescape(str(v))) for k, v in headers.items()])
    except ValueError:
        rejected = True
    else:
        rejected = False
    turn.proof.measures["raises"] = rejected or f"{headers} was written"
    turn.proof.measures["bytes_on_wire"] = max(len(wire), turn.proof.measures.get("bytes_on_wire", 0))


@step("as_user")
async def as_user(turn: Turn) -> None:
    """Try, as a user who is neither relay nor tap, what would cross the boundary."""
    if os.geteuid() != 0:
        raise UnknownError("trying as another user needs root")
    for path in (turn.ground.folder, turn.ground.folder / "pki"):
        path.chmod(0o755)  # what is guarded below must guard itself
    state = turn.ground.folder / "run"
    attempts: dict[str, list[Any]] = {
        "connect relay admin socket": ["connect", str(state / "tap.sock")],
        "read /var/lib/gw/keys/*": ["read", *[str(p) for p in turn.ground.pki.folder.glob("*.key")]],
        "ptrace relay": ["ptrace", turn.ground.relay.pid],
        "open /proc/<relay>/mem": ["read", f"/proc/{turn.ground.relay.pid}/mem"],
        "write relay config": ["write", str(turn.ground.folder / "site.toml")],
        "signal relay": ["signal", turn.ground.relay.pid],
        "bind 443": ["bind", 443],
        "inject frame on tap fd": ["write", f"/proc/{turn.ground.relay.pid}/fd/3"],
    }
    wrong = []
    for name in turn.extra["try"]:
        if name not in attempts:
            raise UnknownError(f"try {name}")
        wrong += [f"{name}: {got}"] if (got := await _try(attempts[name])) else []
    turn.proof.measures["all"] = "; ".join(wrong) or True


async def _try(words: list[Any]) -> str:
    """Run one attempt as nobody; give what it achieved, "" where the kernel refused."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    script = Path(__file__).with_name("stranger.py").read_text(encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(python, "-I", "-c", script, *map(str, words)),
        user=_STRANGER,
        group=_STRANGER,
        extra_groups=[],
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    said = out.decode().strip()
    if said not in {"refused", "done"}:
        raise RuntimeError(f"an attempt could not run: {err.decode()[-200:]}")
    return "" if said == "refused" else "it worked"
