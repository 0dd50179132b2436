"""This file gives each copy to its connection; it guards that a charger's Connected and Disconnected alternate.

A connection is known by its link (the socket of one relay worker) and its number. The relay tells OPEN again when a
link is made anew; a connection told again within the grace time goes on silently, one that is not has ended with the
relay. A charger that opens a second connection has lost the first, whether or not the CLOSE of the first was lost on
the way.
"""

import asyncio

import msgspec

from isolane.core.clock import Clock
from isolane.core.ids import is_charger_id
from isolane.tap.session import Emit, Rules, Session
from isolane.tap.supervision import Take, supervised
from isolane.wire.tap_copy import Copy, Direction, Kind, Opened

GRACE_S = 5.0
"""The relay connects again every second; four more for a loaded box."""

_opened = msgspec.json.Decoder(Opened)
_BY = {Direction.FROM_CHARGER: "charger", Direction.FROM_CSMS: "csms"}

Key = tuple[int, int]


class Connections:
    """Every living connection.

    Args:
        rules: What all sessions share.
        emit: Where events go.
        clock: Tells the time of an end that no copy tells.
        connections_max: More are not read.
    """

    def __init__(self, rules: Rules, emit: Emit, clock: Clock, connections_max: int) -> None:
        self._rules = rules
        self._tally = rules.tally
        self._emit = emit
        self._clock = clock
        self._connections_max = connections_max
        self._sessions: dict[Key, Session] = {}
        self._of_charger: dict[str, Key] = {}
        self.take: Take = supervised(self._take, self._crash)
        """Reads one copy of a link. Whatever is in it, this does not raise."""

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._sessions)

    def _take(self, link: int, copy: Copy) -> None:
        key = (link, copy.connection)
        if copy.kind is Kind.DATA:
            session = self._sessions.get(key)
            if session:
                session.data(copy)
            else:
                self._tally.copies_unknown += 1
        elif copy.kind is Kind.OPEN:
            self._open(key, copy)
        else:
            self._close(key, _BY[copy.direction], copy.mono_ns)

    def _crash(self, link: int, copy: Copy) -> None:
        self._tally.crashes += 1
        self._close((link, copy.connection), "relay", copy.mono_ns)

    def end_link(self, link: int) -> None:
        """Say that a relay's worker went away; its connections end unless it tells them again."""
        if any(key[0] == link for key in self._sessions):
            asyncio.get_running_loop().call_later(GRACE_S, self._end_orphans, link)

    def _end_orphans(self, link: int) -> None:
        for key in [key for key in self._sessions if key[0] == link]:
            self._close(key, "relay", self._clock.mono_ns())

    def _open(self, key: Key, copy: Copy) -> None:
        try:
            opened = _opened.decode(copy.payload)
        except (ValueError, RecursionError):
            self._tally.copies_bad += 1
            return
        if key in self._sessions or not is_charger_id(opened.charger):
            self._tally.opens_refused += 1
            return
        session = Session(opened, self._rules, self._emit, key[1])
        old_key = self._of_charger.get(opened.charger)
        if old_key:
            old = self._sessions.pop(old_key)
            if old.opened == opened:
                old.end()
                self._sessions[key], self._of_charger[opened.charger] = session, key
                return
            old.close("relay", copy.mono_ns)
            del self._of_charger[opened.charger]
        if len(self._sessions) >= self._connections_max:
            self._tally.opens_refused += 1
            return
        self._sessions[key], self._of_charger[opened.charger] = session, key
        self._emit(session.connected())

    def _close(self, key: Key, by: str, mono_ns: int) -> None:
        session = self._sessions.pop(key, None)
        if session:
            self._of_charger.pop(session.opened.charger, None)
            session.close(by, mono_ns)
