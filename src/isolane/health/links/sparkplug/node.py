"""This file speaks for the Edge Node in one session; it guards the order: births, then data, each with the next number.

One publisher at a time holds `turn`: a block's data are never split by the births that a host asks for meanwhile. A
charger of which nothing can be read any more is told dead, and born again when something is.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from functools import partial

from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.signals import Signal
from isolane.health.links.mqtt.connect import Session
from isolane.health.links.rows import Rows
from isolane.health.links.sparkplug.payload import SEQ_MAX, Change, birth, data, device_death
from isolane.health.links.sparkplug.report import Report

_RESERVED = re.compile(r"[%/+#]")


def device_id(charger: str) -> str:
    """Give a charger's Device id: its identity, with what a topic may not hold as %XX."""
    return _RESERVED.sub(lambda found: f"%{ord(found[0]):02X}", charger)


class Names:
    """The topics of one Edge Node.

    Args:
        group: Group id.
        node: Edge Node id.
    """

    def __init__(self, group: str, node: str) -> None:
        self._group = group
        self._node = node

    def topic(self, kind: str, charger: str = "") -> str:
        """Give the topic of a message type, of a Device if `charger` is given."""
        device = f"/{device_id(charger)}" if charger else ""
        return f"spBv1.0/{self._group}/{kind}/{self._node}{device}"


class Aliases:
    """A number for every signal, the same for the life of this process."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._signals: dict[tuple[str, str], Signal] = {}

    def learn(self, signals: Iterable[Signal]) -> bool:
        """Number signals; tell whether there were new ones, or one that has changed its unit or resolution."""
        is_new = False
        for signal in signals:
            key = signal.charger, signal.key
            is_new |= self._signals.get(key) != signal
            self._signals[key] = signal
            self._numbers.setdefault(key, len(self._numbers) + 1)
        return is_new

    def of(self, signal: Signal) -> int:
        """Give a signal's number."""
        return self._numbers[signal.charger, signal.key]

    def signals(self, charger: str) -> list[Signal]:
        """Give the known signals of a charger, or of the gateway itself ("")."""
        return [signal for signal in self._signals.values() if signal.charger == charger]

    @property
    def chargers(self) -> list[str]:
        """Every charger that has a signal."""
        return list(dict.fromkeys(signal.charger for signal in self._signals.values() if signal.charger))


class Node:
    """The Edge Node in one session.

    Args:
        session: With the broker.
        names: Its topics.
        aliases: Of all sessions.
        report: Of all sessions.
        bd_seq: The number in the will of this session.
        clock: For timestamps.
    """

    def __init__(
        self, session: Session, names: Names, aliases: Aliases, report: Report, *, bd_seq: int, clock: Clock
    ) -> None:
        self.turn = asyncio.Lock()
        self.is_born = False
        self._session = session
        self._names = names
        self._aliases = aliases
        self._report = report
        self._bd_seq = bd_seq
        self._clock = clock
        self._seq = 0
        self._dead: set[str] = set()
        self._born_ms = 0

    async def births(self) -> int:
        """Publish NBIRTH and every DBIRTH; give their bytes.

        Raises:
            aiomqtt.MqttError: The session is over.
        """
        self._report.begin()
        self._seq = 0
        now_ms = self._now_ms()
        if not self.is_born:
            self._born_ms = now_ms
        size = await self._publish("NBIRTH", "", partial(birth, metrics=self._current("", now_ms), bd_seq=self._bd_seq))
        for charger in self._aliases.chargers:
            size += await self._birth_of(charger)
        self._dead.clear()
        self.is_born = True
        return size

    async def data(self, rows: Rows) -> int:
        """Publish what has changed; give the bytes, 0 if nothing has.

        Raises:
            aiomqtt.MqttError: The session is over.
        """
        ever, now = self._report.living(rows)
        size = 0
        for charger in sorted(self._dead & ever):
            self._report.note(rows)
            self._report.begin(charger)
            self._dead.discard(charger)
            size += await self._birth_of(charger)
        by_charger: dict[str, list[tuple[int, Change]]] = {}
        for change in self._report.changes(rows, self._born_ms):
            by_charger.setdefault(change.signal.charger, []).append((self._aliases.of(change.signal), change))
        for charger, changes in by_charger.items():
            if charger not in self._dead:
                kind = "DDATA" if charger else "NDATA"
                size += await self._publish(kind, charger, partial(data, changes=changes))
        for charger in sorted({signal.charger for signal in rows.signals} - now - self._dead - {""}):
            self._dead.add(charger)
            size += await self._publish("DDEATH", charger, device_death)
        return size

    async def _birth_of(self, charger: str) -> int:
        metrics = self._current(charger, self._now_ms())
        return await self._publish("DBIRTH", charger, partial(birth, metrics=metrics))

    def _current(self, charger: str, now_ms: int) -> list[tuple[int, Change]]:
        return [
            (self._aliases.of(signal), self._report.current(signal, now_ms))
            for signal in self._aliases.signals(charger)
        ]

    async def _publish(self, kind: str, charger: str, make: Callable[[int, int], bytes]) -> int:
        payload = make(self._seq, self._now_ms())
        self._seq = self._seq + 1 if self._seq < SEQ_MAX else 0
        await self._session.publish(self._names.topic(kind, charger), payload, qos=0, retain=False)
        return len(payload)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // NS_PER_MS
