"""This file looks for attacks in what is read; it guards that looking changes nothing of what passes.

`SiteWatch` is what all connections share, `ConnectionWatch` what one of them has seen. State is kept in memory alone
and only of what was seen: after a restart, or where copies were lost, nothing is known and nobody is accused.
"""

from collections import Counter
from dataclasses import dataclass, field

from isolane.tap import allow, mass_control, reconfiguration
from isolane.tap.mass_control import MassControl
from isolane.tap.ocpp import AMBIGUITIES
from isolane.tap.ownership import Name, Owned, Ownership
from isolane.tap.pseudonym import Transactions
from isolane.tap.register_series import TOLERANCE_WH, RegisterSeries, Sample, change, samples
from isolane.tap.security_events import SecurityEvents, Source
from isolane.tap.settings import TapSettings
from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Direction
from isolane.wire.tap_event import SecurityKind

_NAMES = {Direction.FROM_CHARGER: "charger", Direction.FROM_CSMS: "csms"}
_EVSES_MAX = 64
_FALLS_MIN = 2
_NAME_CHARS_MAX = 64
"""OCPP 2.x allows 36; what is longer is not remembered."""
_NUMBER_MAX = 2**63
_OUT_OF_ORDER = frozenset({"Unavailable", "Faulted"})
"""States in which a meter may be replaced."""


class SiteWatch:
    """What all connections share.

    Args:
        settings: Its limits.
        events: Where findings go.
        transactions: Names transactions in what is told.
    """

    def __init__(self, settings: TapSettings, events: SecurityEvents, transactions: Transactions) -> None:
        self.events = events
        self.transactions = transactions
        self.power_w_max = settings.transaction_power_w_max
        self.ownership = Ownership(settings.connections_max, self.power_w_max)
        self.commands = MassControl(
            settings.mass_control_window_s,
            settings.mass_control_chargers,
            settings.mass_control_calls,
            settings.connections_max,
        )


@dataclass(slots=True)
class _Evse:
    """What one EVSE's meter told outside transactions.

    Such values need not come in order. A charger that tells a live one before its queue, and whose clock was ahead when
    the queue was made, seems to fall once, so here it takes a second fall.
    """

    series: RegisterSeries
    latest_wh: dict[str, float] = field(default_factory=dict)
    falls: Counter[str] = field(default_factory=Counter)
    is_told: bool = False

    def take(self, sample: Sample) -> str:
        """Take a value and judge it as `RegisterSeries` does."""
        if sample.energy_wh < self.latest_wh.get(sample.key, 0.0) - TOLERANCE_WH:
            self.falls[sample.key] += 1
        self.latest_wh[sample.key] = sample.energy_wh
        found = self.series.take(sample)
        return "" if found == "back" and self.falls[sample.key] < _FALLS_MIN else found


