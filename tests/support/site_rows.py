"""This file makes rows of a small site and says what of them is worth a log line; it guards one expectation for all.

Two chargers and a gateway; CP-2's voltage is 100 V above CP-1's and is lost for three rows, a station's state changes
twice.
"""

import numpy as np

from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.wire.schema import Schema
from support.target_rows import BAD

STATION, STATE = "Säule/3", "1.2/Connector[Left]/AvailabilityState"
VOLTAGE = "1.0/ElectricalFeed/ACVoltage[L1]"
SCHEMA = Schema.of(
    (
        Signal("", "0.0/Controller/xCpu", "Percent", 0.1),
        Signal("CP-1", VOLTAGE, "V", 0.1),
        Signal("CP-2", VOLTAGE, "V", 0.1),
        Signal("CP-2", "1.0/FiscalMetering/EnergyImportRegister", "Wh", 1),
        Signal(STATION, STATE, "", 1),
    )
)
ROWS, LOST = 20, slice(5, 8)

Told = tuple[int, str, str, str, dict[str, str | int]]
"""Time in ms, kind, level, charger, values."""


def drafts(start_ms: int) -> list[Draft]:
    """Make two blocks of ten rows, 1 s apart."""
    n = np.arange(ROWS, dtype=np.int64)
    values = np.stack([np.full(ROWS, 125), 2300 + n, 3300 + n, 10**12 + n, n // 8])
    codes = np.zeros((5, ROWS), np.uint8)
    codes[2, LOST] = BAD
    half = ROWS // 2
    return [
        Draft(SCHEMA.id, start_ms + 1000 * at, 1000, values[:, at : at + half], codes[:, at : at + half])
        for at in (0, half)
    ]


def apart(found: list[Told]) -> tuple[list[Told], list[Told]]:
    """Give what was told of rows, by time and kind, and the books."""
    rows = [told for told in found if told[1] != "ledger"]
    return sorted(rows, key=lambda told: told[:2]), [told for told in found if told[1] == "ledger"]


def facts(start_ms: int) -> list[Told]:
    """Give what of these rows is worth a log line, by time and kind; the books beside it."""
    lost: dict[str, str | int] = {"signal": VOLTAGE, "from": "GOOD", "to": "BAD", "reason": "TIMEOUT"}
    return [
        (start_ms, "state", "INFO", STATION, {"signal": STATE, "to": 0}),
        (start_ms + 5000, "quality", "WARN", "CP-2", lost),
        (start_ms + 8000, "quality", "INFO", "CP-2", {"signal": VOLTAGE, "from": "BAD", "to": "GOOD"}),
        (start_ms + 8000, "state", "INFO", STATION, {"signal": STATE, "from": 0, "to": 1}),
        (start_ms + 16_000, "state", "INFO", STATION, {"signal": STATE, "from": 1, "to": 2}),
    ]
