"""This file makes rows for links to other systems; it guards that each row can be recognised wherever it comes out.

Row n carries the voltage n tenths of a volt and the state n, so that metrics and logs alike give back their order.
"""

import numpy as np

from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.wire.schema import Schema

SIGNALS = (
    Signal("", "0.0/Controller/xCpu", "Percent", 0.1),
    Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1),
    Signal("CP-1", "1.0/FiscalMetering/EnergyImportRegister", "Wh", 1),
    Signal("CP-1", "1.0/Connector/AvailabilityState", "", 1),
)
SCHEMA = Schema.of(SIGNALS)
T0_MS = 1_700_000_000_000
BAD = 4 * 2 + 2
"""BAD, TIMEOUT."""


def rows_draft(number: int, rows: int = 5, t0_ms: int = T0_MS) -> Draft:
    """Make block `number` (from 0): rows number x rows and following, 1 s apart."""
    n = np.arange(number * rows, (number + 1) * rows, dtype=np.int64)
    values = np.stack([np.full(rows, 125), n, 1000 + n, n])
    return Draft(SCHEMA.id, t0_ms + int(n[0]) * 1000, 1000, values, np.zeros((4, rows), np.uint8))
