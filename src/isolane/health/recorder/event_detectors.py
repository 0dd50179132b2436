"""This file finds triggers in tap events and models' residuals; it guards that a fault that lasts is told once."""

from dataclasses import dataclass, field

from isolane.core.clock import NS_PER_S
from isolane.health.recorder.settings import TriggerSettings
from isolane.health.recorder.triggers import FAULT, LEVELS, LINK, RESIDUAL, STOP
from isolane.wire import tap_event
from isolane.wire.snapshot import Trigger
from isolane.wire.tap_event import AnyEvent

_SOUND = {"", "NoError"}
_FAULTED = "Faulted"


@dataclass
class EventDetectors:
    """Watches events.

    Attributes:
        settings: The table.
    """

    settings: TriggerSettings
    _faults: set[tuple[str, str]] = field(default_factory=set)
    _gone: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By charger: since when its connection is gone, monotonic ns, and UTC ms."""

    def take(self, event: AnyEvent, t_ms: int) -> list[Trigger]:
        """Give what an event triggers."""
        charger = event.charger
        match event:
            case tap_event.StatusChanged():
                where = f"{event.evse}.{event.connector}/Connector/AvailabilityState"
                is_fault = event.status == _FAULTED or event.error_code not in _SOUND
                value = event.error_code if event.error_code not in _SOUND else event.status
                return self._fault(charger, where, t_ms, value, is_fault=is_fault)
            case tap_event.Monitored():
                return self._monitored(event, t_ms)
            case tap_event.TransactionChanged(phase="ended", reason=reason):
                if reason in self.settings.stop_reasons:
                    return [_trigger(STOP, charger, t_ms, f"{event.evse}.0/EVSE/xTransaction", reason)]
            case tap_event.Disconnected(by=by) if by != "relay":
                self._gone[charger] = event.mono_ns, t_ms
            case tap_event.Connected():
                self._gone.pop(charger, None)
            case _:
                pass
        return []

    def due(self, now_ns: int) -> list[Trigger]:
        """Give the chargers that have been without a connection for long, each once."""
        late_ns = self.settings.link_loss_s * NS_PER_S
        late = [charger for charger, (since_ns, _) in self._gone.items() if now_ns - since_ns >= late_ns]
        found = []
        for charger in late:
            since_ns, t_ms = self._gone.pop(charger)
            value = f"{(now_ns - since_ns) / NS_PER_S:.0f} s"
            found.append(_trigger(LINK, charger, t_ms, "0.0/OCPPCommCtrlr/xConnection", value))
        return found

    def forget(self) -> None:
        """Events were lost: nobody knows who is connected now."""
        self._gone.clear()

    def _monitored(self, event: tap_event.Monitored, t_ms: int) -> list[Trigger]:
        variable = event.variable.partition("[")[0]
        where = f"{event.evse}.{event.connector}/{event.component}/{event.variable}"
        if variable == "AvailabilityState":
            return self._fault(event.charger, where, t_ms, str(event.value), is_fault=event.value == _FAULTED)
        if variable in self.settings.fault_variables:
            is_fault = event.value in {1, "true", "True"}
            return self._fault(event.charger, where, t_ms, f"{event.value}", is_fault=is_fault)
        return []

    def _fault(self, charger: str, where: str, t_ms: int, value: str, *, is_fault: bool) -> list[Trigger]:
        key = charger, where
        was_fault = key in self._faults
        if not is_fault:
            self._faults.discard(key)
        elif not was_fault:
            self._faults.add(key)
            return [_trigger(FAULT, charger, t_ms, where, value)]
        return []


@dataclass
class ResidualDetector:
    """Watches how far models' residuals are off, in standard deviations.

    Attributes:
        residual_sd: So far off is a trigger; half of it ends it.
    """

    residual_sd: float
    _off: set[tuple[str, str]] = field(default_factory=set)

    def take(self, charger: str, name: str, deviation_sd: float, t_ms: int) -> list[Trigger]:
        """Give what a residual triggers; one that is no number triggers nothing."""
        key = charger, name
        if abs(deviation_sd) < self.residual_sd / 2:
            self._off.discard(key)
        elif abs(deviation_sd) >= self.residual_sd and key not in self._off:
            self._off.add(key)
            return [_trigger(RESIDUAL, charger, t_ms, name, f"{deviation_sd:.1f} sd")]
        return []


def _trigger(kind: str, charger: str, t_ms: int, what: str, value: str) -> Trigger:
    return Trigger(kind=kind, charger=charger, t_ms=t_ms, level=LEVELS[kind], what=what, value=value)
