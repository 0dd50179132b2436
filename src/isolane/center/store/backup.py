"""This file saves and restores what the center keeps; it guards that what is restored is of one moment, byte for byte.

A backup is a folder, or that folder as a tar file::

    manifest.json          format, release, when, which log of revocations, and each file's size and SHA-256
    catalogue.sqlite3      the catalogue, whatever database it was in
    telemetry/hot.sqlite3  blocks as they came, gap records, the book of the lake
    telemetry/lake/...     the files that this book lists

It may be made while the center runs. The catalogue is copied first; blocks that came after it are left out of the copy
of the hot store, so that the books know every block that is restored, and every block that the books know is restored.

What was revoked after the backup stays revoked: see revocations.py.
"""

import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePosixPath

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from isolane.center.store.copying import copy_sqlite, load_catalogue, save_catalogue
from isolane.center.store.database import CATALOGUE_FILE, open_database
from isolane.center.store.postgresql import server_engine, server_url
from isolane.center.store.reapply import Taken, reapply
from isolane.center.store.revocations import Fact, LogMark, Restored, RevocationLog, mark_of, revocations_file
from isolane.center.store.settings import StoreSettings
from isolane.center.store.today import facts_of_today
from isolane.core.failures import IsolaneError

MANIFEST = "manifest.json"
TELEMETRY = "telemetry"
HOT_FILE = f"{TELEMETRY}/hot.sqlite3"
PINNED = "pinned-"
_LAKE = f"{TELEMETRY}/lake"
_FORMAT = 1
_TAR = ".tar"
_ATTEMPTS = 3
_LATER_BLOCKS_SQL = """
DELETE FROM main.block WHERE NOT EXISTS (
    SELECT 1 FROM books.stretch s JOIN main.gateway g ON g.name = s.gateway
    WHERE g.id = main.block.gateway AND s.epoch = main.block.epoch AND s.stream = main.block.stream
        AND main.block.sequence BETWEEN s.first AND s.last
)
"""


