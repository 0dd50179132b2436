"""This file finds a charger's ports among its signals; it guards that a port is only what some signal tells of."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LINK: Final = "0.0/DataLink/Active"
STATION: Final = "0.0/ChargingStation/AvailabilityState"

_KEY = re.compile(r"(\d+)\.\d+/(\w+)(?:\[[^\]]*\])?/(\w+)(?:\[[^\]]*\])?")
_STATE: Final = (("Connector", "AvailabilityState"), ("EVSE", "AvailabilityState"), ("EVSE", "xState"))
_TRANSACTION: Final = (("EVSE", "xTransactionActive"),)
_POWER: Final = (("EVSE", "Power"), ("Connector", "Power"), ("FiscalMetering", "Power"), ("ElectricalFeed", "Power"))
_REQUESTED: Final = (("EVSE", "xPowerRequested"), ("ConnectedEV", "xPowerRequested"))


@dataclass(frozen=True, slots=True)
class Port:
    """A port and the keys of its signals; "" where it has none.

    Attributes:
        number: EVSE number, from 1.
        state: Its state, `core.states`.
        transaction: Whether a transaction runs.
        power: To the vehicle, W.
        requested: What the vehicle asks for, W.
    """

    number: int
    state: str
    transaction: str
    power: str
    requested: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the keys it has."""
        return tuple(key for key in (self.state, self.transaction, self.power, self.requested) if key)


def ports_of(keys: Iterable[str]) -> list[Port]:
    """Find the ports: EVSEs from 1 on whose state or transaction some signal tells, by number.

    Args:
        keys: All signals of one charger.
    """
    found: dict[int, dict[tuple[str, str], str]] = {}
    for key in sorted(keys):
        match = _KEY.fullmatch(key)
        if match and int(match[1]):
            # A signal without an instance sorts before those with one: it is the charger's own.
            found.setdefault(int(match[1]), {}).setdefault((match[2], match[3]), key)
    ports = [
        Port(number, *(_first(named, wanted) for wanted in (_STATE, _TRANSACTION, _POWER, _REQUESTED)))
        for number, named in sorted(found.items())
    ]
    return [port for port in ports if port.state or port.transaction]


def _first(named: dict[tuple[str, str], str], wanted: Sequence[tuple[str, str]]) -> str:
    return next((named[name] for name in wanted if name in named), "")
