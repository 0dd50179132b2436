"""This file names transactions for the outside; it guards that only this box's key leads back.

The pseudonym is the first 8 bytes of HMAC-SHA256 over charger, NUL and transaction id, as 16 hex digits. The key is the
operator's secret, or 32 random bytes made at the first start into a file that only the tap's user can read.
"""

import hmac
import os
import secrets
import stat
from collections import OrderedDict
from pathlib import Path

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError

KEY_BYTES_MIN = 16
_KEY_BYTES = 32
_PSEUDONYM_BYTES = 8
_PLACES_MAX = 64
"""Transactions of one charger whose EVSE is remembered: a few for each connector."""
_CHARGERS_MAX = 10_000


class Transactions:
    """Names transactions and remembers at which EVSE each takes place.

    Args:
        key: At least 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._places: OrderedDict[str, OrderedDict[str, int]] = OrderedDict()

    def pseudonym(self, charger: str, transaction: str) -> str:
        """Give 16 hex digits, the same for the same transaction as long as the key stays."""
        text = f"{charger}\0{transaction}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256")[:_PSEUDONYM_BYTES].hex()

    def place(self, charger: str, pseudonym: str, evse: int) -> int:
        """Learn the EVSE of a transaction, or give the one learnt earlier where this message says 0; 0 if unknown.

        What is remembered is bounded for each charger, so that one with endless transactions takes no other's place.
        """
        own = self._places.get(charger)
        if own is None:
            if not evse:
                return 0
            own = self._places[charger] = OrderedDict()
            if len(self._places) > _CHARGERS_MAX:
                self._places.popitem(last=False)
        else:
            self._places.move_to_end(charger)
        evse = evse or own.get(pseudonym, 0)
        if evse:
            own[pseudonym] = evse
            own.move_to_end(pseudonym)
            if len(own) > _PLACES_MAX:
                own.popitem(last=False)
        return evse


def load_key(secret: Secret | None, file: Path) -> bytes:
    """Give the key: the secret where one is set, otherwise the file's, which is made at the first start.

    Raises:
        IsolaneError: The secret or the file cannot be read, is too short, or others may read the file.
    """
    if secret is not None:
        try:
            key = secret.read()
        except ValueError as error:
            raise IsolaneError(
                f"[tap] pseudonym_key: {error}", "correct the reference or leave the setting out"
            ) from None
        return _long_enough(key, "[tap] pseudonym_key")
    try:
        return _long_enough(_own(file), str(file))
    except FileNotFoundError:
        return _made(file)
    except OSError as error:
        raise IsolaneError(f"cannot read the pseudonym key {file}: {error.strerror}", "see who owns it") from error


def _own(file: Path) -> bytes:
    with file.open("rb") as opened:
        if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
            raise IsolaneError(f"others may read the pseudonym key {file}", f"run: chmod 600 {file}")
        return opened.read().removesuffix(b"\n")


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < KEY_BYTES_MIN:
        raise IsolaneError(f"{where}: the key has {len(key)} bytes", f"use at least {KEY_BYTES_MIN} random bytes")
    return key


def _made(file: Path) -> bytes:
    key = secrets.token_hex(_KEY_BYTES).encode()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(key)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise IsolaneError(
            f"cannot make the pseudonym key {file}: {error.strerror}", "set [tap] key_file to a place the tap may write"
        ) from error
    return key
