"""This file holds the locked key; it guards that it signs for whoever knows its passphrase, and forgets it in time."""

import stat
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

from isolane.core.failures import IsolaneError
from isolane.security.signing import Signer, key_id, load_public

WRONG_MAX: Final = 5
"""So many wrong passphrases in a row, then a rest."""
REST_S: Final = 60.0


class LockedError(Exception):
    """It stays locked, and why: a sentence."""


class LockedKey:
    """A key in an encrypted file.

    Args:
        path: PEM file, readable by its owner alone; its public half is in the file of that name with `.pub` added.
        clock: Monotonic clock, s.

    Raises:
        IsolaneError: It is not encrypted, others can read it, or a half is missing.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = monotonic) -> None:
        self._path, self._clock = path, clock
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise IsolaneError(f"cannot read the key {path}: {error.strerror}", "isolane keys make FILE") from error
        if stat.S_IMODE(mode) & 0o077:
            raise IsolaneError(f"others can read {path}", f"chmod 600 {path}")
        if _opens_plain(path):
            raise IsolaneError(f"{path} is not encrypted", "make a key with a passphrase: isolane keys make FILE")
        self.kid = key_id(load_public(path.with_name(path.name + ".pub")))
        self._open: Signer | None = None
        self._until_s = 0.0
        self._wrong, self._rest_until_s = 0, 0.0

    @property
    def left_s(self) -> float:
        """How long it stays unlocked, s."""
        left_s = self._until_s - self._clock()
        if left_s <= 0:
            self.lock()
        return max(0.0, left_s) if self._open else 0.0

    def lock(self) -> None:
        """Forget the unlocked key."""
        self._open, self._until_s = None, 0.0

    def remembered(self) -> Signer:
        """Give the unlocked key.

        Raises:
            LockedError: It is not unlocked, or no longer.
        """
        if self.left_s and self._open is not None:
            return self._open
        raise LockedError("The key is locked: give its passphrase.")

    def unlock(self, passphrase: str, remember_s: float = 0.0) -> Signer:
        """Unlock it; takes some milliseconds of computing.

        Args:
            passphrase: What it is encrypted with.
            remember_s: How long it stays unlocked afterwards; 0 for this once.

        Raises:
            LockedError: The passphrase is wrong, or it was wrong too often.
        """
        now_s = self._clock()
        if now_s < self._rest_until_s:
            raise LockedError(f"Too many wrong passphrases: wait {self._rest_until_s - now_s:.0f} s.")
        try:
            signer = Signer(self._path, passphrase.encode())
        except (IsolaneError, UnicodeEncodeError) as error:
            self._wrong += 1
            if self._wrong >= WRONG_MAX:
                self._wrong, self._rest_until_s = 0, now_s + REST_S
            raise LockedError("This passphrase does not open the key.") from error
        self._wrong = 0
        if signer.key_id != self.kid:
            raise LockedError("The key and the file with its public half do not belong together.")
        if remember_s > 0:
            self._open, self._until_s = signer, now_s + remember_s
        return signer


def _opens_plain(path: Path) -> bool:
    try:
        Signer(path)
    except IsolaneError:
        return False
    return True
