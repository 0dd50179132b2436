"""This file learns what a charger's password has become.

It guards that nobody is shut out by a password that is stored here, and that only the CSMS can change it.

A CSMS changes a charger's password through the relay, which does not read what passes. So a password that is not the
stored one may be the new one (`access.learn = "from-csms"`), and the one who knows is asked:

1. A wrong password of a charger that has a stored one goes to the CSMS as it came, within the bounds of attempts.py.
   It is a failed attempt until the CSMS says otherwise.
2. 101: it becomes the stored one, on disk, and then the charger is answered. The one before is forgotten: should it
   come again it is wrong, and the CSMS is asked.
3. Everything else: nothing changes. What 4xx it was the charger is not told, but what anybody with a wrong password
   is told, known or not, `_REFUSAL_S` after it was found wrong.

Where the gateway speaks for the charger (auth "replace") and the CSMS does not take what it says any more, the CSMS is
asked again with what the charger said, and with that first from then on. Not where a certificate speaks: it would
vouch for any password.

There is no state in between, so a death at any moment leaves the old password or the new one stored, and either way
both are answered as the CSMS answers.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from isolane.value.access.client_certificate import Shown
from isolane.value.door.handshake import Answer, Upgrade
from isolane.value.failures import Refused
from isolane.value.upstream.dial import CsmsLeg, Upstream

CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="ocpp"'),)
DENIED: Final = (401, 403)
"""What a CSMS answers to a credential that it does not take."""

_REFUSAL_S: Final = 1.0
"""Longer than most CSMSs take to say no, so that this time tells nothing."""
_EVEN_S: Final = 0.15
"""Longer than a check takes (credentials.py), so that the work of one, known or not, does not show in the answer."""
_AS_CAME_MAX = 16_384
_SWITCHING: Final = 101
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Admitted:
    """A charger that may ask the CSMS.

    Attributes:
        upgrade: What is asked for it.
        context: TLS context for the CSMS where it is not the site's.
        profile: The security profile it came with.
        shown: Its certificate.
        peer: Its IP address.
        doubtful: A password that is not the stored one, b"" for none: it is for the CSMS to say whether it is right.
        second: What is asked where the CSMS denies `upgrade`.
    """

    upgrade: Upgrade
    context: ssl.SSLContext | None
    profile: int
    shown: Shown | None
    peer: str = ""
    doubtful: bytes = field(default=b"", repr=False)
    second: Upgrade | None = None


class AsCame:
    """Chargers for which the CSMS takes what they say, and not what the gateway says for them."""

    def __init__(self) -> None:
        self._chargers: OrderedDict[str, None] = OrderedDict()

    def order(self, admitted: Admitted, came: Upgrade) -> Admitted:
        """Add what the charger said to what the gateway says for it, in the order in which the CSMS is asked."""
        if came.charger in self._chargers:
            return replace(admitted, upgrade=came, second=admitted.upgrade)
        return replace(admitted, second=came)

    async def ask(self, upstream: Upstream, admitted: Admitted) -> tuple[CsmsLeg, Answer, Admitted]:
        """Ask the CSMS, a second time where that may help; give what was asked last too.

        Raises:
            Refused: See `Upstream.ask`.
        """
        leg, answer = await upstream.ask(admitted.upgrade, admitted.context)
        if admitted.second is None or answer.status not in DENIED:
            return leg, answer, admitted
        leg.stream.abort()
        again = replace(admitted, upgrade=admitted.second, second=None)
        leg, answer = await upstream.ask(again.upgrade, again.context)
        if answer.status not in DENIED:
            self._swap(again.upgrade.charger)
        return leg, answer, again

    def _swap(self, charger: str) -> None:
        """Remember what was not denied; a restart forgets it, which costs one denied handshake."""
        if charger in self._chargers:
            del self._chargers[charger]
            return
        self._chargers[charger] = None
        if len(self._chargers) > _AS_CAME_MAX:
            self._chargers.popitem(last=False)


def refuse_doubtful(admitted: Admitted, answer: Answer) -> None:
    """Take what the CSMS answered to a doubtful password for what it means.

    Raises:
        Refused: It is wrong.
    """
    if admitted.doubtful and answer.status != _SWITCHING and answer.status < _SERVER_ERROR:
        raise wrong()


async def refuse_evenly(begun_s: float) -> Refused:
    """Give what whoever has a wrong password is told, a whole number of `_EVEN_S` after it came."""
    waits_s = begun_s - asyncio.get_running_loop().time()
    await asyncio.sleep(waits_s % _EVEN_S)
    return wrong()


async def refuse_alike() -> Refused:
    """Give what whoever has a wrong password is told, when it is time to."""
    await asyncio.sleep(_REFUSAL_S)
    return wrong()


def wrong() -> Refused:
    """Give what whoever has a wrong password is told."""
    return Refused(401, "unauthenticated", CHALLENGE, detail="wrong credential")


@asynccontextmanager
async def alike() -> AsyncIterator[None]:
    """Hide from a charger of doubtful password why it is not let in.

    A CSMS that is away or busy says so to everybody: a real charger must not take that for a wrong password.

    Raises:
        Refused: 401 in the place of each other 4xx.
    """
    due = asyncio.get_running_loop().time() + _REFUSAL_S
    try:
        yield
    except Refused as refused:
        if refused.status >= _SERVER_ERROR:
            raise
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        raise wrong() from refused
