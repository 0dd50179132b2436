"""This file examines the stores; it guards that it changes nothing unless it is told to, and then says what.

It may run beside the center: it reads the databases as any reader does. What it finds says what, where and what to do.
"""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from isolane.center.store.backup import HOT_FILE, PINNED, TELEMETRY
from isolane.center.store.books import ledger_lines
from isolane.center.store.copying import existing_catalogue, revisions
from isolane.center.store.database import for_reading
from isolane.center.store.lake import KINDS, RAW
from isolane.center.store.ledger import HOLE
from isolane.center.store.postgresql import DIALECT as POSTGRESQL
from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.center.store.victoria import VictoriaMetrics
from isolane.core.failures import IsolaneError
from isolane.wire.block import decode

_FREE_BYTES_MIN = 1 << 30
_FREE_PART_MIN = 0.05
_CLOCK_S_MAX = 60.0
_SERVER_CLOCK_S_MAX = 5.0
_FRESH_S = 600.0
"""A file of the lake so young may be about to be listed."""
_LEFT_S = 86_400.0
"""A backup that has run for a day runs no more."""
_BUSY_S = 10.0
_DAMAGED = f"{TELEMETRY}/damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: where, what, and what to do, or what was done."""

    where: str
    what: str
    remedy: str


def examine(settings: StoreSettings, data: Path, *, repair: bool = False) -> list[Finding]:
    """Look at everything.

    Args:
        settings: The center's.
        data: Its data folder.
        repair: Also take damaged blocks and files that nobody lists out of the way, and strike missing files.

    Raises:
        IsolaneError: There is no such center.
    """
    if not data.is_dir():
        raise IsolaneError(f"there is no data folder {data}", "give the settings file of a center that has run")
    return [
        *_disk(data),
        *_catalogue(settings, data),
        *_hot(data, repair=repair),
        *_lake(data, repair=repair),
        *_left_over(data, repair=repair),
        *_victoria(settings),
    ]


def _disk(data: Path) -> Iterator[Finding]:
    usage = shutil.disk_usage(data)
    if usage.free < max(_FREE_BYTES_MIN, _FREE_PART_MIN * usage.total):
        yield Finding(
            str(data),
            f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free",
            "free space or shorten [center.store] raw_days; when the disk is full nothing is acknowledged any more",
        )


def _catalogue(settings: StoreSettings, data: Path) -> Iterator[Finding]:
    where = "catalogue"
    try:
        engine = existing_catalogue(settings, data)
    except IsolaneError as error:
        yield Finding(where, error.what, error.hint)
        return
    try:
        here, head = revisions(engine)
        if here != head:
            yield Finding(
                where, f"its tables are of revision {here}, this release has {head}", "start the center of this release"
            )
            return
        yield from _content(engine)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        yield Finding(where, f"cannot be read: {said}", "start its server, or restore the last backup")
    finally:
        engine.dispose()


def _content(engine: Engine) -> Iterator[Finding]:
    with Session(for_reading(engine)) as session:
        if engine.dialect.name == POSTGRESQL:
            server_s = float(session.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
            if abs(server_s - time.time()) > _SERVER_CLOCK_S_MAX:
                yield Finding(
                    "clock",
                    f"the database server's differs from this machine's by {server_s - time.time():+.0f} s",
                    "let both follow one time server",
                )
        else:
            (answer, *_) = session.scalars(text("PRAGMA integrity_check"))
            if answer != "ok":
                yield Finding("catalogue", f"is damaged: {answer}", "restore the last backup")
        newest_ms = session.scalar(text("SELECT max(last_seen_ms) FROM gateway"))
        yield from _clock(newest_ms)
        for line in ledger_lines(session, None):
            if line.verdict == HOLE:
                ranges = ", ".join(f"{hole.first} to {hole.last}" for hole in line.holes[:3])
                yield Finding(
                    f"ledger of {line.site}/{line.gateway}, run {line.epoch}, stream {line.stream}",
                    f"blocks {ranges} never came" if line.holes else "both sides count different samples",
                    "look at the gateway's log for that time; what its outbox still has it can be made to send again",
                )


def _clock(newest_ms: int | None) -> Iterator[Finding]:
    ahead_s = (newest_ms or 0) / 1000 - time.time()
    if ahead_s > _CLOCK_S_MAX:
        yield Finding(
            "clock",
            f"something arrived {ahead_s:.0f} s later than it is now on this machine",
            "set the clock right; it was set back, or is that of another machine",
        )


def _hot(data: Path, *, repair: bool) -> Iterator[Finding]:
    file = data / HOT_FILE
    if not file.is_file():
        yield Finding(str(file), "is not there", "start the center once, or restore the last backup")
        return
    try:
        with closing(_open(file)) as hot:
            # Not quick_check: SQLite 3.40's finds NULL values in keys that have none.
            (answer,) = hot.execute("PRAGMA integrity_check(1)").fetchone()
            if answer != "ok":
                yield Finding(str(file), f"is damaged: {answer}", "stop the center and restore the last backup")
                return
            numbers = [number for (number,) in hot.execute("SELECT number FROM block")]
            for number in numbers:
                yield from _block(hot, data, number, repair=repair)
    except sqlite3.Error as error:
        yield Finding(str(file), f"cannot be read: {error}", "stop the center and restore the last backup")


def _block(hot: sqlite3.Connection, data: Path, number: int, *, repair: bool) -> Iterator[Finding]:
    row = hot.execute(
        "SELECT g.site, g.name, b.epoch, b.stream, b.sequence, b.data FROM block b"
        " JOIN gateway g ON g.id = b.gateway WHERE b.number = ?",
        (number,),
    ).fetchone()
    if row is None:
        return
    *key, content = row
    try:
        decode(content)
    except ValueError as error:
        name = "-".join(str(part) for part in key)
        remedy = "run it again with --repair: the block is put aside, and charts show its time as absent"
        if repair:
            folder = data / _DAMAGED
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / f"{name}.isb").write_bytes(content)
            hot.execute("DELETE FROM block WHERE number = ?", (number,))
            remedy = f"put aside as {folder / name}.isb"
        yield Finding(f"hot block {name}", f"is damaged: {error}", remedy)


