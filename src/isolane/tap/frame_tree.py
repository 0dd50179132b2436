"""This file writes down hashes of the messages that passed; it guards that a gap is told and that no content is kept.

Layout: a folder with `frames.key` (32 random bytes, of this box) and files `frames-NNNNNN.jsonl`, each a Merkle tree
of its own (RFC 6962 hashing over the lines as they stand). A line is an entry: the first, `begin`, names the gateway,
both clocks, and size and root of the file before; `c`, `d`, `at`, `h` is a message (charger, direction, monotonic ns,
hash); `c`, `d`, `at`, `gap` says that messages of that direction may be missing there, and why. A line with `root` is
no entry: it is the root of the lines above, written each second in which there was something, and logged each minute,
so that it is kept where nobody can change it with the file.

The hash of a message is sha256(salt + charger + 0x00 + direction + 0x00 + message); the salt is HMAC-SHA256(key, file
number and entry number). Who has the file cannot guess an idTag by trying all; who is given one message's salt can
prove that message and no other.

Operation: nothing waits for the disk; lines gather and are written each second. What a crash takes with it stands
between two files. A file ends at 16 MiB; the oldest go when all are beyond the bound.
"""

import errno
import hashlib
import hmac
import json
import logging
import os
import secrets
from pathlib import Path
from typing import BinaryIO, Final

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.failures import IsolaneError

KEY_FILE: Final = "frames.key"
FILE_BYTES_MAX: Final = 16 * 2**20
DIRECTIONS: Final = ("charger", "csms")
_KEY_BYTES: Final = 32
_LOGGED_S: Final = 60
_log = logging.getLogger(__name__)


def salt_of(key: bytes, file: int, entry: int) -> bytes:
    """Give the salt of an entry."""
    return hmac.digest(key, b"%d %d" % (file, entry), "sha256")


def hash_of(salt: bytes, charger: str, direction: str, message: bytes) -> str:
    """Give the hash that stands for a message, in hexadecimal."""
    return hashlib.sha256(b"%b%b\0%b\0%b" % (salt, charger.encode(), direction.encode(), message)).hexdigest()


