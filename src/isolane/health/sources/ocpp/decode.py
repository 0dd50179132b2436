"""This file keeps what the tap's events say of one charger; it guards that what may have changed is not told as known.

Operation: events set facts. States (connection, availability, transactions) hold until an event changes them and are
told every round as long as the stream of events is whole. When events were lost, or the tap could not read something,
all states are forgotten: they are told again when the charger reports them, and until then sampling shows the last ones
as STALE, then BAD. Measurements are told once, with the time at which they came.
"""

from collections.abc import Iterable, Iterator

from isolane.core.samples import Quality, Reading, Reason
from isolane.health.sources import points
from isolane.health.sources.ocpp import plan
from isolane.health.sources.ocpp.measured import Measured
from isolane.health.sources.ocpp.settings import ChargerSettings, VariableSettings
from isolane.wire import tap_event

_NO_ERROR = ("", "NoError")
_OLD_S_MIN = 120.0
"""A metered value older than this (or two periods) was queued while the charger was offline; it is not the present."""


class ChargerFacts:
    """What is known of one charger.

    Args:
        settings: Which of its signals exist.
        variables: Which of its monitored variables are signals too.
    """

    def __init__(self, settings: ChargerSettings, variables: Iterable[VariableSettings] = ()) -> None:
        self.charger = settings.charger
        self._settings = settings
        self._meters = plan.metered_signals(settings)
        self._variables = {variable.key: variable for variable in variables}
        self._connected_mono_ns: int | None = None
        self._reconnects = 0
        self._security_events = 0
        self._active: bool | None = None
        self._states: dict[str, float | Reason] = {}
        self._connectors: dict[tuple[int, int], tuple[int, bool]] = {}
        self._transactions: dict[int, set[str]] = {}
        self._measured: dict[str, tuple[float | Reason, int]] = {}

    def forget(self) -> None:
        """Events were lost: what was known may no longer hold."""
        self._active = None
        self._states.clear()
        self._connectors.clear()
        self._transactions.clear()

    def take(self, event: tap_event.AnyEvent, now_utc_ms: int) -> None:
        """Take one event of this charger.

        Args:
            event: The event.
            now_utc_ms: Wall clock, ms, to tell queued meter values from present ones.
        """
        if not isinstance(event, tap_event.Disconnected | tap_event.Unread | tap_event.SecurityEvent):
            self._active = True
        match event:
            case tap_event.Connected():
                self._connect(event.mono_ns)
            case tap_event.Disconnected():
                self.forget()
                self._active = False
            case tap_event.StatusChanged():
                self._change_status(event)
            case tap_event.TransactionChanged():
                self._change_transaction(event)
            case tap_event.Answered(by="csms"):
                self._measured[plan.ROUND_TRIP] = (event.latency_ms / 1000, event.mono_ns)
            case tap_event.Metered() | tap_event.Monitored():
                self._take_values(event, now_utc_ms)
            case tap_event.Unread():
                self.forget()
            case tap_event.SecurityEvent():
                self._security_events += event.count
            case _:
                pass

    def _connect(self, mono_ns: int) -> None:
        if self._connected_mono_ns not in (None, mono_ns):  # the same fact told again is no reconnect
            self._reconnects += 1
        self._connected_mono_ns = mono_ns

    def _change_status(self, event: tap_event.StatusChanged) -> None:
        number = plan.NUMBER_OF.get(event.status)
        if number is None or event.evse not in self._settings.reported:
            return
        faulty = event.error_code not in _NO_ERROR or event.status == "Faulted"
        self._connectors[event.evse, event.connector] = (number, faulty)
        own = [state for (evse, _), state in self._connectors.items() if evse == event.evse]
        # Of several connectors of one EVSE only one can be in use; the one that is not simply available tells.
        self._states[plan.availability(event.evse)] = next((number for number, _ in own if number), 0)
        self._states[plan.problem(event.evse)] = float(any(faulty for _, faulty in own))

    def _change_transaction(self, event: tap_event.TransactionChanged) -> None:
        if not 0 < event.evse <= self._settings.evses:
            return
        running = self._transactions.setdefault(event.evse, set())
        if event.phase == "ended":
            running.discard(event.pseudonym)
        else:
            running.clear()  # an EVSE has one transaction: the end of an older one was missed
            running.add(event.pseudonym)
        self._states[plan.transaction_active(event.evse)] = float(bool(running))

    def _take_values(self, event: tap_event.Metered | tap_event.Monitored, now_utc_ms: int) -> None:
        if isinstance(event, tap_event.Metered):
            self._meter(event, now_utc_ms)
        else:
            self._monitor(event)

    def _meter(self, event: tap_event.Metered, now_utc_ms: int) -> None:
        period_s = self._settings.meter_period_s
        if event.evse not in self._settings.metered:
            return
        if event.sampled_utc_ms is not None:
            age_s = (now_utc_ms - event.sampled_utc_ms) / 1000
            if age_s > max(_OLD_S_MIN, 2 * period_s):
                return
        for sent in event.values:
            measured = Measured.of(sent)
            signal = self._meters.get((event.evse, measured))
            value = None if signal is None else measured.value(sent)
            if signal is not None and value is not None:
                self._measured[signal.key] = (value, event.mono_ns)

    def _monitor(self, event: tap_event.Monitored) -> None:
        variable = self._variables.get(f"{event.evse}.{event.connector}/{event.component}/{event.variable}")
        if variable is None:
            return
        value = points.value_of(variable, event.value)
        if variable.period_s:
            self._measured[variable.key] = (value, event.mono_ns)
        else:
            self._states[variable.key] = value

    def readings(self, now: int) -> Iterator[Reading]:
        """Give what is known at a moment of the monotonic clock; each measurement once."""
        yield Reading(self.charger, plan.RECONNECTS, self._reconnects, now)
        yield Reading(self.charger, plan.SECURITY_EVENTS, self._security_events, now)
        if self._active is not None:
            yield Reading(self.charger, plan.LINK_ACTIVE, float(self._active), now)
        for key, value in self._states.items():
            yield self._reading(key, value, now)
        for key, (value, mono_ns) in self._measured.items():
            yield self._reading(key, value, mono_ns)
        self._measured.clear()
        if self._active is False:
            own = [signal.key for signal, _ in plan.signals_of(self._settings)]
            for key in [*own, *self._variables]:
                if key not in {plan.LINK_ACTIVE, plan.RECONNECTS, plan.SECURITY_EVENTS}:
                    yield self._reading(key, Reason.DISCONNECTED, now)

    def _reading(self, key: str, value: float | Reason, mono_ns: int) -> Reading:
        if isinstance(value, Reason):
            return Reading(self.charger, key, None, mono_ns, Quality.BAD, value)
        return Reading(self.charger, key, value, mono_ns)