def _lake(data: Path, *, repair: bool) -> Iterator[Finding]:
    folder = data / TELEMETRY / "lake"
    if not (data / HOT_FILE).is_file():
        return
    try:
        with closing(_open(data / HOT_FILE)) as hot:
            book = hot.execute("SELECT path, kind, samples, size_bytes FROM file").fetchall()
            for path, kind, samples, size_bytes in book:
                yield from _listed(hot, folder / path, path, (kind, samples, size_bytes), repair=repair)
    except sqlite3.Error:
        return  # told by _hot
    listed = {path for path, *_ in book}
    for kind in KINDS:
        for path in sorted((folder / kind).glob("date=*/site=*/*")):
            if str(path.relative_to(folder)) not in listed and path.stat().st_mtime < time.time() - _FRESH_S:
                if repair:
                    path.unlink()
                yield Finding(
                    str(path),
                    "no book lists it",
                    "removed" if repair else "nothing reads it; --repair, or the center's next start, removes it",
                )


def _left_over(data: Path, *, repair: bool) -> Iterator[Finding]:
    """Find what a backup that was killed has left: second names that keep removed files on the disk."""
    for folder in sorted((data / TELEMETRY).glob(f"{PINNED}*")):
        if folder.stat().st_mtime < time.time() - _LEFT_S:
            if repair:
                shutil.rmtree(folder)
            yield Finding(
                str(folder),
                "is of a backup that was interrupted",
                "removed" if repair else "remove it, or use --repair",
            )


def _listed(
    hot: sqlite3.Connection, file: Path, path: str, told: tuple[str, int, int], *, repair: bool
) -> Iterator[Finding]:
    kind, samples, size_bytes = told
    if not file.is_file():
        if hot.execute("SELECT 1 FROM file WHERE path = ?", (path,)).fetchone() is None:
            return  # too old since
        if repair:
            hot.execute("DELETE FROM file WHERE path = ?", (path,))
        yield Finding(
            str(file),
            f"is missing, with {samples} samples",
            "struck from the book" if repair else "bring it back from a backup; charts of its time fail until --repair",
        )
        return
    if (size := file.stat().st_size) != size_bytes:
        yield Finding(str(file), f"has {size} bytes, not {size_bytes}", "bring it back from a backup")
        return
    try:
        rows = sum(batch.num_rows for batch in pq.ParquetFile(file).iter_batches())
    except (OSError, pa.ArrowException) as error:
        yield Finding(str(file), f"cannot be read: {error}", "bring it back from a backup")
        return
    if kind == RAW and rows != samples:
        yield Finding(str(file), f"has {rows} samples, not {samples}", "bring it back from a backup")


def _victoria(settings: StoreSettings) -> Iterator[Finding]:
    if not isinstance(settings.telemetry, VictoriaSettings):
        return
    try:
        client = VictoriaMetrics(settings.telemetry)
        try:
            list(client.export([{"__name__": "isolane_nothing_has_this_name"}], 0, 1))
        finally:
            client.close()
    except (OSError, IsolaneError) as error:
        yield Finding(
            settings.telemetry.url,
            str(error),
            "start it or correct [center.store.telemetry]; until then all stays here",
        )


def _open(file: Path) -> sqlite3.Connection:
    """Open a database that is in use; what is written is committed at once."""
    return sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None)
