"""This file keeps what chargers' passwords are checked against.

It guards that the file gives no password away, and that a check costs the same whoever asks.

The file holds one line a charger, ``scrypt$<salt>$<key> <identity>``, salt and key in hex; empty lines and lines that
begin with # do not count. scrypt with n = 2^15, r = 8, p = 1 takes 32 MiB and about 0.1 s, so it runs in one thread
of its own and never on the event loop; OpenSSL releases the interpreter meanwhile. An unknown identity is checked
against a salt of nobody's. A password that was right is remembered as a MAC under a key that this process alone has,
so that chargers that come back all at once do not wait for one another.

A password that the CSMS has taken instead of the stored one becomes the stored one (learning.py): the file is replaced
whole, under a lock that `isolane identity password` takes too, and the disk has it before anybody is told.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isolane.core.durable import locked, replace_file
from isolane.core.failures import IsolaneError
from isolane.core.ids import is_charger_id
from isolane.value.access.basic import PASSWORD_BYTES_MAX

_log = logging.getLogger(__name__)

_N: Final = 2**15
_R: Final = 8
_P: Final = 1
_MEMORY_BYTES_MAX: Final = 64 * 1024 * 1024
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_SCHEME: Final = "scrypt"
_LOCK_S: Final = 2.0
"""Writing takes milliseconds."""
_KEEP_S: Final = 3.0
"""What a charger waits for the disk at most; then it comes in without its password being kept."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Salt and derived key of one password."""

    salt: bytes
    key: bytes


_NOBODY: Final = Verifier(bytes(_SALT_BYTES), bytes(_KEY_BYTES))


def protect(password: bytes) -> Verifier:
    """Derive what is stored for a password; takes about 0.1 s.

    Raises:
        IsolaneError: It is empty or too long for OCPP.
    """
    if not 0 < len(password) <= PASSWORD_BYTES_MAX:
        raise IsolaneError(
            f"a password of {len(password)} bytes cannot be", f"OCPP's have 1 to {PASSWORD_BYTES_MAX} bytes"
        )
    salt = os.urandom(_SALT_BYTES)
    return Verifier(salt, _derive(password, salt))


