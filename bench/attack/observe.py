"""This file holds the observables to a case; it guards that they mean the same in every case."""

import asyncio
import collections
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bench.attack.cases import Case
from bench.attack.csms import basic, fields_of
from bench.attack.fill import UnknownError
from bench.attack.ground import KNOWN, Ground, secret_of
from bench.attack.process import Use
from bench.attack.proof import Proof

PLANTED = ("canary.example", "canary-certificate", "canary-serial", "63616e617279", "canary-new-key")
"""What drivers write into messages and nobody may find again."""
BACK_S = 30.0
"""What the target gets to come back to its base."""
_SETTLE_S = 3.0
_RES_SLACK = 1.05
_POOLED = 2
"""Descriptors or threads that a pool of the center gets by chance."""
_DISK_BYTES_MAX = 4 << 20
_LINES_PER_MIN = 10
_EVENT = re.compile(r"security-event type=(?P<type>\S+) ")
_FIELD = re.compile(r'\b(peer|gateway|charger|detail)=("[^"]*"|\S+)')
_OF_FILES = ("reload", "storage")
_NOBODY = ("-", '""')
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d+(?:Z|\+00:00)")
_CRASHES = ("Traceback", "never retrieved", "never awaited", " CRITICAL ")
_ADMITTED = re.compile(r" INFO .* charger=(\S+)")
_OF_A_START = re.compile(r" (INFO isolane\.tap\.(app|event_port|listen)|DEBUG asyncio Using) ")
"""What the tap says of itself when the harness starts and stops it; nobody outside can make it say so."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass
class Base:
    """How the target was before the case."""

    pids: tuple[int, ...]
    uses: tuple[Use, ...]
    disk_bytes: int
    log_chars: dict[str, int]
    began: float = field(default_factory=time.monotonic)


@dataclass
class Scene:
    """What an observable may look at."""

    case: Case
    ground: Ground
    proof: Proof
    base: Base
    watch: dict[str, Any]

    def log(self, name: str) -> str:
        """Give what a process has logged since the case began."""
        process = next(each for each in self.ground.processes if each.name == name)
        return process.text()[self.base.log_chars[name] :]

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names of all processes that are attacked."""
        return tuple(process.name for process in self.ground.processes)


Observable = Callable[[Scene], Awaitable[str]]


def base_of(ground: Ground) -> Base:
    """Note how the target is now."""
    return Base(
        tuple(process.pid for process in ground.processes),
        tuple(process.use() for process in ground.processes),
        _disk_bytes(ground),
        {process.name: len(process.text()) for process in ground.processes},
    )


async def alive(scene: Scene) -> str:
    """The same processes answer, and nothing has crashed inside."""
    wrong = []
    for process, pid in zip(scene.ground.processes, scene.base.pids, strict=True):
        if not process.is_alive:
            wrong.append(f"{process.name} is gone")
        elif process.pid != pid and not (scene.proof.measures.get("restarted") or process.starts_by_step):
            wrong.append(f"{process.name} was restarted")
        elif not await scene.ground.answers(process):
            wrong.append(f"{process.name} does not answer")
        text = process.text()
        wrong += [f"{process.name} logged {sign.strip()}" for sign in _CRASHES if sign in text]
        wrong += [f"{process.name} logged {line[:100]!r}" for line in text.splitlines() if _is_fault(line)]
    crashes = await scene.ground.metric(scene.ground.tap, "isolane_tap_crashes_total")
    return "; ".join(wrong + ([f"the tap met {crashes:g} faults of its own"] if crashes else []))


def _is_fault(line: str) -> bool:
    """Tell whether a line is an error that is not the answer to a file which a case has spoiled."""
    return " ERROR " in line and "key_files reload-failed part=" not in line


async def bystander(scene: Scene) -> str:
    """Ten chargers saw no disconnect and no more than 50 ms."""
    wrong = list(scene.watch["broken"])[:3]
    if scene.watch["samples"] < 20:
        wrong.append(f"only {scene.watch['samples']} samples")
    if scene.watch["added_p99_ms"] > 50:
        wrong.append(f"added p99 {scene.watch['added_p99_ms']:.1f} ms{_on_this_machine(scene)}")
    return "; ".join(wrong)


async def res(scene: Scene) -> str:
    """Memory, descriptors and threads come back within 30 s; the loop never hung; the disk did not fill."""
    end = time.monotonic() + BACK_S
    while (wrong := _above(scene)) and time.monotonic() < end:  # noqa: ASYNC110 - another process has no event
        await asyncio.sleep(0.2)
    if scene.watch["lag_p99_ms"] > 100:
        wrong.append(f"event loop p99 {scene.watch['lag_p99_ms']:.0f} ms{_on_this_machine(scene)}")
    grown = _disk_bytes(scene.ground) - scene.base.disk_bytes
    if grown > _DISK_BYTES_MAX:
        wrong.append(f"{grown} bytes on the disk")
    return "; ".join(wrong)


