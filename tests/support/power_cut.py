"""This file knows what a disk may hold after a power cut; it guards that no order of writes is taken for granted.

A traced process leaves the list of its writes and flushes. What was flushed is on the disk; of what was written since,
any part may be, in any order, and a write may be torn at a sector's edge.
"""

import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STRACE = Path("/usr/bin/strace")
SECTOR_BYTES = 512
_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
TRACED = "openat,pwrite64,ftruncate,fdatasync,fsync,write,unlink,close"


@dataclass
class _File:
    flushed: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Writes since the last flush: where and what; None truncates there."""


@dataclass(frozen=True)
class Moment:
    """A disk at one moment.

    Attributes:
        told: Lines the process had written to its standard output.
        files: By name: what is flushed, and what was written since.
    """

    told: tuple[str, ...]
    files: dict[str, tuple[bytes, tuple[tuple[int, bytes | None], ...]]]

    def image(self, rng: random.Random | None, *, keep: float) -> dict[str, bytes]:
        """Give what the files hold when a part of the unflushed writes is on the disk.

        Args:
            rng: Draws which, and where one is torn; None if `keep` is 0 or 1.
            keep: How likely each is there.
        """
        return {name: _applied(flushed, pending, rng, keep) for name, (flushed, pending) in self.files.items()}


def command(folder: Path, log: Path, *extra: str, blocks: int, file: str = "o.db", way: str = "") -> list[str]:
    """Give the command that runs the writer under strace.

    Args:
        folder: Of the outbox; standard output has to go to the file "told" in it.
        log: Where the trace goes.
        extra: More options, such as a fault to inject.
        blocks: How many the writer puts.
        file: Name of the outbox.
        way: Its third argument, if any.
    """
    paths = [option for name in (file, f"{file}-wal", "told") for option in ("-P", str(folder / name))]
    options = ["-f", "-qq", "-xx", "-s", "100000", "-e", f"trace={TRACED}", "-o", str(log), *paths, *extra]
    return [str(STRACE), *options, sys.executable, "-m", "support.outbox_writer", str(folder / file), str(blocks), way]


def run(folder: Path, log: Path, *extra: str, blocks: int, way: str = "") -> "subprocess.CompletedProcess[bytes]":
    """Run the writer under strace until it ends or is killed."""
    environment = {"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    with (folder / "told").open("wb") as told:
        return subprocess.run(
            command(folder, log, *extra, blocks=blocks, way=way),
            stdout=told,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=60,
            check=False,
        )


def moments(log: Path, before: dict[str, bytes]) -> Iterator[Moment]:
    """Replay a trace: give the disk after each write and each flush.

    Args:
        log: The trace.
        before: What the files held when the process began, by name.
    """
    files = {name: _File(bytearray(data)) for name, data in before.items()}
    names: dict[int, str] = {}
    told: list[str] = []
    for line in log.read_text(encoding="ascii").splitlines():
        call = _CALL.match(line)
        if call is None or int(call[3]) < 0:
            continue
        verb, arguments, result = call[1], call[2], int(call[3])
        if verb == "openat":
            name = Path(_text(arguments).decode()).name
            names[result] = name
            if name != "told":
                files.setdefault(name, _File())
        elif verb == "unlink":
            files.pop(Path(_text(arguments).decode()).name, None)
        elif verb == "write":
            told += _text(arguments).decode().splitlines()
        else:
            _disk_call(verb, arguments, files, names)
            if verb != "close":
                yield Moment(tuple(told), {name: (bytes(f.flushed), tuple(f.pending)) for name, f in files.items()})


def _disk_call(verb: str, arguments: str, files: dict[str, _File], names: dict[int, str]) -> None:
    descriptor = int(arguments.split(",", maxsplit=1)[0])
    file = files.get(names.get(descriptor, ""))
    if file is None:
        return
    if verb == "close":
        del names[descriptor]
    elif verb == "pwrite64":
        file.pending.append((int(arguments.rsplit(",", 1)[1]), _text(arguments)))
    elif verb == "ftruncate":
        file.pending.append((int(arguments.split(",")[1]), None))
    else:
        file.flushed = bytearray(_applied(bytes(file.flushed), file.pending, None, 1))
        file.pending.clear()


def _applied(
    flushed: bytes, pending: Sequence[tuple[int, bytes | None]], rng: random.Random | None, keep: float
) -> bytes:
    data = bytearray(flushed)
    for at, text in pending:
        if keep < 1 and (rng is None or rng.random() >= keep):
            continue
        if text is None:
            del data[at:]
            data.extend(bytes(at - len(data)))
            continue
        if rng is not None and rng.random() < 0.2:
            text = text[: rng.randrange(0, len(text) + 1, SECTOR_BYTES)]  # noqa: PLW2901 - a torn write
        data.extend(bytes(max(0, at + len(text) - len(data))))
        data[at : at + len(text)] = text
    return bytes(data)


def _text(arguments: str) -> bytes:
    found = _TEXT.search(arguments)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else b""
