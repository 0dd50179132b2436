"""This file knows which charger's transaction is which; it guards that only a start that was seen accuses another.

Pure. A charger that speaks of a transaction whose start was seen at another charger, and which is still open there,
speaks of a foreign one. A transaction that nobody was seen to start may have begun before the tap did: it is taken as
its speaker's own. Whoever missed something of a charger calls `forget`, so what is not whole accuses nobody.

OCPP 1.6 transactions are numbered by the CSMS, for all its chargers. One that numbers them for each charger shows
itself when two chargers start the same number; from then on no number is foreign. OCPP 2.x transactions are named by
the charger, which may well count; only names as long as a UUID are compared.

Bounded in chargers and in transactions of each; what is unheard of for longest goes.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from isolane.tap.register_series import RegisterSeries, Sample

TRANSACTIONS_MAX: Final = 64
"""Of one charger: some for each connector, and those whose end was missed."""
_UUID_CHARS = 32
"""Without its hyphens."""

Name = int | str
"""1.6: the CSMS's number, 2.x: the charger's text. Both stay in this process."""


@dataclass(slots=True)
class Owned:
    """One transaction of one charger.

    Attributes:
        series: Its registers.
        start: Its meter's value at the start (OCPP 1.6), None where that was not seen.
        is_told: Whether something impossible was already told of it.
    """

    series: RegisterSeries
    start: Sample | None = None
    is_told: bool = False


@dataclass(slots=True)
class _Charger:
    own: OrderedDict[Name, Owned] = field(default_factory=OrderedDict)
    foreign: OrderedDict[Name, None] = field(default_factory=OrderedDict)


class Ownership:
    """The open transactions of all chargers.

    Args:
        chargers_max: Chargers remembered.
        power_w_max: What a connector can deliver, W.
    """

    def __init__(self, chargers_max: int, power_w_max: float) -> None:
        self._chargers_max = chargers_max
        self._power_w_max = power_w_max
        self._chargers: OrderedDict[str, _Charger] = OrderedDict()
        self._starter: dict[Name, str] = {}
        self._is_numbered_by_charger = False

    def __len__(self) -> int:
        """Count the transactions that are remembered."""
        return sum(len(charger.own) for charger in self._chargers.values())

    def begin(self, charger: str, name: Name, start: Sample | None = None) -> Owned | None:
        """Take a start that was seen and give the transaction, None where it is another charger's."""
        starter = self._starter.get(name, charger)
        if starter != charger:
            if isinstance(name, str):
                return None
            self._is_numbered_by_charger = True
        self._drop(charger, name)
        if isinstance(name, int) or len(name) >= _UUID_CHARS:
            self._starter[name] = charger
        return self._add(charger, name, start)

    def look_up(self, charger: str, name: Name) -> Owned | None:
        """Give a charger's transaction, None where it is another charger's."""
        known = self._chargers.get(charger)
        own = known.own.get(name) if known else None
        if own is not None:
            return own
        is_judged = isinstance(name, str) or not self._is_numbered_by_charger
        if is_judged and self._starter.get(name, charger) != charger:
            return None
        return self._add(charger, name)

    def starter(self, name: Name) -> str:
        """Give the charger whose open transaction this is, as far as its start was seen; "" otherwise."""
        return self._starter.get(name, "")

    def accuse(self, charger: str, name: Name) -> bool:
        """Note that a charger spoke of a foreign transaction; False where that was known."""
        foreign = self._of(charger).foreign
        is_new = name not in foreign
        foreign[name] = None
        if len(foreign) > TRANSACTIONS_MAX:
            foreign.popitem(last=False)
        return is_new

    def end(self, charger: str, name: Name) -> None:
        """Take the end of a charger's own transaction."""
        self._drop(charger, name)

    def forget(self, charger: str) -> None:
        """Say that something of a charger was missed."""
        known = self._chargers.pop(charger, None)
        for name in known.own if known else ():
            self._release(charger, name)

    def _add(self, charger: str, name: Name, start: Sample | None = None) -> Owned:
        known = self._of(charger)
        own = known.own[name] = Owned(RegisterSeries(self._power_w_max), start)
        if len(known.own) > TRANSACTIONS_MAX:
            self._release(charger, known.own.popitem(last=False)[0])
        return own

    def _of(self, charger: str) -> _Charger:
        known = self._chargers.get(charger)
        if known is None:
            known = self._chargers[charger] = _Charger()
            if len(self._chargers) > self._chargers_max:
                self.forget(next(iter(self._chargers)))
        else:
            self._chargers.move_to_end(charger)
        return known

    def _drop(self, charger: str, name: Name) -> None:
        known = self._chargers.get(charger)
        if known and known.own.pop(name, None):
            self._release(charger, name)

    def _release(self, charger: str, name: Name) -> None:
        if self._starter.get(name) == charger:
            del self._starter[name]