def _on_this_machine(scene: Scene) -> str:
    """Say how late the machine wakes the observer, who does next to nothing: where that is much, others are at work."""
    return f" (the observer itself is woken late: p99 {scene.watch['late_p99_ms']:.0f} ms)"


def _above(scene: Scene) -> list[str]:
    wrong = []
    for process, base in zip(scene.ground.processes, scene.base.uses, strict=True):
        if not process.is_alive:
            return [f"{process.name} is gone"]
        now = process.use()
        for name in ("rss_kb", "fds", "threads"):
            before, after = getattr(base, name), getattr(now, name)
            pooled = _POOLED if process.name == "center" and name != "rss_kb" else 0
            if after > before * _RES_SLACK and after > before + pooled:
                wrong.append(f"{process.name} {name} {before} to {after}")
    return wrong


async def noloss_v(scene: Scene) -> str:
    """Both ends' lists of messages are equal; one may lack a suffix only where the sender saw its socket end."""
    end = time.monotonic() + _SETTLE_S
    while (wrong := _losses(scene)) and time.monotonic() < end:  # noqa: ASYNC110 - two ends and a relay between
        await asyncio.sleep(0.05)
    return "; ".join(wrong[:4])


def _losses(scene: Scene) -> list[str]:
    wrong = []
    for charger in scene.ground.living:
        session = scene.ground.csms.by_key(charger.key)
        if charger.link is None or session is None:
            continue
        link, name = charger.link, charger.identity
        ended = link.ended_by_peer or link.violation != "" or link.closed_with is not None
        wrong += _compare(f"{name} north", link.sent, session.link.received, may_lack=ended)
        gone = session.link.ended.is_set()
        wrong += _compare(f"{name} south", session.link.sent, link.received, may_lack=gone)
    for journal in scene.watch["journals"]:
        session = scene.ground.csms.by_key(journal["key"])
        if session is not None:
            wrong += _compare(f"{session.charger} north", journal["sent"], session.link.received, may_lack=False)
            wrong += _compare(f"{session.charger} south", session.link.sent, journal["received"], may_lack=False)
    return wrong


def _compare(name: str, sent: list[str], received: list[str], *, may_lack: bool) -> list[str]:
    if received == sent or (may_lack and received == sent[: len(received)]):
        return []
    same = sum(1 for a, b in zip(sent, received, strict=False) if a == b)
    return [f"{name}: {len(received)} of {len(sent)} messages, {same} alike"]


async def once(scene: Scene) -> str:
    """No message reached the CSMS more often than it was sent."""
    sent = collections.Counter(one for charger in scene.ground.living if charger.link for one in charger.link.sent)
    sent.update(scene.proof.measures.get("sent_before", {}))
    got = collections.Counter(
        one
        for session in scene.ground.csms.sessions
        if session.key in scene.ground.legit
        for one in session.link.received
    )
    twice = [one for one, number in got.items() if number > sent[one]]
    uplink = scene.ground.uplink
    order = (await asyncio.to_thread(uplink.stored)).order if uplink is not None else []
    if len(order) != len(set(order)):
        return f"{len(order) - len(set(order))} blocks are at the center twice"
    return f"{len(twice)} messages arrived more often than they were sent" if twice else ""


async def noloss_h(scene: Scene) -> str:
    """The center has every number of every stream, or a gap record for it, and the values that were measured."""
    uplink = scene.ground.uplink
    if uplink is None:
        return "the target has no Channel B"
    await uplink.enqueue(20)
    if not await uplink.drained():
        return f"the outbox does not get empty: {await uplink.books()}"
    return "; ".join(await uplink.missing())


async def noentry(scene: Scene) -> str:
    """Nothing of the attacker's reached the CSMS, and no secret reached the attacker."""
    csms, ground = scene.ground.csms, scene.ground
    strangers = [
        head
        for head in csms.heads
        if fields_of(head).get("sec-websocket-key", "") not in ground.legit and b"/BY-" not in head
    ]
    wrong = [f"{len(strangers)} handshakes reached the CSMS, the first {strangers[0][:60]!r}"] if strangers else []
    for shot in scene.proof.shots:
        session = csms.by_key(shot.charger.key) if shot.hostile else None
        if session and session.link.messages:
            wrong.append(f"{shot.label}: {len(session.link.messages)} messages reached the CSMS")
    heard = b"".join(answer.raw for answer in scene.proof.answers)
    if any(secret in heard for secret in _secrets()):
        wrong.append("the attacker was told a secret")
    if ground.uplink is not None:
        wrong += ground.uplink.entries[:3]
    return "; ".join(wrong)


