"""This file does what the page asks for; it guards the order.

Examine, show; examine again, unlock, write down, hand over. What is signed are the bytes that were
shown, kept here under their digest, and not what the center would give out a second time.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from isolane.core.failures import IsolaneError
from isolane.security.envelope import COMMAND, parse, seal
from isolane.security.signing import PublicKey, Signer
from isolane.signer.center_link import CenterLink, LinkError, Proposal
from isolane.signer.examination import Examined, Knowledge, examine
from isolane.signer.locked_key import LockedError, LockedKey
from isolane.signer.pinned_keys import PinnedKeys
from isolane.signer.signed_log import SignedLog

SHOWN_MAX: Final = 64
_MINUTE_S: Final = 60


class RefusedError(Exception):
    """It is not signed, and why: a sentence."""


@dataclass(frozen=True, slots=True)
class Done:
    """A signature was made.

    Attributes:
        examined: Of what.
        problem: Why the center does not have it, "" if it has.
    """

    examined: Examined
    problem: str


class Desk:
    """One person's desk.

    Args:
        link: To the center.
        key: The person's.
        keys: The pinned manifest.
        log: What was signed.
        gateways: See `examination.Knowledge`.
        remember_minutes: See `settings.SignerSettings`.
        utc_s: UTC clock, s.
    """

    def __init__(
        self,
        *,
        link: CenterLink,
        key: LockedKey,
        keys: PinnedKeys,
        log: SignedLog,
        gateways: Mapping[str, PublicKey] | None,
        remember_minutes: int,
        utc_s: Callable[[], float] = time.time,
    ) -> None:
        self._link, self.key, self.keys, self.log = link, key, keys, log
        self._gateways, self.remember_minutes, self._utc_s = gateways, remember_minutes, utc_s
        self._shown: OrderedDict[str, Proposal] = OrderedDict()
        self._signing = asyncio.Lock()

    def knowledge(self) -> Knowledge:
        """Say what this machine knows for itself now."""
        return Knowledge(self.keys.current, self.key.kid, self._gateways, self._utc_s())

    async def look(self, jti: str) -> Examined:
        """Fetch a proposal, examine it, and keep its bytes for `sign`.

        Raises:
            RefusedError: There is nothing that could be shown.
        """
        try:
            proposal = await self._link.proposal(jti)
            await self._follow(proposal)
        except LinkError as error:
            raise RefusedError(str(error)) from error
        examined = self._examined(proposal, jti)
        self._shown[examined.digest] = proposal
        while len(self._shown) > SHOWN_MAX:
            self._shown.popitem(last=False)
        return examined

    async def waiting(self) -> list[Examined]:
        """Examine what waits at the center for signatures; leaves out what is no command.

        Raises:
            RefusedError: The center cannot be asked.
        """
        try:
            proposals = await self._link.waiting()
        except LinkError as error:
            raise RefusedError(str(error)) from error
        found, known = [], self.knowledge()
        for each in proposals:
            try:
                one = examine(each.payload, each.statement, "", known)
                found.append(examine(each.payload, each.statement, one.command.jti, known))
            except ValueError:
                continue
        return found

    async def sign(self, jti: str, digest: str, passphrase: str, minutes: int) -> Done:
        """Sign what was shown, write it down, and hand the signature to the center.

        Args:
            jti: Name of the command.
            digest: Of the bytes that were shown.
            passphrase: Of the key; "" where it is still unlocked.
            minutes: How long the key is to stay unlocked, min.

        Raises:
            RefusedError: It is not signed.
        """
        proposal = self._shown.get(digest)
        if proposal is None:
            raise RefusedError("This was shown too long ago: look at it again.")
        examined = self._examined(proposal, jti)
        if examined.doubts:
            raise RefusedError(f"It is not signed: {examined.doubts[0]}.")
        async with self._signing:
            signer = await self._unlock(passphrase, minutes)
            signature = parse(seal(examined.payload, [signer], COMMAND), COMMAND).signatures[0].value
            await self._write_down(examined)
        try:
            await self._link.send(jti, self.key.kid, signature)
        except LinkError as error:
            return Done(examined, str(error))
        return Done(examined, "")

    async def _unlock(self, passphrase: str, minutes: int) -> Signer:
        remember_s = min(max(0, minutes), self.remember_minutes) * _MINUTE_S
        try:
            if not passphrase:
                return self.key.remembered()
            return await asyncio.to_thread(self.key.unlock, passphrase, remember_s)
        except LockedError as error:
            raise RefusedError(str(error)) from error

    async def _write_down(self, examined: Examined) -> None:
        command = examined.command
        facts = {
            "at": int(self._utc_s() * 1000),
            "jti": command.jti,
            "digest": examined.digest,
            "gateway": command.aud,
            "verb": command.verb,
            "args": command.args,
            "asked_by": command.req.sub,
            "ticket": command.req.ticket,
            "reason": command.req.reason,
            "kid": self.key.kid,
        }
        try:
            await asyncio.to_thread(self.log.add, facts)
        except OSError as error:
            raise RefusedError(f"It is not signed: the log cannot be written ({error.strerror}).") from error

    async def _follow(self, proposal: Proposal) -> None:
        """Ask for newer manifests where the proposal names one; that it may follow is checked by the root keys."""
        try:
            wanted = examine(proposal.payload, b"", "", self.knowledge()).command.keys_ver
        except ValueError:
            return
        version = self.keys.current.manifest.version
        if wanted > version:
            manifests = await self._link.manifests(version)
            try:
                await asyncio.to_thread(self.keys.follow, manifests, self._utc_s())
            except IsolaneError as error:
                raise RefusedError(f"{error}.") from error

    def _examined(self, proposal: Proposal, jti: str) -> Examined:
        try:
            return examine(proposal.payload, proposal.statement, jti, self.knowledge())
        except ValueError as error:
            raise RefusedError(f"What the center wants signed is no command: {error!s:.200}") from error
