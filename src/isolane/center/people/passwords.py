"""This file checks passwords; it guards that a check costs the same whoever asks, and that checks cannot pile up.

argon2id with 46 MiB and one pass (one of the sets that OWASP's cheat sheet on password storage names), in threads of
its own: the event loop goes on.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from isolane.center.store.people_port import Refusal, RefusedError

CHARS_MIN, CHARS_MAX = 12, 256
_THREADS = 2
WAITING_MAX = 16
"""Checks that may wait or run; with 50 ms each nobody waits a second."""
_MEMORY_KIB, _PASSES = 47_104, 1
_NOBODYS: Final = "nobody's password"
_DIFFERENT_MIN = 5

_Done = TypeVar("_Done")


class Passwords:
    """Makes and checks hashes.

    Args:
        memory_kib: Memory of one check, KiB.
    """

    def __init__(self, memory_kib: int = _MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=memory_kib, parallelism=1)
        self._nobodys = self._hasher.hash(_NOBODYS)
        self._threads = ThreadPoolExecutor(_THREADS, "passwords")
        self._waiting = 0

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Give what is stored instead of a password."""
        return await self._run(self._hasher.hash, password)

    async def fits(self, stored: str | None, password: str) -> bool:
        """Tell whether a password is the stored one; without a stored one the same work is done for nothing.

        Raises:
            RefusedError: Too many checks are under way.
        """

        def check(password: str) -> bool:
            try:
                self._hasher.verify(stored or self._nobodys, password)
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False
            return stored is not None

        return await self._run(check, password[: CHARS_MAX + 1])

    async def _run(self, work: Callable[[str], _Done], password: str) -> _Done:
        if self._waiting >= WAITING_MAX:
            raise RefusedError(Refusal.BUSY, "too many log-ins at once; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, password)
        finally:
            self._waiting -= 1


def check_password(name: str, password: str) -> str:
    """Give a password that may be set.

    Raises:
        RefusedError: It is too short, too long or is the name.
    """
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        raise RefusedError(Refusal.INVALID, f"a password has {CHARS_MIN} to {CHARS_MAX} characters")
    if not password.isprintable():
        raise RefusedError(Refusal.INVALID, "a password has no control characters")
    if name.casefold() in password.casefold() and len(password) < len(name) + CHARS_MIN:
        raise RefusedError(Refusal.INVALID, "a password that is little more than the name is guessed first")
    if len(set(password)) < _DIFFERENT_MIN:
        raise RefusedError(Refusal.INVALID, "a password of so few different characters is guessed first")
    return password
