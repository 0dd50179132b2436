"""This file remembers what was taken from people and programs; it guards that no restored backup gives it back.

A file of lines, only ever appended to, and on the disk before the catalogue has the change::

    {"type":"log","id":"..."}                         first: which log it is
    {"type":"token","id":"<hash>"}                    was revoked
    {"type":"person","name":...}                      what he may from now on, and a fingerprint of his password's hash
    {"type":"site","site":...,"tenant":...}           whose it is from now on
    {"type":"snapshot","id":"..."}                    somebody has deleted it
    {"type":"restored",...} {"type":"told"}           a backup was brought back; the center has said so

It is in no backup: a backup says which log there was and how long (`LogMark`), and a log that is another or shorter
does not tell what has happened since. Lines say what is, not what changes, so that doing all of them again is right
whenever the backup was made; no clock is asked.
"""

import fcntl
import hashlib
import os
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from isolane.center.store.settings import StoreSettings
from isolane.core.failures import IsolaneError
from isolane.security.event_lines import EventLines, Kind

REVOCATIONS_FILE = "revocations.log"
_TAIL_BYTES = 65_536


class LogMark(msgspec.Struct, frozen=True):
    """Which log there was when a backup was made, and how long it was."""

    id: str
    size_bytes: int


class LogBegun(msgspec.Struct, frozen=True, tag="log"):
    """The first line."""

    id: str


class TokenRevoked(msgspec.Struct, frozen=True, tag="token"):
    """A token was revoked; `id` is its hash, in hex."""

    id: str


class PersonIs(msgspec.Struct, frozen=True, tag="person"):
    """What somebody is from now on; `password` is a fingerprint of the hash, "" without a password."""

    name: str
    role: str
    tenants: str
    disabled: bool
    password: str


class SiteIs(msgspec.Struct, frozen=True, tag="site"):
    """Whose a site is from now on."""

    site: str
    tenant: str


class SnapshotErased(msgspec.Struct, frozen=True, tag="snapshot"):
    """Somebody has deleted a snapshot."""

    id: str


class Restored(msgspec.Struct, frozen=True, tag="restored"):
    """A backup was brought back; times are UTC, ms."""

    made_ms: int
    at_ms: int


class Told(msgspec.Struct, frozen=True, tag="told"):
    """The center has started since and has told of it."""


Fact = TokenRevoked | PersonIs | SiteIs | SnapshotErased | Restored | Told
_LINE = msgspec.json.Decoder(LogBegun | Fact)


class RevocationLog:
    """The log that grows.

    Args:
        file: Is made if it does not exist.
        events: Told when a line cannot be written: what was revoked is revoked, but a restored backup would not know.

    Raises:
        IsolaneError: It cannot be written, or is no such log.
    """

    def __init__(self, file: Path, events: EventLines | None = None) -> None:
        self._file = file
        self._events = events or EventLines()
        self._turn = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._write(b"")
        except OSError as error:
            raise IsolaneError(f"cannot write {file}: {error.strerror}", "free space, or set its owner") from error
        read_log(file)

    def append(self, *facts: Fact) -> None:
        """Write lines and wait until they are on the disk."""
        try:
            self._write(b"".join(msgspec.json.encode(fact) + b"\n" for fact in facts))
        except OSError as error:
            self._events.report(Kind.STORAGE, detail=f"{self._file.name}: {error.strerror}; not kept")

    def untold(self) -> list[Restored]:
        """Give the restored backups that the center has not told of."""
        facts = read_log(self._file)[1]
        last = max((at for at, fact in enumerate(facts) if isinstance(fact, Told)), default=-1)
        return [fact for fact in facts[last + 1 :] if isinstance(fact, Restored)]

    def _write(self, data: bytes) -> None:
        """Append, after what a crash has left of a line was cut off; other processes of the center wait."""
        with self._turn, os.fdopen(os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600), "ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            torn = len(file.read().rpartition(b"\n")[2])
            if torn:
                file.truncate(size - torn)
            if torn == size:
                data = msgspec.json.encode(LogBegun(secrets.token_hex(16))) + b"\n" + data
            if data:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())


def revocations_file(settings: StoreSettings, data: Path) -> Path:
    """Say where the log is."""
    return settings.revocations or data / REVOCATIONS_FILE


def read_log(file: Path) -> tuple[str, list[Fact], int]:
    """Give a log's id, its facts in order, and its length in bytes; a torn last line was never promised.

    Raises:
        IsolaneError: It cannot be read, or is no such log.
    """
    try:
        whole = file.read_bytes().rpartition(b"\n")[0]
        first, *facts = [_LINE.decode(line) for line in whole.split(b"\n")]
    except (OSError, msgspec.MsgspecError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is damaged or something else"
        raise IsolaneError(f"cannot read {file} as a log of revocations: {said}", "name another file") from error
    if not isinstance(first, LogBegun) or any(isinstance(fact, LogBegun) for fact in facts):
        raise IsolaneError(f"{file} is no log of revocations", "name another file")
    return first.id, [fact for fact in facts if not isinstance(fact, LogBegun)], len(whole) + 1


def mark_of(file: Path) -> LogMark | None:
    """Say which log there is now, for a backup; None for none."""
    if not file.exists():
        return None
    id_, _, size_bytes = read_log(file)
    return LogMark(id_, size_bytes)


def facts_since(mark: LogMark | None, file: Path) -> list[Fact]:
    """Give what a log knows, if it can know all that has happened since a backup.

    Raises:
        IsolaneError: It is not the log of the center that made the backup, or ends before it.
    """
    id_, facts, size_bytes = read_log(file)
    if mark is None or mark.id != id_ or size_bytes < mark.size_bytes:
        raise IsolaneError(
            f"{file} does not tell what was revoked since this backup was made",
            "give the newest log of the same center, or --revoke-all",
        )
    return facts


def latest(facts: Iterable[Fact]) -> tuple[set[str], dict[str, PersonIs], dict[str, str]]:
    """Give what holds in the end: revoked tokens, people, and sites' tenants."""
    tokens: set[str] = set()
    people: dict[str, PersonIs] = {}
    sites: dict[str, str] = {}
    for fact in facts:
        if isinstance(fact, TokenRevoked):
            tokens.add(fact.id)
        elif isinstance(fact, PersonIs):
            people[fact.name] = fact
        elif isinstance(fact, SiteIs):
            sites[fact.site] = fact.tenant
    return tokens, people, sites


def fingerprint(password: str | None) -> str:
    """Give what tells a password's hash from another, and opens nothing."""
    return "" if password is None else hashlib.sha256(password.encode()).hexdigest()[:32]
