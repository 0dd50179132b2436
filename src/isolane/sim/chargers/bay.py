r"""This file lets cars come and go at one charger; it guards that metering starts and stops exactly with the contactor.

    AVAILABLE --gap over--> PREPARING --authorised--> CHARGING --full, time up, stopped--> FINISHING --30 s--> AVAILABLE
                                \--refused------------------------------------------------^

Pure: time comes in as steps, what happened goes out as events. Simulated seconds drive cars and heat, real seconds
drive the meter interval, because messages per minute should be those of a real site.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

from isolane.sim.physics.energy import Register
from isolane.sim.physics.vehicles import Vehicle
from isolane.sim.physics.visits import Visit

EventKind = Literal["plugged", "started", "metered", "stopped", "unplugged"]
StopReason = Literal["EVDisconnected", "Local", "Remote", "SoftReset", "SOCLimitReached", "TimeLimitReached"]

_STEP_S_MAX = 1.0
_FINISH_S = 30.0
_OFFLINE_WAIT_S = 15.0
"""Real seconds after which a charger that hears nothing lets the car charge all the same (offline for unknown ids)."""


class Phase(IntEnum):
    """Where the bay is. The numbers are those of the Modbus map's xState."""

    AVAILABLE = 0
    PREPARING = 1
    CHARGING = 2
    FINISHING = 3


class Station(Protocol):
    """The body of a charger: `AcStation` or `DcStation`."""

    register: Register
    state: int

    @property
    def problem(self) -> bool:
        """Whether something stops or limits charging."""
        ...

    @property
    def power_w(self) -> float:
        """Power to the vehicle."""
        ...

    def plug(self, vehicle: Vehicle) -> None:
        """A car arrives."""
        ...

    def unplug(self) -> None:
        """The car leaves."""
        ...

    def switch(self, *, closed: bool) -> None:
        """Close or open the contactor."""
        ...

    def step(self, dt_s: float) -> None:
        """Move on."""
        ...


@dataclass(frozen=True, slots=True)
class BayEvent:
    """What happened.

    Attributes:
        kind: See EventKind.
        wh: The billing register at that moment.
        token: Who charges.
        reason: Why it stopped; "" for other events.
        readings: What the sensors showed; given with started, metered and stopped.
    """

    kind: EventKind
    wh: int
    token: str = ""
    reason: StopReason | Literal[""] = ""
    readings: Mapping[str, float] = field(default_factory=dict)


class Bay:
    """One parking bay with its charger.

    Args:
        station: The charger's body.
        read: Reads its sensors.
        draw: Gives the next visit.
        tokens: Who may come.
        gap_s: Mean of the simulated seconds between two visits.
        meter_interval_s: Real seconds between two meter readings.
        rng: Where its numbers come from.
    """

    def __init__(
        self,
        station: Station,
        *,
        read: Callable[[], Mapping[str, float]],
        draw: Callable[[], Visit],
        tokens: tuple[str, ...],
        gap_s: float,
        meter_interval_s: float,
        rng: random.Random,
    ) -> None:
        self.station = station
        self.phase = Phase.AVAILABLE
        self.token = ""
        self._read = read
        self._draw = draw
        self._tokens = tokens
        self._gap_s = gap_s
        self._meter_interval_s = meter_interval_s
        self._rng = rng
        self._left_s = rng.expovariate(1.0) * gap_s
        self._since_meter_s = 0.0
        self._waited_s = 0.0
        self._visit: Visit | None = None
        self._start_wh = 0
        self._stop: StopReason | None = None
        self._closed = False
        self._verdict: bool | None = None

    def advance(self, simulated_s: float, real_s: float) -> list[BayEvent]:
        """Let time pass and give what happened, in order."""
        events: list[BayEvent] = []
        left_s = simulated_s
        while left_s > 0:
            dt_s = min(left_s, _STEP_S_MAX)
            left_s -= dt_s
            self.station.step(dt_s)
            self._left_s -= dt_s
            events += self._move()
        events += self._meter(real_s)
        return events

    def authorise(self, *, accepted: bool) -> None:
        """Tell what the CSMS thinks of the token; counts only while PREPARING."""
        self._verdict = accepted

    def request_start(self, token: str) -> bool:
        """Begin a visit for this token at once; False when the bay is not free."""
        if self.phase is not Phase.AVAILABLE or self._closed:
            return False
        self._tokens = (token, *self._tokens)
        self.token = token
        self._left_s = 0.0
        return True

    def request_stop(self, reason: StopReason) -> bool:
        """End what is running; False when nothing is."""
        if self.phase is not Phase.CHARGING:
            return False
        self._stop = reason
        return True

    def close(self) -> list[BayEvent]:
        """Let nobody in any more, end what is running and give what happened."""
        self._closed = True
        if self.phase is Phase.CHARGING:
            return [self._end("Local")]
        return []

    def _move(self) -> list[BayEvent]:
        if self.phase is Phase.AVAILABLE and self._left_s <= 0 and not self._closed:
            return [self._begin()]
        if self.phase is Phase.PREPARING and self._verdict is not None:
            return [self._start() if self._verdict else self._leave()]
        if self.phase is Phase.CHARGING and (reason := self._over()):
            return [self._end(reason)]
        if self.phase is Phase.FINISHING and self._left_s <= 0:
            return [self._leave()]
        return []

    def _begin(self) -> BayEvent:
        self._visit = self._draw()
        self.token = self.token or self._rng.choice(self._tokens)
        self._verdict, self._waited_s = None, 0.0
        self.station.plug(self._visit.vehicle)
        self._enter(Phase.PREPARING)
        return BayEvent("plugged", self.station.register.wh, self.token)

    def _start(self) -> BayEvent:
        self._start_wh = self.station.register.wh
        self._left_s = self._visit.stay_s if self._visit else 0.0
        self._stop, self._since_meter_s = None, 0.0
        self.station.switch(closed=True)
        self._enter(Phase.CHARGING)
        return BayEvent("started", self._start_wh, self.token, readings=self._read())

    def _over(self) -> StopReason | None:
        if self._stop or self._visit is None:
            return self._stop or "Local"
        if self._visit.vehicle.soc >= 1.0:
            return "SOCLimitReached"
        if self.station.register.wh - self._start_wh >= self._visit.energy_wh:
            return "EVDisconnected"
        return "TimeLimitReached" if self._left_s <= 0 else None

    def _end(self, reason: StopReason) -> BayEvent:
        readings = self._read()
        self.station.switch(closed=False)
        self._left_s = _FINISH_S
        self._enter(Phase.FINISHING)
        return BayEvent("stopped", self.station.register.wh, self.token, reason, readings)

    def _leave(self) -> BayEvent:
        self.station.unplug()
        self._visit = None
        token, self.token = self.token, ""
        self._left_s = self._rng.expovariate(1.0) * self._gap_s
        self._enter(Phase.AVAILABLE)
        return BayEvent("unplugged", self.station.register.wh, token)

    def _meter(self, real_s: float) -> list[BayEvent]:
        if self.phase is Phase.PREPARING:
            self._waited_s += real_s
            if self._verdict is None and self._waited_s >= _OFFLINE_WAIT_S:
                self._verdict = True
        if self.phase is not Phase.CHARGING:
            return []
        self._since_meter_s += real_s
        if self._since_meter_s < self._meter_interval_s:
            return []
        self._since_meter_s %= self._meter_interval_s
        return [BayEvent("metered", self.station.register.wh, self.token, readings=self._read())]

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.station.state = int(phase)