class ConnectionWatch:
    """What was seen of one connection.

    Args:
        site: What all connections share.
        source: Which connection it is.
    """

    __slots__ = ("_evses", "_site", "_source")

    def __init__(self, site: SiteWatch, source: Source) -> None:
        self._site = site
        self._source = source
        self._evses: dict[int, _Evse] = {}

    def miss(self) -> None:
        """Say that something of this connection was not seen."""
        self._evses.clear()
        self._site.ownership.forget(self._source.charger)

    def odd(self, direction: Direction, why: str, mono_ns: int) -> None:
        """Take a message that is no OCPP-J or that two readers may read differently; `why` is one of `ocpp`'s."""
        kind = SecurityKind.AMBIGUOUS_JSON if why in AMBIGUITIES else SecurityKind.MALFORMED_MESSAGE
        self._site.events.report(kind, self._source, mono_ns, by=_NAMES[direction], why=why)

    def command(self, action: str, mono_ns: int) -> None:
        """Take a call of the CSMS that is in `mass_control.SWITCHING` or `reconfiguration.WHOLE`."""
        if action in mass_control.SWITCHING:
            found = self._site.commands.note(self._source.charger, action, mono_ns)
            for rule, count in found.items():
                self._site.events.report(
                    SecurityKind.MASS_CONTROL, self._source, mono_ns, action=action, **{rule: count}
                )
        if action in reconfiguration.WHOLE:
            self._site.events.report(SecurityKind.RECONFIGURATION, self._source, mono_ns, action=action)

    def configure(self, action: str, payload: allow.Object, mono_ns: int) -> None:
        """Take a call of the CSMS that is in `reconfiguration.READ`."""
        names = reconfiguration.parameters(action, payload)
        if names:
            self._site.events.report(
                SecurityKind.RECONFIGURATION, self._source, mono_ns, action=action, parameters=",".join(names)
            )

    def started(self, result: allow.Object, start: Sample | None) -> None:
        """Take the answer to a StartTransaction, where OCPP 1.6 names the transaction."""
        name = _number(result)
        if name is not None:
            self._site.ownership.begin(self._source.charger, name, start)

    def call_v16(self, action: str, payload: allow.Object, facts: list[ev.AnyEvent], mono_ns: int) -> None:
        """Take a charger's OCPP 1.6 call and the facts that were found in it."""
        if action == "MeterValues":
            name = _number(payload)
            if name is None:
                self._meter(allow.index(payload.get("connectorId")), facts, mono_ns)
            elif own := self._own(name, mono_ns):
                self._judge(own, name, samples(facts), mono_ns)
        elif action == "StopTransaction":
            name = _number(payload)
            own = self._own(name, mono_ns) if name is not None else None
            if name is not None and own is not None:
                stop = bill(payload.get("meterStop"), payload.get("timestamp"), mono_ns)
                if stop and own.start:
                    self._tell(own, name, change(own.start, stop, self._site.power_w_max), mono_ns)
                self._site.ownership.end(self._source.charger, name)
        else:
            self._look_at_state(action, facts)

    def call_v2(self, action: str, payload: allow.Object, facts: list[ev.AnyEvent], mono_ns: int) -> None:
        """Take a charger's OCPP 2.x call and the facts that were found in it."""
        if action == "TransactionEvent":
            name = allow.record(payload.get("transactionInfo")).get("transactionId")
            if isinstance(name, str) and len(name) <= _NAME_CHARS_MAX:
                self._transaction_event(name, payload, facts, mono_ns)
        elif action == "MeterValues":
            self._meter(allow.index(payload.get("evseId")), facts, mono_ns)
        else:
            self._look_at_state(action, facts)

    def _transaction_event(self, name: str, payload: allow.Object, facts: list[ev.AnyEvent], mono_ns: int) -> None:
        phase, order = payload.get("eventType"), payload.get("seqNo")
        own = self._own(name, mono_ns, is_start=phase == "Started")
        if own is None:
            return
        told = samples(facts, order if type(order) is int else None)
        if phase == "Ended":  # it may hold all values since the start; the register's end is the highest
            highest: dict[str, Sample] = {}
            for each in told:
                if each.key not in highest or highest[each.key].energy_wh < each.energy_wh:
                    highest[each.key] = each
            told = list(highest.values())
        self._judge(own, name, told, mono_ns)
        if phase == "Ended":
            self._site.ownership.end(self._source.charger, name)

    def _own(self, name: Name, mono_ns: int, *, is_start: bool = False) -> Owned | None:
        """Give the charger's own transaction; another's is told once."""
        ownership, charger = self._site.ownership, self._source.charger
        own = ownership.begin(charger, name) if is_start else ownership.look_up(charger, name)
        if own is None and ownership.accuse(charger, name):
            owner = ownership.starter(name)
            self._report(SecurityKind.FOREIGN_TRANSACTION, owner, name, mono_ns, started_at=owner)
        return own

    def _judge(self, own: Owned, name: Name, told: list[Sample], mono_ns: int) -> None:
        for each in told:
            self._tell(own, name, own.series.take(each), mono_ns)

    def _tell(self, own: Owned, name: Name, found: str, mono_ns: int) -> None:
        if found and not own.is_told:
            own.is_told = True
            self._report(SecurityKind.METER_REGRESS, self._source.charger, name, mono_ns, change=found)

    def _report(self, kind: SecurityKind, owner: str, name: Name, mono_ns: int, **detail: str) -> None:
        pseudonym = self._site.transactions.pseudonym(owner, str(name))
        self._site.events.report(kind, self._source, mono_ns, transaction=pseudonym, **detail)

    def _meter(self, evse: int | None, facts: list[ev.AnyEvent], mono_ns: int) -> None:
        """Judge values outside a transaction: of one connection, since a meter is not replaced under power."""
        if evse is None or (evse not in self._evses and len(self._evses) >= _EVSES_MAX):
            return
        for each in samples(facts):
            known = self._evses.setdefault(evse, _Evse(RegisterSeries(self._site.power_w_max)))
            found = known.take(each)
            if found and not known.is_told:
                known.is_told = True
                self._site.events.report(SecurityKind.METER_REGRESS, self._source, mono_ns, evse=evse, change=found)

    def _look_at_state(self, action: str, facts: list[ev.AnyEvent]) -> None:
        if action == "BootNotification" or any(
            type(fact) is ev.StatusChanged and fact.status in _OUT_OF_ORDER for fact in facts
        ):
            self._evses.clear()


def bill(energy_wh: object, at: object, mono_ns: int) -> Sample | None:
    """Read meterStart or meterStop with its time, None where it is no number."""
    value = allow.number(energy_wh)
    return None if value is None else Sample("bill", value, allow.utc_ms(at), None, mono_ns)


def _number(payload: allow.Object) -> int | None:
    """Give a 1.6 transaction's number; chargers and CSMS write 0 or -1 for none."""
    name = payload.get("transactionId")
    return name if type(name) is int and 0 < name <= _NUMBER_MAX else None
