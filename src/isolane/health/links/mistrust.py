"""This file tells of far ends that are not our center; it guards that each is told once, and that words are no proof.

A certificate that does not hold, a page where an acknowledgement should be, a message the far end cannot take: the link
goes on trying in each case, and a person is told.
"""

import ssl

from isolane.security.event_lines import EventLines, Kind

_REDIRECTS = range(300, 400)
_OF_PROXIES = frozenset({407, 511})


class Mistrust:
    """What one link notices.

    Args:
        peer: Address of the far end, as the settings have it.
    """

    def __init__(self, peer: str) -> None:
        self.events = EventLines()
        self._peer = peer

    def failure(self, error: BaseException) -> None:
        """A session or request ended with an error; TLS that was refused by either side is told."""
        refusal = _refusal(error)
        if refusal is not None:
            self.events.report(Kind.TLS, peer=self._peer, detail=str(refusal))

    def answer(self, why: str) -> None:
        """What answered is not the center."""
        self.events.report(Kind.FOREIGN_ANSWER, peer=self._peer, detail=why)

    def status(self, status: int) -> None:
        """A status that the center never gives, but proxies and portals do."""
        if status in _REDIRECTS or status in _OF_PROXIES:
            self.answer(f"status {status}")

    def oversize(self, why: str) -> None:
        """A message is larger than the far end takes; it stays here until its age ends it."""
        self.events.report(Kind.OVERSIZE, peer=self._peer, detail=why)


def _refusal(error: BaseException) -> ssl.SSLError | None:
    """Find an error of TLS behind another; a connection that merely broke is none."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, ssl.SSLError) and not isinstance(at, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return at
        at = at.__cause__ or at.__context__
    return None
