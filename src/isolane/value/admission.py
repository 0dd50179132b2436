"""This file lets chargers in: certificate, profile, password, kept profile, in this order.

It guards that nothing of a charger that has not passed reaches the CSMS, and that a refusal says nothing about which
identities exist.

1. A client certificate must be this charger's (client_certificate.py).
2. Where a password is demanded there must be one whole Basic credential whose user is the identity, else 401.
3. A password is checked (credentials.py) within bounds that are looked at before any work is done (attempts.py).
   Unknown identity and wrong password cost the same and are told the same.
4. The profile must not be lower than the one that is kept (profiles.py).

What is learned is kept by `confirm`, when the CSMS has accepted the charger: before, anybody could raise or take what
is somebody else's.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from isolane.value.attempts import Attempts
from isolane.value.basic import Credential, read_basic
from isolane.value.client_certificate import Certificates, Shown, read_shown
from isolane.value.credentials import Verification
from isolane.value.failures import Refused
from isolane.value.handshake import Upgrade
from isolane.value.key_files import KeyFiles
from isolane.value.profiles import Profiles
from isolane.value.registry import Registry
from isolane.value.retrofit import Voices
from isolane.value.revocation import Revocation
from isolane.value.settings import ValueSettings
from isolane.value.settings_access import Listener

_CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="ocpp"'),)
_LATER: Final = (("Retry-After", "60"),)
_WAITING_MAX = 256
"""Passwords waiting to be checked, about half a minute of work."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A charger that may ask the CSMS.

    Attributes:
        upgrade: What is asked for it.
        context: TLS context for the CSMS where it is not the site's.
        profile: The security profile it came with.
        shown: Its certificate.
    """

    upgrade: Upgrade
    context: ssl.SSLContext | None
    profile: int
    shown: Shown | None


class Admission:
    """Decides for every request; see the top of this file.

    Args:
        settings: The [value] table.
        keys: Where everything that is read from files joins, to be read again.
        registry: Who is connected.

    Raises:
        IsolaneError: A file cannot be used.
    """

    def __init__(self, settings: ValueSettings, keys: KeyFiles, registry: Registry) -> None:
        access = self._access = settings.access
        self._certificates = Certificates(access.organisation, access.serials)
        self._attempts = Attempts(access.failures_per_min)
        self._voices = Voices(settings.retrofit, access.password, settings.csms.ca)
        keys.add("retrofit", self._voices)
        verified = any(listener.verifies(access) for listener in settings.listen)
        self._verification = Verification(access.credentials) if verified and access.credentials else None
        if self._verification is not None:
            keys.add("credentials", self._verification)
        self._profiles = Profiles(access.state_dir) if access.state_dir is not None else None
        if self._profiles is not None:
            keys.add("profiles", self._profiles)
        lists = [listener.crl for listener in settings.listen if listener.crl is not None]
        self._revocation = Revocation(lists, registry, keys.events)
        keys.add("revocation", self._revocation)
        self._one_by_one = asyncio.Lock()
        self._waiting = 0

    async def admit(self, upgrade: Upgrade, listener: Listener, tls: ssl.SSLObject | None, peer: str) -> Admitted:
        """Let a charger ask the CSMS.

        Args:
            upgrade: Its request.
            listener: The port it came in on.
            tls: Its session, None for plain ws.
            peer: Its IP address.

        Raises:
            Refused: See the top of this file.
        """
        shown = None
        if listener.client_ca is not None:
            shown = _shown(tls)
            self._certificates.check(shown, upgrade.charger)
        verifies = listener.verifies(self._access)
        if verifies or listener.profile in {1, 2}:
            credential = _demanded(upgrade)
            if verifies:
                await self._verify(upgrade.charger, credential, peer)
            else:
                _check_user(credential, upgrade.charger)
        profile = _profile(listener, upgrade)
        if self._profiles is not None:
            await self._profiles.check(upgrade.charger, profile)
        if not listener.replaces(self._access):
            return Admitted(upgrade, None, profile, shown)
        voice = self._voices.of(upgrade.charger)
        return Admitted(replace(upgrade, authorization=voice.authorization), voice.context, profile, shown)

    def verifies(self, listener: Listener) -> bool:
        """Tell whether passwords are checked at a port."""
        return listener.verifies(self._access)

    def confirm(self, admitted: Admitted) -> None:
        """Keep what was learned: the CSMS has accepted the charger."""
        self._revocation.watch(admitted.upgrade.charger, admitted.shown)
        if admitted.shown is not None:
            self._certificates.own(admitted.shown, admitted.upgrade.charger)
        if self._profiles is not None:
            self._profiles.reached(admitted.upgrade.charger, admitted.profile)

    def close(self) -> None:
        """End the threads when what is waiting is done."""
        if self._verification is not None:
            self._verification.close()
        if self._profiles is not None:
            self._profiles.close()

    async def _verify(self, charger: str, credential: Credential, peer: str) -> None:
        verification = self._verification
        if verification is None:
            raise Refused(401, "unauthenticated", _CHALLENGE)
        self._check_pace(peer, charger)
        try:
            _check_user(credential, charger)
        except Refused:
            self._attempts.begin(peer, charger)  # it is a guess too, and costs no work
            raise
        password = credential.password
        if verification.is_remembered(charger, password):
            self._attempts.know(peer, charger)
            return
        if self._waiting >= _WAITING_MAX:
            raise Refused(503, "full", _LATER)
        self._waiting += 1
        try:
            async with self._one_by_one:
                self._check_pace(peer, charger)
                self._attempts.begin(peer, charger)
                if not await verification.is_right(charger, password):
                    raise Refused(401, "unauthenticated", _CHALLENGE, detail="wrong credential")
                self._attempts.succeeded(peer, charger)
        finally:
            self._waiting -= 1

    def _check_pace(self, peer: str, charger: str) -> None:
        if not self._attempts.may_try(peer, charger):
            raise Refused(429, "throttled", _LATER)


def _shown(tls: ssl.SSLObject | None) -> Shown:
    facts: Mapping[str, Any] = (tls and tls.getpeercert()) or {}
    try:
        return read_shown(facts, (tls and tls.getpeercert(binary_form=True)) or b"")
    except ValueError as error:
        raise Refused(403, "certificate", detail="it cannot be read") from error


def _demanded(upgrade: Upgrade) -> Credential:
    credential = read_basic(upgrade.authorization) if upgrade.authorization is not None else None
    if credential is None:
        raise Refused(401, "unauthenticated", _CHALLENGE, detail="no whole Basic credential")
    return credential


def _check_user(credential: Credential, charger: str) -> None:
    if credential.user != charger.encode("ascii"):
        raise Refused(401, "unauthenticated", _CHALLENGE, detail="the user is not the identity")


def _profile(listener: Listener, upgrade: Upgrade) -> int:
    if listener.profile is not None:
        return listener.profile
    if listener.certificate is not None:
        return 2 if listener.client_ca is None else 3
    return 0 if upgrade.authorization is None else 1