class SavedFile(msgspec.Struct, frozen=True):
    """One file of a backup."""

    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; `made_ms` is UTC, files are named by their path in it."""

    format: int
    release: str
    made_ms: int
    files: dict[str, SavedFile]
    revocations: LogMark | None = None

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files.values())


class RestoredBackup(msgspec.Struct, frozen=True):
    """What was brought back, and what of it was taken again."""

    manifest: Manifest
    taken: Taken


def backup(settings: StoreSettings, data: Path, target: Path, release: str) -> Manifest:
    """Save everything; also while the center runs.

    Args:
        settings: The center's.
        data: Its data folder.
        target: A folder that does not exist or is empty, or a file whose name ends in ``.tar``.
        release: Of this program, for the manifest.

    Raises:
        IsolaneError: There is nothing to save, something is at the target, or a disk or server is in the way.
    """
    if target.exists() and (target.is_file() or any(target.iterdir())):
        raise IsolaneError(f"{target} exists", "give a new name; no backup is ever overwritten")
    draft = target.with_name(f"{target.name}.draft")
    try:
        draft.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise IsolaneError(
            f"{draft} exists", "it is of a backup that runs, or that was interrupted: remove it"
        ) from error
    except OSError as error:
        raise IsolaneError(f"cannot make {draft}: {error.strerror}", "choose another place") from error
    try:
        manifest = _save(settings, data, draft, release)
        if target.suffix == _TAR:
            _pack(draft, target)
            shutil.rmtree(draft)
        else:
            draft.rename(target)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise IsolaneError(f"cannot save: {error}", "free space or start the server, and try again") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def _save(settings: StoreSettings, data: Path, draft: Path, release: str) -> Manifest:
    made_ms = time.time_ns() // 1_000_000
    mark = mark_of(revocations_file(settings, data))
    save_catalogue(settings, data, draft / CATALOGUE_FILE)
    if (data / HOT_FILE).is_file():
        (draft / TELEMETRY).mkdir()
        pinned = Path(tempfile.mkdtemp(prefix=PINNED, dir=data / TELEMETRY))
        try:
            _save_telemetry(data, draft, pinned)
        finally:
            shutil.rmtree(pinned)
    files = {
        path.relative_to(draft).as_posix(): SavedFile(path.stat().st_size, _sha256(path))
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    manifest = Manifest(_FORMAT, release, made_ms, files, mark)
    (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    for path in draft.rglob("*"):
        _flush(path)
    return manifest


def _save_telemetry(data: Path, draft: Path, pinned: Path) -> None:
    """Copy the hot store and the files that it lists, which are held by a second name while they are copied."""
    for attempt in range(_ATTEMPTS):
        (draft / HOT_FILE).unlink(missing_ok=True)
        copy_sqlite(data / HOT_FILE, draft / HOT_FILE)
        with closing(sqlite3.connect(draft / HOT_FILE)) as hot:
            paths = [path for (path,) in hot.execute("SELECT path FROM file")]
        try:
            for path in paths:
                (pinned / path).parent.mkdir(parents=True, exist_ok=True)
                (pinned / path).unlink(missing_ok=True)
                (pinned / path).hardlink_to(data / _LAKE / path)
            break
        except FileNotFoundError:
            # The center has merged it or found it too old in between; its book says so by now.
            if attempt == _ATTEMPTS - 1:
                raise
    with closing(sqlite3.connect(draft / HOT_FILE)) as hot:
        hot.execute("ATTACH ? AS books", (str(draft / CATALOGUE_FILE),))
        hot.execute(_LATER_BLOCKS_SQL)
        hot.commit()
    for path in paths:
        _copy(pinned / path, draft / _LAKE / path)


def restore(
    settings: StoreSettings,
    data: Path,
    source: Path,
    *,
    revocations: Path | None = None,
    revoke_all: bool = False,
    who: str = "restore",
) -> RestoredBackup:
    """Bring a backup back into an empty data folder and, if the settings name one, an empty database.

    Everything is verified before anything is written. All sessions have ended then.

    Args:
        settings: The center's.
        data: Its data folder.
        source: What `backup` has made.
        revocations: Log of the center that made it; the settings' own if absent.
        revoke_all: There is no log: revoke every token and disable everybody.
        who: For the audit.

    Raises:
        IsolaneError: The backup is damaged, something is in the way, or a disk or server is; or nobody knows what was
            revoked since, and there is somebody whom that could concern.
    """
    if data.exists() and any(data.iterdir()):
        raise IsolaneError(
            f"the data folder {data} is not empty", "restore into a new one; nothing is ever overwritten"
        )
    unpacked = data.with_name(f"{data.name}.unpacked")
    try:
        if source.is_file():
            _unpack(source, unpacked)
            source = unpacked
        manifest = verified(source)
        log = revocations_file(settings, data)
        facts = None
        if not revoke_all:
            facts = facts_of_today(manifest.revocations, source / CATALOGUE_FILE, revocations, log)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if facts is not None and revocations is not None and not log.exists():
            _copy(revocations, log)
        about = f"made {_utc(manifest.made_ms)} by {manifest.release}"
        taken = _bring_back(settings, data, source, manifest, lambda engine: reapply(engine, facts, about, who))
        now_ms = time.time_ns() // 1_000_000
        RevocationLog(log).append(*taken[1], Restored(manifest.made_ms, now_ms))
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise IsolaneError(f"cannot restore: {error}", f"remove {data} and try again") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return RestoredBackup(manifest, taken[0])


def _utc(at_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms / 1000))


def _bring_back(
    settings: StoreSettings,
    data: Path,
    source: Path,
    manifest: Manifest,
    correct: Callable[[Engine], tuple[Taken, list[Fact]]],
) -> tuple[Taken, list[Fact]]:
    """Copy everything; the catalogue gets its name, or into its server, when it is corrected."""
    for name in manifest.files:
        if name != CATALOGUE_FILE:
            _copy(source / name, data / name)
    draft = data / f"{CATALOGUE_FILE}.draft"
    _copy(source / CATALOGUE_FILE, draft)
    saved = open_database(draft)
    try:
        taken = correct(saved)
    finally:
        saved.dispose()
    if settings.catalogue is None:
        draft.rename(data / CATALOGUE_FILE)
        _flush(data)
        return taken
    engine = server_engine(server_url(settings.catalogue, settings.catalogue_password))
    try:
        load_catalogue(draft, engine)
    finally:
        engine.dispose()
        draft.unlink()
    return taken


def verified(source: Path) -> Manifest:
    """Read a backup's manifest and compare each file with it.

    Raises:
        IsolaneError: It is no backup, of a newer release, or a file is away or another.
        OSError: A file cannot be read.
    """
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError) as error:
        raise IsolaneError(f"{source} is no backup: it has no readable {MANIFEST}", "name another") from error
    if manifest.format != _FORMAT:
        raise IsolaneError(f"{source} has format {manifest.format}, not {_FORMAT}", "use the release that made it")
    for name, told in manifest.files.items():
        path = source / name
        if not path.resolve().is_relative_to(source.resolve()):
            raise IsolaneError(f"{source} names {name}, which is outside of it", "use another backup")
        if not path.is_file():
            raise IsolaneError(f"{name} is missing in {source}", "use another backup")
        if path.stat().st_size != told.size_bytes or _sha256(path) != told.sha256:
            raise IsolaneError(f"{name} in {source} is not what was saved", "use another backup")
    return manifest


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o600)
    _flush(target)


def _pack(folder: Path, target: Path) -> None:
    draft = target.with_name(f"{target.name}.packing")
    draft.touch(mode=0o600)
    try:
        with tarfile.open(draft, "w") as tar:
            tar.add(folder, arcname=".")
        _flush(draft)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def _unpack(source: Path, folder: Path) -> None:
    try:
        with tarfile.open(source) as tar:
            folder.mkdir(mode=0o700, parents=True)
            for member in tar:
                _unpack_one(tar, member, folder)
    except tarfile.TarError as error:
        raise IsolaneError(f"{source} is no backup: {error}", "name another") from error


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file of an archive; by hand, since Debian 12's Python knows no filter against names that lead out."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isreg() or member.isdir()):
        raise IsolaneError(f"a backup with {member.name!r}, which is no file below it", "name another")
    if (packed := tar.extractfile(member)) is None:
        return
    target = folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with packed, target.open("xb") as file:
        shutil.copyfileobj(packed, file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
