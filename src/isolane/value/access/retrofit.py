"""This file speaks at the CSMS for chargers that cannot do so themselves.

It guards that a credential of one charger is never shown for another.

A charger that speaks plain ws is lifted to wss with a Basic credential or a client certificate of its own; one
without a `[[value.retrofit]]` gets the site's password, or goes with the site's client certificate alone. What the
charger itself sent as Authorization never travels on such a connection.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context
from isolane.value.access.basic import PASSWORD_BYTES_MAX, write_basic
from isolane.value.access.settings import Retrofit


@dataclass(frozen=True, slots=True)
class Voice:
    """What the CSMS is shown for a charger: Authorization, and the TLS context where it is not the site's."""

    authorization: str | None
    context: ssl.SSLContext | None


class Voices:
    """What the CSMS is shown for each charger.

    Args:
        entries: Chargers with something of their own.
        password: The site's, None for none.
        ca: What is trusted at the CSMS, None for the system's store.

    Raises:
        IsolaneError: A secret or a certificate cannot be used.
    """

    def __init__(self, entries: Sequence[Retrofit], password: Secret | None, ca: Path | None) -> None:
        self._entries = entries
        self._site = password
        self._ca = ca
        self._password: bytes | None = None
        self._voices: Mapping[str, Voice] = {}
        self.reload()

    def reload(self) -> None:
        """Read secrets and certificates again, all or none.

        Raises:
            IsolaneError: One cannot be used; the ones read before stay.
        """
        password = None if self._site is None else _read(self._site, "access.password")
        self.hold_to(self._entries)
        self._password = password

    def hold_to(self, entries: Sequence[Retrofit]) -> None:
        """Speak for other chargers from the next handshake on.

        Raises:
            IsolaneError: A secret or a certificate cannot be used; nothing has changed.
        """
        voices = {entry.charger: self._voice(entry) for entry in entries}
        self._entries, self._voices = entries, voices

    def of(self, charger: str) -> Voice:
        """Give what the CSMS is shown for a charger."""
        voice = self._voices.get(charger)
        if voice is not None:
            return voice
        return Voice(None if self._password is None else write_basic(charger, self._password), None)

    def _voice(self, entry: Retrofit) -> Voice:
        authorization = context = None
        if entry.password is not None:
            password = _read(entry.password, f"the password of {entry.charger}", is_hex=entry.is_hex)
            authorization = write_basic(entry.charger, password)
        if entry.certificate is not None:
            context = client_context(self._ca, entry.certificate, entry.key)
        return Voice(authorization, context)


def _read(secret: Secret, what: str, *, is_hex: bool = False) -> bytes:
    try:
        password = secret.read()
    except ValueError as error:
        raise IsolaneError(f"{what} cannot be read: {error}", "check the reference") from error
    if is_hex:
        try:
            password = bytes.fromhex(password.decode("ascii"))
        except ValueError:
            raise IsolaneError(f"{what} is not hex", "write hex digits, or is_hex = false") from None
    if not 0 < len(password) <= PASSWORD_BYTES_MAX:
        raise IsolaneError(f"{what} is empty or too long", f"OCPP's have 1 to {PASSWORD_BYTES_MAX} bytes")
    return password
