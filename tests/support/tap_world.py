"""This file plays chargers and a CSMS that keep to OCPP, and lets the tap see what the relay would copy.

Registers only grow, but at a meter's replacement between transactions; a charger that was offline tells its queue in
order after a live message; its clock may be set at any time; a 2.x charger may lose numbers of a sequence.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from isolane.core.clock import NS_PER_S, SystemClock
from isolane.tap.connections import Connections
from isolane.tap.session import Rules
from isolane.tap.stream import Budget
from isolane.wire.tap_copy import Direction
from support.tap_rules import make_rules
from support.tap_traffic import Leg, copy, message

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS
POWER_W = 350_000
_BEGIN_S = 1_767_225_600


@dataclass
class Meter:
    """One connector's meter and its transaction."""

    energy_wh: int = 1_000_000
    transaction: "Transaction | None" = None


@dataclass
class Transaction:
    """One transaction; a 1.6 number is known once the CSMS has answered."""

    name: int | str = 0
    order: int = 0


@dataclass
class Station:
    """One charger."""

    leg: Leg
    is_v16: bool
    offset_s: int = 0
    is_online: bool = True
    meters: dict[int, Meter] = field(default_factory=lambda: {1: Meter(), 2: Meter()})
    queue: list[Callable[[], None]] = field(default_factory=list)
    names: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class World:
    """Chargers, a CSMS and a tap between them.

    Args:
        versions: The subprotocol of each charger.
        numbered_by_charger: Whether the CSMS begins at 1 for each charger.
    """

    def __init__(self, versions: list[str], *, numbered_by_charger: bool = False) -> None:
        self.found: Counter[str] = Counter()
        self.now_s = 0
        self.lose = 0
        self._numbers = itertools.count(1)
        self._numbers_of = [itertools.count(1) for _ in versions] if numbered_by_charger else None
        self._ids = itertools.count()
        self._connections = itertools.count(1)
        self.stations: list[Station] = []
        self.rules, self.tap = self._tap()
        for number, version in enumerate(versions):
            leg = Leg(f"CP{number}", next(self._connections), version)
            self.stations.append(Station(leg, version == "ocpp1.6"))
            self._see(self.stations[-1], leg.opened())

    @staticmethod
    def _tap() -> tuple[Rules, Connections]:
        rules = make_rules(Budget(1 << 20))
        return rules, Connections(rules, lambda _: None, SystemClock(), 100)

    def alarms(self) -> dict[str, int]:
        """Give what was told, by type."""
        now: Counter[str] = Counter({kind.value: count for kind, count in self.rules.watch.events.counts.items()})
        return dict(self.found + now)

    def restart_tap(self) -> None:
        """Begin with a tap that knows nothing; the relay tells it the living connections."""
        self.found = Counter(self.alarms())
        self.rules, self.tap = self._tap()
        for station in self.stations:
            self._see(station, station.leg.opened())

    def raw(self, station: Station, direction: Direction, text: bytes) -> None:
        """Let one message pass."""
        frames = b"".join(message(text, masked=direction is CHARGER))
        self._see(station, station.leg.data(direction, frames))

    def call(self, station: Station, action: str, payload: object, answer: object = None) -> None:
        """Let a charger call and the CSMS answer."""
        identity = str(next(self._ids))
        self.raw(station, CHARGER, json.dumps([2, identity, action, payload]).encode())
        self.raw(station, CSMS, json.dumps([3, identity, answer or {}]).encode())

    def command(self, station: Station, action: str, payload: object) -> None:
        """Let the CSMS call and the charger answer."""
        identity = str(next(self._ids))
        self.raw(station, CSMS, json.dumps([2, identity, action, payload]).encode())
        self.raw(station, CHARGER, json.dumps([3, identity, {"status": "Accepted"}]).encode())

    def at(self, station: Station) -> str:
        """Give the time as a charger's clock has it."""
        return datetime.fromtimestamp(_BEGIN_S + self.now_s + station.offset_s, UTC).isoformat()

    def step(self, kind: str, number: int, connector: int, amount: int) -> None:
        """Do one thing of a legal kind; time passes and cars charge before it."""
        passed_s = amount % 900 + 1
        self.now_s += passed_s
        for each in self.stations:
            for meter in each.meters.values():
                if meter.transaction:
                    meter.energy_wh += POWER_W * passed_s * (amount % 11) // 36_000
        getattr(self, f"_{kind}")(self.stations[number], connector, amount)

    def _see(self, station: Station, packet: bytes) -> None:
        station.leg.mono_ns = max(station.leg.mono_ns, self.now_s * NS_PER_S)
        if self.lose:
            self.lose -= 1
            return
        self.tap.take(1, copy(packet))

    def _send(self, station: Station, act: Callable[[], None]) -> None:
        if station.is_online:
            act()
        else:
            station.queue.append(act)

    def _values(self, station: Station, connector: int) -> list[object]:
        energy_wh = station.meters[connector].energy_wh
        if station.is_v16:
            sampled: list[object] = [
                {"value": str(energy_wh), "unit": "Wh"},
                {"value": f"{energy_wh / 1000:.1f}", "unit": "kWh", "location": "Inlet"},
            ]
        else:
            sampled = [{"value": energy_wh / 1000, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}]
        return [{"timestamp": self.at(station), "sampledValue": sampled}]

    def _start(self, station: Station, connector: int, amount: int) -> None:
        meter = station.meters[connector]
        if meter.transaction:
            return
        transaction = meter.transaction = Transaction()
        if not station.is_v16:
            transaction.name = (
                f"{amount:08x}-0000-4000-8000-{next(self._ids):012x}" if amount % 2 else str(next(station.names))
            )
            self._tell(station, connector, transaction, "Started")
            return
        payload = {"connectorId": connector, "idTag": "T", "meterStart": meter.energy_wh, "timestamp": self.at(station)}

        def act() -> None:
            own = self._numbers_of[self.stations.index(station)] if self._numbers_of else self._numbers
            transaction.name = next(own)
            self.call(station, "StartTransaction", payload, {"transactionId": transaction.name})

        self._send(station, act)

    def _tell(self, station: Station, connector: int, transaction: Transaction, phase: str) -> None:
        payload = {
            "eventType": phase,
            "timestamp": self.at(station),
            "seqNo": transaction.order,
            "transactionInfo": {"transactionId": transaction.name},
            "evse": {"id": connector},
            "meterValue": self._values(station, connector),
        }
        transaction.order += 1
        self._send(station, lambda: self.call(station, "TransactionEvent", payload))

    def _meter(self, station: Station, connector: int, amount: int) -> None:
        transaction, values = station.meters[connector].transaction, self._values(station, connector)
        if transaction and not station.is_v16:
            transaction.order += amount % 3 == 0  # a number that is never told
            self._tell(station, connector, transaction, "Updated")
            return
        place = "connectorId" if station.is_v16 else "evseId"
        payload: dict[str, object] = {place: connector, "meterValue": values}
        if not transaction:
            self._send(station, lambda: self.call(station, "MeterValues", payload))
            return
        self._send(station, lambda: self.call(station, "MeterValues", {**payload, "transactionId": transaction.name}))

    def _stop(self, station: Station, connector: int, _: int) -> None:
        meter = station.meters[connector]
        transaction, meter.transaction = meter.transaction, None
        if not transaction:
            return
        if not station.is_v16:
            self._tell(station, connector, transaction, "Ended")
            return
        payload = {
            "meterStop": meter.energy_wh,
            "timestamp": self.at(station),
            "transactionData": self._values(station, connector),
        }
        self._send(
            station, lambda: self.call(station, "StopTransaction", {**payload, "transactionId": transaction.name})
        )

    def _swap(self, station: Station, connector: int, _: int) -> None:
        """Replace a meter, which is done with the connector out of order."""
        meter = station.meters[connector]
        if meter.transaction or not station.is_online:
            return
        self._say_status(station, connector, "Unavailable")
        meter.energy_wh = 0
        self._say_status(station, connector, "Available")

    def _say_status(self, station: Station, connector: int, status: str) -> None:
        v16 = {"connectorId": connector, "errorCode": "NoError", "status": status}
        v2 = {"evseId": connector, "connectorId": 1, "connectorStatus": status, "timestamp": self.at(station)}
        self.call(station, "StatusNotification", v16 if station.is_v16 else v2)

    def _offline(self, station: Station, _: int, amount: int) -> None:
        if station.is_online:
            station.is_online = False
            self._see(station, station.leg.closed(CHARGER if amount % 2 else CSMS))

    def _online(self, station: Station, _: int, amount: int) -> None:
        if station.is_online:
            return
        old, station.is_online = station.leg, True
        opened_ns = self.now_s * NS_PER_S
        station.leg = Leg(old.charger, next(self._connections), old.subprotocol, opened_mono_ns=opened_ns)
        self._see(station, station.leg.opened())
        if amount % 2:
            self.call(station, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        queue, station.queue = station.queue, []
        if amount % 3 == 0 and not station.offset_s:
            self._meter(station, 1, 1) if not station.meters[1].transaction else None
        for act in queue:
            act()

    def _clock(self, station: Station, _: int, amount: int) -> None:
        station.offset_s = (amount % 7 - 3) * 100_000

    def _restart(self, _: Station, __: int, ___: int) -> None:
        self.restart_tap()

    def _lossy(self, _: Station, __: int, amount: int) -> None:
        self.lose = amount % 5

    def _manage(self, station: Station, _: int, amount: int) -> None:
        if station.is_online:
            self.command(
                station, ("SetChargingProfile", "Reset", "GetLocalListVersion", "CertificateSigned")[amount % 4], {}
            )
            self.command(station, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": str(amount)})
