"""This file sends snapshots whose insides have hostile names (SN-05); it guards that none becomes a file, or markup.

A snapshot is no archive: an MCAP file has attachments, notes, channels and schemas with names, and no member that is a
link, a device or has a mode. So each kind of evil member stands there as a name and a type, and as the id of a paper.
"""

import asyncio
import io
import json
import secrets
import sys
from pathlib import Path

import msgspec
from bench.attack.operations.court import Move
from bench.attack.operations.ground import CHARGER, T0_MS, Actor, Center
from bench.attack.operations.papers import bodies_of, post_papers, until_here
from mcap.writer import CompressionType, Writer

from isolane.wire.snapshot import CARD, CHUNK

_MARK = f"evil-member-{secrets.token_hex(4)}"
_NAMES = {
    "climbs": f"../../../{_MARK}",
    "climbs by backslash": f"..\\..\\{_MARK}",
    "absolute": f"/tmp/{_MARK}",  # noqa: S108 - what must not be written
    "device": "/dev/null",
    "NTFS stream": f"{_MARK}:stream",
    "NUL": f"{_MARK}\0.html",
    "line break": f"{_MARK}\r\nX-Evil: 1",
    "markup": f"<img src=x onerror=alert(1)>{_MARK}",
    "4 KB": _MARK + "x" * 4096,
    "twice": _MARK,
    "twice ": _MARK,
    "manifest": "manifest.json",
}
_TYPES = ("inode/symlink", "inode/hardlink", "inode/chardevice", "application/x-setuid")
EVIL_ID = f"{T0_MS:012x}{5:020x}"
_API = "/api/v1/snapshots"


async def evil_members(move: Move) -> None:
    """Send such a file and such ids as A's gateway, have them shown, exported and served, then look at every folder."""
    center = move.center
    center.suspects |= {"unreadable", "identity"}
    actor = await center.person("A", "viewer")
    data = evil_file()
    await post_papers(center, "A", [*_evil_ids(), *bodies_of(EVIL_ID, data, charger=CHARGER["A"], firmware=_MARK)])
    await until_here(center, actor, EVIL_ID)
    await post_papers(center, "B", bodies_of(EVIL_ID, b"another's id" * 100, charger=CHARGER["B"]))
    wrong = await _shown(center, actor)
    exported = center.folder / "exported"
    await asyncio.to_thread(exported.mkdir)
    await _export(exported, data)
    control = center.folder / f"control-{_MARK}"
    await asyncio.to_thread(control.touch)
    found = await asyncio.to_thread(_strange, center.folder)
    await asyncio.to_thread(control.unlink)
    if control not in found:
        raise RuntimeError("who looks for strange files does not see one")
    found.remove(control)
    center.notes += [
        f"{len(_NAMES)} names and {len(_TYPES)} types in one file, {len(_evil_ids())} papers with such ids"
    ]
    center.notes += [str(path) for path in found[:3]] + wrong[:3]
    center.measures["files_outside_root"] = len(found) + len(wrong)


def evil_file() -> bytes:
    """Write an MCAP file in which everything that has a name has an evil one."""
    out = io.BytesIO()
    writer = Writer(out, compression=CompressionType.ZSTD)
    writer.start(_NAMES["climbs"], _NAMES["line break"])
    schema = writer.register_schema(_NAMES["markup"], "jsonschema", b"{}")
    for name in _NAMES.values():
        channel = writer.register_channel(f"/health/{name}", "json", schema, {"charger": name, "step_ms": "1000"})
        writer.add_message(channel, T0_MS * 1_000_000, json.dumps({name: 1.0}).encode(), T0_MS * 1_000_000)
        writer.add_metadata("isolane.snapshot", {"id": name, "site": name, "gateway": name, "charger": name})
    for kind in ("", *_TYPES):
        for name in _NAMES.values():
            writer.add_attachment(T0_MS, T0_MS, name, kind, b"/etc/passwd")
    writer.finish()  # type: ignore[no-untyped-call]
    return out.getvalue()


def _evil_ids() -> list[tuple[str, bytes]]:
    """Give papers whose snapshot is named so."""
    card = {"charger": "x", "state": "whole", "level": 3, "begun_ms": T0_MS, "from_ms": T0_MS, "to_ms": T0_MS}
    chunk = {"version": 1, "number": 0, "parts": 1, "size": 1, "sha256": bytes(32), "data": b"x"}
    bodies = []
    for name in _NAMES.values():
        bodies.append((CARD, json.dumps({**card, "id": name, "triggers": []}).encode()))
        bodies.append((CHUNK, msgspec.msgpack.encode({**chunk, "snapshot": name})))
    return bodies


async def _shown(center: Center, actor: Actor) -> list[str]:
    """Have it shown by every path there is; gives what was shown as markup or failed."""
    wrong = []
    for path in (
        f"{_API}/{EVIL_ID}",
        f"{_API}/{EVIL_ID}/series?signal=0",
        f"{_API}/{EVIL_ID}/report",
        f"/snapshots/{EVIL_ID}",
        "/snapshots",
    ):
        reply = await center.ask(actor, "GET", path)
        if reply.status != 200:
            wrong.append(f"{path} got {reply.status}")
        is_page = "content-type: text/html" in reply.head.lower()
        if "x-evil" in reply.head.lower() or (is_page and b"<img" in reply.body):
            wrong.append(f"{path} believed a name")
    return wrong


async def _export(folder: Path, data: bytes) -> None:
    """Export it as a person does at the gateway or at home; only what was asked for may be there then."""
    file = folder / "in.mcap"
    await asyncio.to_thread(file.write_bytes, data)
    words = (
        "blackbox",
        "export",
        str(file),
        "--html",
        str(folder / "out.html"),
        "--parquet",
        str(folder / "out.parquet"),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isolane", *words,
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await process.wait() != 0 or not await asyncio.to_thread((folder / "out.html").is_file):
        raise RuntimeError("the file is not exported, so nothing was tried")


def _strange(folder: Path) -> list[Path]:
    """Give what a name has made: anywhere in the case's folder, where it is absolute, and what is no plain file."""
    found = [path for path in folder.rglob("*") if _MARK in path.name]
    found += [path for path in (folder / "data/snapshots").rglob("*") if path.is_symlink() or _is_odd(path)]
    asked = {"in.mcap", "out.html", "out.parquet"}
    found += [path for path in (folder / "exported").iterdir() if path.name not in asked]
    absolute = [Path("/tmp"), Path("/"), folder.parent, folder.parent.parent, Path.cwd()]  # noqa: S108 - looked at
    return found + [place / _MARK for place in absolute if (place / _MARK).exists()]


def _is_odd(path: Path) -> bool:
    if path.is_dir():
        return False
    about = path.lstat()
    mode = about.st_mode & 0o7777
    is_named = path.suffix in {".mcap", ".part", ".wrong"} and len(path.stem) == len(EVIL_ID) and path.stem.isalnum()
    return not (path.is_file() and is_named and mode == 0o600 and about.st_nlink == 1)