async def secevent(scene: Scene) -> str:
    """What was done is told once: one event of a right type for each source, at most one a minute, with peer and time.

    The tap knows no address: its events name the charger. So do the relay's about a connection that was let in. A file
    that cannot be read again is nobody's: its event names the file.
    """
    wrong, found = [], collections.Counter[tuple[str, str]]()
    for name in scene.names:
        for line in scene.log(name).splitlines():
            event = _EVENT.search(line)
            if event is None:
                continue
            said = dict(_FIELD.findall(line))
            fields = ("peer", "gateway", "charger") if event["type"] not in _OF_FILES else ("detail",)
            source = next((said[field] for field in fields if said.get(field, "-") not in _NOBODY), "-")
            wrong += [] if source != "-" else [f"{event['type']} names neither peer nor charger"]
            wrong += [] if _STAMP.match(line) else [f"no UTC time: {line[:40]}"]
            found[event["type"], source] += 1
    if not found:
        return "no security event"
    minutes = int((time.monotonic() - scene.base.began) // 60) + 1
    wrong += [f"{count} events {kind} of {who}" for (kind, who), count in found.items() if count > minutes]
    others = {kind for kind, _ in found} - scene.proof.suspects
    wrong += [f"an event of the wrong type: {', '.join(sorted(others))}"] if others else []
    return "; ".join(wrong)


async def logsafe(scene: Scene) -> str:
    """One line a record, no control characters, no secret, no flood; the case's own starts of the tap count as none."""
    wrong = []
    for name in scene.names:
        lines = scene.log(name).split("\n")
        odd = [line for line in lines if _CONTROL.search(line)]
        wrong += [f"{name}: control character in {odd[0][:60]!r}"] if odd else []
        loose = [line for line in lines if line and not re.match(r"^\d{4}-", line)]
        wrong += [f"{name}: a line without a time: {loose[0][:60]!r}"] if loose else []
        text = "\n".join(lines)
        if any(secret.decode() in text for secret in _secrets()):
            wrong.append(f"{name}: a secret in the log")
        told: dict[str, list[str]] = collections.defaultdict(list)
        for line in filter(None, lines):
            told[_source_of(scene, line)].append(line)
        if name in {"health", "center"}:
            told[""] = [line for line in told[""] if " INFO " not in line]
        if name == "tap":
            told[""] = [line for line in told[""] if not _OF_A_START.search(line)]
        minutes = int((time.monotonic() - scene.base.began) // 60) + 1
        for who, found in told.items():
            if len(found) > _LINES_PER_MIN * minutes:
                wrong.append(f"{name}: {len(found)} lines of {who or 'all'} in {minutes} min, as {found[-1][:90]!r}")
    return "; ".join(wrong)


def _source_of(scene: Scene, line: str) -> str:
    """Give whose record a line is: a charger's that a CSMS has let in, or "" for the attack's."""
    found = _ADMITTED.search(line)
    if found is None or not (found[1] in scene.ground.guests or scene.ground.csms.of(found[1])):
        return ""
    return found[1]


async def pii(scene: Scene) -> str:
    """No canary on the disk, in logs or in what the tap tells."""
    canaries = [*_secrets(), *(word.encode() for word in PLANTED)]
    files = [path for path in scene.ground.folder.rglob("*") if path.is_file() and "pki" not in path.parts]
    found = [path.name for path in files if any(canary in path.read_bytes() for canary in canaries)]
    wrong = [f"a canary in {name}" for name in found]
    if any(canary in packet for canary in canaries for packet in scene.ground.told.packets):
        wrong.append("a canary left the tap")
    return "; ".join(wrong)


def _secrets() -> list[bytes]:
    names = [*KNOWN, "BY-0"]
    return [secret_of(name) for name in names] + [basic(name, secret_of(name))[6:].encode() for name in names]


def _disk_bytes(ground: Ground) -> int:
    size = 0
    for path in ground.folder.rglob("*"):
        if "center" not in path.parts:  # the center keeps what it is sent, within each gateway's quota
            with contextlib.suppress(OSError):
                size += path.stat().st_size if path.is_file() else 0
    return size


OBSERVABLES: dict[str, Observable] = {
    "ALIVE": alive, "BYSTANDER": bystander, "RES": res, "NOLOSS_V": noloss_v, "ONCE": once, "NOENTRY": noentry,
    "SECEVENT": secevent, "LOGSAFE": logsafe, "PII": pii,
    "NOLOSS_H": noloss_h,
}  # fmt: skip
AFTER = ("NOLOSS_V", "ONCE", "NOENTRY", "SECEVENT", "LOGSAFE", "PII", "ALIVE")
"""Judged while the case's chargers are still there; the rest when they have gone."""


def observable(name: str) -> Observable:
    """Give an observable.

    Raises:
        UnknownError: It is not known.
    """
    if name not in OBSERVABLES:
        raise UnknownError(f"observable {name}")
    return OBSERVABLES[name]