def read_verifiers(file: Path) -> dict[str, Verifier]:
    """Read a credential file.

    Raises:
        IsolaneError: It cannot be read, others may read it, or a line has another form; the error names the line.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise IsolaneError(f"{file} is open to other users", f"chmod 600 {file}")
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise IsolaneError(f"cannot read {file}: {error}", "make one with `isolane identity password`") from error
    verifiers: dict[str, Verifier] = {}
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        spec, _, charger = line.partition(" ")
        try:
            scheme, salt, key = spec.split("$")
            verifier = Verifier(bytes.fromhex(salt), bytes.fromhex(key))
        except ValueError:
            scheme, verifier = "", _NOBODY
        whole = (len(verifier.salt), len(verifier.key)) == (_SALT_BYTES, _KEY_BYTES)
        if scheme != _SCHEME or not whole or not is_charger_id(charger) or charger in verifiers:
            raise IsolaneError(f"{file}: line {number} is no credential", "write it with `isolane identity password`")
        verifiers[charger] = verifier
    return verifiers


def write_verifiers(file: Path, verifiers: Mapping[str, Verifier]) -> None:
    """Write a credential file, whole or not at all.

    Raises:
        IsolaneError: It cannot be written.
    """
    lines = [_line(charger, verifier) for charger, verifier in sorted(verifiers.items())]
    try:
        replace_file(file, "".join(f"{line}\n" for line in lines).encode("ascii"))
    except OSError as error:
        raise IsolaneError(f"cannot write {file}: {error.strerror}", "choose a folder you may write to") from error


@contextmanager
def editing(file: Path) -> Iterator[None]:
    """Be the only one who changes a credential file; read it in the block and write it there.

    Raises:
        IsolaneError: Somebody else is at it, or the folder cannot be written.
    """
    try:
        with locked(file, _LOCK_S):
            yield
    except OSError as error:
        raise IsolaneError(f"cannot change {file}: {error.strerror}", "see who holds its lock") from error


class Verification:
    """Checks passwords.

    Args:
        file: See the top of this file.
        learns: Whether it will be changed.

    Attributes:
        learned: Told of each password that was put in the place of the stored one, before its charger is answered.

    Raises:
        IsolaneError: See `read_verifiers`; or it cannot be changed.
    """

    def __init__(self, file: Path, *, learns: bool = False) -> None:
        if learns and not os.access(file.parent, os.W_OK):
            raise IsolaneError(f"{file} cannot be changed", "let the relay write to its folder, or access.learn = off")
        self._file = file
        self._verifiers = read_verifiers(file)
        self._thread = ThreadPoolExecutor(1, "kdf")
        self._writer = ThreadPoolExecutor(1, "credentials")
        self._mac_key = secrets.token_bytes(32)
        self._right: dict[str, tuple[Verifier, bytes]] = {}
        self.learned: Callable[[str, Verifier], None] = _to_nobody

    def reload(self) -> None:
        """Read the file again; a file that is wrong changes nothing.

        Raises:
            IsolaneError: See `read_verifiers`.
        """
        before: object = None
        while before is not self._verifiers:  # a password that is learned meanwhile may not be in what was read
            before = self._verifiers
            verifiers = read_verifiers(self._file)
        self._verifiers = verifiers
        self._right = {name: seen for name, seen in self._right.items() if self._verifiers.get(name) == seen[0]}

    def is_remembered(self, charger: str, password: bytes) -> bool:
        """Tell whether this password was found right before, in microseconds."""
        _, mac = self._right.get(charger, (_NOBODY, bytes(_KEY_BYTES)))
        return hmac.compare_digest(mac, self._mac(password))

    async def is_right(self, charger: str, password: bytes) -> bool:
        """Derive and compare; calls are worked off one after the other, each taking the same time."""
        verifier = self._verifiers.get(charger, _NOBODY)
        loop = asyncio.get_running_loop()
        key = await loop.run_in_executor(self._thread, _derive, password, verifier.salt)
        right = hmac.compare_digest(key, verifier.key) and verifier is not _NOBODY
        if right and self._verifiers.get(charger) == verifier:
            self._right[charger] = (verifier, self._mac(password))
        return right

    def is_stored(self, charger: str) -> bool:
        """Tell whether there is a password to check a charger's against."""
        return charger in self._verifiers

    async def learn(self, charger: str, password: bytes) -> bool:
        """Put a password in the place of the stored one; the disk has it when this returns True.

        Returns:
            Whether it is kept. If not, this process knows it, and the next one has to learn it again.
        """
        loop = asyncio.get_running_loop()
        verifier = await loop.run_in_executor(self._thread, protect, password)
        kept = False
        try:
            async with asyncio.timeout(_KEEP_S):
                kept = await loop.run_in_executor(self._writer, self._keep, charger, verifier)
        except (IsolaneError, TimeoutError) as error:
            _log.error("credential-not-kept charger=%r reason=%s", charger, str(error) or "the disk hangs")
        if charger in self._verifiers:
            self.take(charger, verifier)
            self._right[charger] = (verifier, self._mac(password))
            self.learned(charger, verifier)
        return kept

    def take(self, charger: str, verifier: Verifier) -> None:
        """Know what has replaced the stored password, here or in another process; the one before is wrong."""
        if charger in self._verifiers:
            self._verifiers = {**self._verifiers, charger: verifier}
            self._right.pop(charger, None)

    def close(self) -> None:
        """End the threads when what they have in hand is done."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(wait=False, cancel_futures=True)

    def _keep(self, charger: str, verifier: Verifier) -> bool:
        """Replace one line of the file, unless a person has taken it out meanwhile."""
        with editing(self._file):
            if charger not in read_verifiers(self._file):
                return False
            lines = self._file.read_text(encoding="ascii").splitlines()
            at = next(at for at, line in enumerate(lines) if line.startswith(_SCHEME) and _owner(line) == charger)
            lines[at] = _line(charger, verifier)
            replace_file(self._file, "".join(f"{line}\n" for line in lines).encode("ascii"))
            return True

    def _mac(self, password: bytes) -> bytes:
        return hashlib.blake2b(password, key=self._mac_key, digest_size=_KEY_BYTES).digest()


def _to_nobody(charger: str, verifier: Verifier) -> None:
    """Where one process serves all chargers nobody else need know."""


def _derive(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY_BYTES_MAX, dklen=_KEY_BYTES)


def _line(charger: str, verifier: Verifier) -> str:
    return f"{_SCHEME}${verifier.salt.hex()}${verifier.key.hex()} {charger}"


def _owner(line: str) -> str:
    return line.partition(" ")[2]
