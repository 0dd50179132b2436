"""This file lets chargers in: certificate, profile, password, kept profile, in this order.

It guards that nothing of a charger that has not passed reaches the CSMS, and that a refusal says nothing about which
identities exist.

1. A client certificate must be this charger's (client_certificate.py).
2. Where a password is demanded there must be one whole Basic credential whose user is the identity, else 401.
3. A password is checked (credentials.py) within bounds that are looked at before any work is done (attempts.py).
   Unknown identity and wrong password cost the same and are told the same. Whether a wrong one is a new one, the
   CSMS may be asked (learning.py).
4. The profile must not be lower than the one that is kept (profiles.py).

What is learned is kept by `confirm`, when the CSMS has accepted the charger: before, anybody could raise or take what
is somebody else's.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from isolane.value.access.attempts import Attempts
from isolane.value.access.basic import Credential, read_basic
from isolane.value.access.client_certificate import Certificates, Shown, read_shown
from isolane.value.access.credentials import Verification
from isolane.value.access.learning import CHALLENGE, Admitted, AsCame, refuse_alike, refuse_evenly
from isolane.value.access.profiles import Profiles
from isolane.value.access.retrofit import Voices
from isolane.value.access.revocation import Revocation
from isolane.value.access.settings import Listener
from isolane.value.door.handshake import Upgrade
from isolane.value.failures import Refused
from isolane.value.key_files import KeyFiles
from isolane.value.registry import Registry
from isolane.value.security_events import Kind
from isolane.value.settings import ValueSettings

_LATER: Final = (("Retry-After", "60"),)
_WAITING_MAX = 256
"""Passwords waiting to be checked, about half a minute of work."""


class Admission:
    """Decides for every request; see the top of this file.

    Args:
        settings: The [value] table.
        keys: Where everything that is read from files joins, to be read again.
        registry: Who is connected.
        attempts: Counts failed authentications; None makes a counter of its own.

    Attributes:
        as_came: See `learning.AsCame`; it asks the CSMS for whom `admit` has let pass.
        voices: What the CSMS is shown for chargers for which the gateway speaks.
        verification: What passwords are checked against, None where none are.

    Raises:
        IsolaneError: A file cannot be used.
    """

    def __init__(
        self, settings: ValueSettings, keys: KeyFiles, registry: Registry, attempts: Attempts | None = None
    ) -> None:
        access = self._access = settings.access
        self._certificates = Certificates(access.organisation, access.serials)
        self._attempts = attempts or Attempts(access.failures_per_min)
        self.voices = Voices(settings.retrofit, access.password, settings.csms.ca)
        keys.add("retrofit", self.voices)
        verified = any(listener.verifies(access) for listener in settings.listen)
        self._learns = access.learn == "from-csms"
        self.verification: Verification | None = None
        if verified and access.credentials:
            self.verification = Verification(access.credentials, learns=self._learns)
        if self.verification is not None:
            keys.add("credentials", self.verification)
        self._profiles = Profiles(access.state_dir, keys.events) if access.state_dir is not None else None
        if self._profiles is not None:
            keys.add("profiles", self._profiles)
        lists = [listener.crl for listener in settings.listen if listener.crl is not None]
        self._revocation = Revocation(lists, registry, keys.events)
        keys.add("revocation", self._revocation)
        self._events = keys.events
        self.as_came = AsCame()
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
        credential, is_right = await self._check_password(upgrade, listener, peer)
        profile = _profile(listener, upgrade)
        if self._profiles is not None:
            await self._profiles.check(upgrade.charger, profile)
        doubtful = b"" if credential is None or is_right else credential.password
        came = Admitted(upgrade, None, profile, shown, peer, doubtful)
        if not listener.replaces(self._access):
            return came
        voice = self.voices.of(upgrade.charger)
        spoken = replace(came, upgrade=replace(upgrade, authorization=voice.authorization), context=voice.context)
        if not self._learns or voice.context is not None or voice.authorization is None or credential is None:
            if doubtful:
                raise await refuse_alike()
            return spoken
        return came if doubtful else self.as_came.order(spoken, upgrade)

    def verifies(self, listener: Listener) -> bool:
        """Tell whether passwords are checked at a port."""
        return listener.verifies(self._access)

    async def confirm(self, admitted: Admitted) -> None:
        """Keep what was learned: the CSMS has accepted the charger, which has not been told."""
        charger = admitted.upgrade.charger
        self._revocation.watch(charger, admitted.shown)
        if admitted.shown is not None:
            self._certificates.own(admitted.shown, charger)
        if self._profiles is not None:
            self._profiles.reached(charger, admitted.profile)
        if admitted.doubtful and self.verification is not None:
            kept = await self.verification.learn(charger, admitted.doubtful)
            self._attempts.succeeded(admitted.peer, charger)
            detail = "the CSMS took a new password, which is the stored one now"
            if not kept:
                detail = "the CSMS took a new password, which could not be stored"
            self._events.report(Kind.CREDENTIAL, peer=admitted.peer, charger=charger, detail=detail)

    def close(self) -> None:
        """End the threads when what is waiting is done."""
        if self.verification is not None:
            self.verification.close()
        if self._profiles is not None:
            self._profiles.close()

    async def _check_password(self, upgrade: Upgrade, listener: Listener, peer: str) -> tuple[Credential | None, bool]:
        """Give the charger's credential, None where none is looked at, and whether its password may go on as right."""
        if listener.verifies(self._access):
            credential = _demanded(upgrade)
            return credential, await self._verify(upgrade.charger, credential, peer)
        if listener.profile in {1, 2}:
            credential = _demanded(upgrade)
            _check_user(credential, upgrade.charger)
            return credential, True
        said = read_basic(upgrade.authorization or "") if listener.replaces(self._access) else None
        is_its_own = said is not None and said.user == upgrade.charger.encode("ascii")
        return said if is_its_own else None, True

    async def _verify(self, charger: str, credential: Credential, peer: str) -> bool:
        """Tell whether a password is the stored one; where it is not it counts as failed, and the CSMS may know it.

        Raises:
            Refused: It is not, and nobody else is to be asked.
        """
        verification = self.verification
        if verification is None:
            raise Refused(401, "unauthenticated", CHALLENGE)
        begun_s = asyncio.get_running_loop().time()
        self._check_pace(peer, charger)
        try:
            _check_user(credential, charger)
        except Refused:
            self._attempts.begin(peer, charger)  # it is a guess too, and costs no work
            raise
        password = credential.password
        if self._is_remembered(verification, charger, password, peer):
            return True
        if self._waiting >= _WAITING_MAX:
            raise Refused(503, "full", _LATER)
        self._waiting += 1
        try:
            async with self._one_by_one:
                if self._is_remembered(verification, charger, password, peer):  # found right while this one waited
                    return True
                self._check_pace(peer, charger)
                self._attempts.begin(peer, charger)
                if await verification.is_right(charger, password):
                    self._attempts.succeeded(peer, charger)
                    return True
        finally:
            self._waiting -= 1
        if not self._learns:
            raise await refuse_evenly(begun_s)
        if not verification.is_stored(charger):
            raise await refuse_alike()
        return False

    def _is_remembered(self, verification: Verification, charger: str, password: bytes, peer: str) -> bool:
        if not verification.is_remembered(charger, password):
            return False
        self._attempts.know(peer, charger)
        return True

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
        raise Refused(401, "unauthenticated", CHALLENGE, detail="no whole Basic credential")
    return credential


def _check_user(credential: Credential, charger: str) -> None:
    if credential.user != charger.encode("ascii"):
        raise Refused(401, "unauthenticated", CHALLENGE, detail="the user is not the identity")


def _profile(listener: Listener, upgrade: Upgrade) -> int:
    if listener.profile is not None:
        return listener.profile
    if listener.certificate is not None:
        return 2 if listener.client_ca is None else 3
    return 0 if upgrade.authorization is None else 1
