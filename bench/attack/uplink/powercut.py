"""This file cuts the power on paper; it guards that nothing is on the disk that was not written.

A process under strace tells what it wrote where and when it synced. At a cut, of all that was written to a file since
its last sync any part may be there, in any order, the last write torn between sectors. What was synced is there.
"""

import logging
import random
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.attack.uplink.feed import SCHEMA, T0_MS

from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.outbox.store import Store

_CALLS = "trace=pwrite64,write,fsync,fdatasync,ftruncate"
TRACE = (
    "strace",
    "-f",
    "-q",
    "-xx",
    "-s",
    "4000000",
    "-y",
    "-e",
    _CALLS,
    "-o",
)
_CALL = re.compile(r"^(\d+) +(pwrite64|write|fsync|fdatasync|ftruncate)\((\d+)<(.*?)>(?:, |\)| )?(.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (fsync|fdatasync) resumed>")
_PUT = re.compile(rb"put (\d+)\n")
_SECTOR = 512
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Event:
    """One thing that happened: a write, a truncation, a sync, or a block's number told as stored."""

    kind: str
    name: str = ""
    at: int = 0
    data: bytes = b""


def read_trace(file: Path, folder: Path) -> list[Event]:
    """Read what happened to the files of a folder, in order."""
    return list(_events(file.read_text(encoding="ascii", errors="replace").splitlines(), str(folder)))


def _events(lines: Iterable[str], folder: str) -> Iterator[Event]:  # noqa: C901 - one branch a call
    syncing: dict[str, str] = {}
    for line in lines:
        resumed = _RESUMED.match(line)
        if resumed is not None:
            yield Event("sync", syncing.pop(resumed[1], ""))
            continue
        call = _CALL.match(line)
        if call is None:
            continue
        process, what, path, rest = call[1], call[2], bytes(_unescaped(call[4])).decode(), call[5] or ""
        name = Path(path).name if path.startswith(folder) else ""
        if what == "write":
            yield from (Event("put", at=int(number)) for number in _PUT.findall(_text(rest)))
        elif name and what == "pwrite64":
            at = re.search(r", \d+, (\d+)(?:\)| <unfinished)", rest)
            if at is not None:
                yield Event("write", name, int(at[1]), _text(rest))
        elif name and what == "ftruncate":
            size = re.match(r"(\d+)", rest)
            if size is not None:
                yield Event("truncate", name, int(size[1]))
        elif name and "unfinished" in line:
            syncing[process] = name
        elif name:
            yield Event("sync", name)


def _text(rest: str) -> bytes:
    found = re.match(r'"((?:\\x[0-9a-f]{2})*)"', rest)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else b""


def _unescaped(text: str) -> bytes:
    return bytes.fromhex("".join(re.findall(r"\\x([0-9a-f]{2})", text))) or text.encode()


@dataclass
class _Disk:
    """Files as synced, and what was written since."""

    synced: dict[str, bytearray]
    pending: dict[str, list[Event]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Let one thing happen."""
        if event.kind in {"write", "truncate"}:
            self.pending.setdefault(event.name, []).append(event)
        elif event.kind == "sync":
            for each in self.pending.pop(event.name, []):
                _apply(self.synced.setdefault(event.name, bytearray()), each)

    def after_cut(self, dice: random.Random, folder: Path) -> None:
        """Write what is there after the power is back."""
        for name in {*self.synced, *self.pending}:
            content = bytearray(self.synced.get(name, b""))
            pending = self.pending.get(name, [])
            kept = [each for each in pending if each.kind == "truncate" or dice.random() < dice.choice((0.2, 0.5, 0.9))]
            writes = [each for each in kept if each.kind == "write"]
            dice.shuffle(writes)
            if writes and dice.random() < 0.5:
                last = writes[-1]
                torn = dice.randrange(0, len(last.data) + 1, _SECTOR)
                writes[-1] = Event("write", last.name, last.at, last.data[:torn])
            for each in (*(one for one in kept if one.kind == "truncate"), *writes):
                _apply(content, each)
            (folder / name).write_bytes(content)


def _apply(content: bytearray, event: Event) -> None:
    if event.kind == "truncate":
        del content[event.at :]
        content.extend(bytes(event.at - len(content)))
        return
    end = event.at + len(event.data)
    content.extend(bytes(max(0, end - len(content))))
    content[event.at : end] = event.data


@dataclass
class Cuts:
    """What was found after many cuts."""

    tried: int = 0
    unopened: list[str] = field(default_factory=list)
    lost: int = 0
    acknowledged: int = 0


def replay(base: Path, events: list[Event], number: int, tag: bytes) -> Cuts:
    """Cut the power at many moments and let the product open what is left.

    Args:
        base: Folder as it was before the first event.
        events: What happened.
        number: How many cuts.
        tag: The gateway's.
    """
    logging.getLogger("isolane").addHandler(logging.NullHandler())  # what it says of each cut is counted here
    cuts, dice = Cuts(), random.Random(7)
    moments = sorted(dice.randrange(len(events) + 1) for _ in range(number))
    disk = _Disk({path.name: bytearray(path.read_bytes()) for path in base.iterdir() if path.name.startswith("outbox")})
    told: set[int] = set()
    at = 0
    for moment in moments:
        while at < moment:
            disk.take(events[at])
            if events[at].kind == "put":
                told.add(events[at].at)
            at += 1
        with tempfile.TemporaryDirectory(prefix="cut", dir="/dev/shm") as name:
            disk.after_cut(dice, Path(name))
            _open(cuts, Path(name) / "outbox.db", told, tag)
    return cuts


def _open(cuts: Cuts, file: Path, told: set[int], tag: bytes) -> None:
    cuts.tried += 1
    cuts.acknowledged += len(told)
    store = Store(OutboxSettings(path=file), tag, SystemClock(), SCHEMA, frozenset())
    try:
        store.open()
        quarantined = store.troubles.quarantined
        store.close()
    except IsolaneError as error:
        cuts.unopened.append(str(error))
        return
    if quarantined:
        cuts.unopened.append("a file that a power cut has left was set aside")
    connection = sqlite3.connect(file)
    here = {(from_ms - T0_MS) // _HOUR_MS for (from_ms,) in connection.execute("SELECT from_ms FROM blocks")}
    connection.close()
    cuts.lost += len(told - here)