class Peaks:
    """The root of a tree that grows, from the roots of its whole subtrees: O(log n) memory.

    Attributes:
        size: Its entries.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, entry: bytes) -> None:
        """Take an entry."""
        value, size = hashlib.sha256(b"\x00" + entry).digest(), self.size
        while size & 1:
            value = hashlib.sha256(b"\x01" + self._peaks.pop() + value).digest()
            size >>= 1
        self._peaks.append(value)
        self.size += 1

    def root(self) -> bytes:
        """Give the root hash."""
        if not self._peaks:
            return hashlib.sha256().digest()
        value = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            value = hashlib.sha256(b"\x01" + peak + value).digest()
        return value


class FrameTree:
    """Writes the hashes of one box.

    Args:
        folder: Made where it is not there, mode 0700.
        gateway: Whose.
        bytes_max: What all files may hold; the oldest go.
        clock: Labels each file.

    Attributes:
        entries: Messages and gaps written since the start.

    Raises:
        IsolaneError: The folder cannot be used.
    """

    def __init__(self, folder: Path, gateway: str, bytes_max: int, clock: Clock) -> None:
        self._folder, self._gateway, self._bytes_max, self._clock = folder, gateway, bytes_max, clock
        self._lines: list[str] = []
        self._told_size = 0
        self._logged_ns = clock.mono_ns()
        self._before: dict[str, object] = {"size": 0, "root": ""}
        self.entries = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._key = _key(folder / KEY_FILE)
            self._number = max((number_of(path) for path in files(folder)), default=0)
            if self._number:
                self._before = last_root(folder / name_of(self._number))
            self._file = self._begin()
        except (OSError, ValueError) as error:
            raise IsolaneError(
                f"cannot keep hashes of messages in {folder}: {error}",
                "set [tap] frame_tree to a folder this process may write, or leave it out",
            ) from error

    @property
    def is_open(self) -> int:
        """1 while hashes are kept, 0 once the disk has refused."""
        return int(not self._file.closed)

    def note(self, charger: str, direction: int, mono_ns: int, message: bytes) -> None:
        """Write a message's hash down, with the next lines."""
        way = DIRECTIONS[direction]
        salt = salt_of(self._key, self._number, self._peaks.size)
        self._put({"c": charger, "d": way, "at": mono_ns, "h": hash_of(salt, charger, way, message)})

    def gap(self, charger: str, direction: int, mono_ns: int, reason: str) -> None:
        """Say that messages may be missing here."""
        self._put({"c": charger, "d": DIRECTIONS[direction], "at": mono_ns, "gap": reason})

    def tell(self) -> None:
        """Write what has gathered and its root; called each second. A disk that does not take it ends the recording."""
        if self._peaks.size == self._told_size or self._file.closed:
            return
        root, now_ns = self._peaks.root().hex(), self._clock.mono_ns()
        self._lines.append(json.dumps({"size": self._peaks.size, "root": root}, separators=(",", ":")) + "\n")
        try:
            _write(self._file, "".join(self._lines).encode())
            self._lines.clear()
            self._told_size = self._peaks.size
            if now_ns - self._logged_ns >= _LOGGED_S * NS_PER_S:
                self._logged_ns = now_ns
                self._log_root(root)
            if self._file.tell() >= FILE_BYTES_MAX:
                self._turn_over(root)
        except OSError as error:
            self._lines.clear()
            self._file.close()
            _log.warning("frame-tree-ended reason=%s", error.strerror)

    def close(self) -> None:
        """Write the last lines and log the last root."""
        self.tell()
        if not self._file.closed:
            self._log_root(self._peaks.root().hex())
            self._file.close()

    def _put(self, entry: dict[str, object]) -> None:
        if self._file.closed:
            return
        line = json.dumps(entry, separators=(",", ":"))
        self._peaks.append(line.encode())
        self._lines.append(line + "\n")
        self.entries += 1

    def _log_root(self, root: str) -> None:
        _log.info("frame-tree file=%d size=%d root=%s", self._number, self._peaks.size, root)

    def _turn_over(self, root: str) -> None:
        self._log_root(root)
        self._file.close()
        self._before = {"size": self._peaks.size, "root": root}
        self._file = self._begin()
        there = files(self._folder)
        sizes = [path.stat().st_size for path in there]
        while len(there) > 1 and sum(sizes) > self._bytes_max - FILE_BYTES_MAX:
            there.pop(0).unlink()
            sizes.pop(0)

    def _begin(self) -> BinaryIO:
        self._number += 1
        self._peaks, self._told_size = Peaks(), 0
        descriptor = os.open(
            self._folder / name_of(self._number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        line = json.dumps(
            {
                "begin": self._number,
                "gateway": self._gateway,
                "mono_ns": self._clock.mono_ns(),
                "utc_ns": self._clock.utc_ns(),
                "before": self._before,
            },
            separators=(",", ":"),
        )
        self._peaks.append(line.encode())
        self._lines = [line + "\n"]
        return os.fdopen(descriptor, "wb", buffering=0)


def name_of(number: int) -> str:
    """Give a file's name."""
    return f"frames-{number:06d}.jsonl"


def number_of(path: Path) -> int:
    """Give a file's number.

    Raises:
        ValueError: It is no such file.
    """
    return int(path.stem.removeprefix("frames-"))


def files(folder: Path) -> list[Path]:
    """Give the files of a folder, the oldest first."""
    return sorted(folder.glob("frames-*.jsonl"), key=number_of)


def last_root(path: Path) -> dict[str, object]:
    """Give size and root as a file told them last; size 0 for a file that never did."""
    found: dict[str, object] = {"size": 0, "root": ""}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith('{"size":') and line.endswith("}"):
            found = json.loads(line)
    return found


def _write(file: BinaryIO, data: bytes) -> None:
    if file.write(data) != len(data):  # a disk that is nearly full takes a part
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _key(path: Path) -> bytes:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path} is not {_KEY_BYTES} bytes long")
    return key
