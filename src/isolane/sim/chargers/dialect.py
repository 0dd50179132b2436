"""This file is what two OCPP versions have in common for a charger; it guards that the charger knows neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from isolane.sim.chargers.bay import BayEvent, Phase, StopReason
from isolane.sim.chargers.outbox import Outgoing
from isolane.sim.peer import Handler

VENDOR = "isolane sim"
CONNECTOR = 1
MEASURED = Mapping[str, float]


@dataclass(slots=True)
class Transaction:
    """One transaction as the charger sees it.

    Attributes:
        ref: The charger's own reference; in OCPP 2.0.1 also the transaction id.
        token: Who charges.
        start_wh: Register at the start.
        started_utc: When.
        number: The id that the CSMS gave it (1.6); 0 until it is known.
        seq_no: Next sequence number (2.0.1).
        offline: Whether there is no connection at this moment; 2.0.1 says so in each event.
    """

    ref: str
    token: str
    start_wh: int
    started_utc: str
    number: int = 0
    seq_no: int = 0
    offline: bool = False


class Orders(Protocol):
    """What the CSMS may tell a charger to do; the charger implements it, the dialect calls it."""

    def start(self, token: str) -> bool:
        """Begin a transaction for this token; False when it cannot."""
        ...

    def stop(self, transaction: str) -> bool:
        """End this transaction (id as the CSMS writes it); False when it is not running."""
        ...

    def reset(self) -> None:
        """End what is running and come back with a new boot notification."""
        ...

    def say(self, what: str) -> bool:
        """Send "boot", "heartbeat", "status" or "meter" once; False when it cannot."""
        ...


class Dialect(Protocol):
    """One OCPP version, seen from a charger."""

    subprotocol: str
    own_ids: bool
    """Whether the charger chooses the transaction id itself."""

    def boot(self) -> Outgoing:
        """Make the boot notification."""
        ...

    def heartbeat(self) -> Outgoing:
        """Make a heartbeat."""
        ...

    def status(self, phase: Phase, *, problem: bool) -> Outgoing:
        """Make a status notification."""
        ...

    def problem(self, readings: MEASURED, *, problem: bool) -> Outgoing | None:
        """Make an event message for a problem that came or went; None where the version has none."""
        ...

    def authorise(self, token: str) -> Outgoing:
        """Make an authorisation request."""
        ...

    def accepted(self, answer: Mapping[str, Any]) -> bool:
        """Tell whether an authorisation was given."""
        ...

    def started(self, transaction: Transaction, event: BayEvent) -> Outgoing:
        """Make the message that begins a transaction."""
        ...

    def number(self, answer: Mapping[str, Any]) -> int:
        """Give the transaction id in the answer to `started`; 0 where the charger chose it itself."""
        ...

    def metered(self, transaction: Transaction, event: BayEvent) -> Outgoing:
        """Make a message with meter values."""
        ...

    def stopped(self, transaction: Transaction, event: BayEvent, reason: StopReason) -> Outgoing:
        """Make the message that ends a transaction."""
        ...

    def handlers(self, orders: Orders) -> Mapping[str, Handler]:
        """Give who answers the CSMS's calls."""
        ...
