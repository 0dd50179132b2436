"""This file shows rows to the detectors; it guards that only changes are triggers, and only of samples with a value."""

import numpy as np
import pytest

from isolane.core.signals import Signal
from isolane.health.recorder.row_detectors import RowDetectors
from isolane.health.recorder.rows import Row, Stream
from isolane.health.recorder.settings import TriggerSettings
from isolane.wire.floats import pattern
from isolane.wire.schema import Schema

SCHEMA = Schema.of(
    (
        Signal("CP-1", "0.0/CaseAccessSensor/Active", "", 1),
        Signal("CP-1", "0.0/TiltSensor/Angle", "Deg", 0.1),
        Signal("CP-1", "0.0/ShockSensor/Force", "N", 0),
        Signal("CP-1", "1.1/PowerContactor/Active", "", 1),
        Signal("CP-1", "1.0/EVSE/DCCurrent", "A", 0.1),
        Signal("CP-1", "2.0/EVSE/DCCurrent", "A", 0.1),
    )
)
BAD = None
Shown = tuple[int | None, float, float, int | None, float, float]


def found(*rows: Shown) -> list[tuple[str, str]]:
    detectors = RowDetectors(SCHEMA, TriggerSettings())
    out = []
    for at, shown in enumerate(rows):
        codes = np.array([2 if value is BAD else 0 for value in shown], np.uint8)
        door, tilt, shock, active, own, other = (0 if value is BAD else value for value in shown)
        values = np.array([door, tilt * 10, pattern(shock), active, own * 10, other * 10], np.int64)
        row = Row(Stream(0, SCHEMA, 1000), at * 1000, values, codes)
        out += [(each.kind, each.value) for each in detectors.take(row)]
    return out


CALM: Shown = (0, 0.5, 1.0, 1, 100.0, 100.0)


@pytest.mark.parametrize(
    ("rows", "triggers"),
    [
        ([CALM] * 3, []),
        ([(1, 0.0, 0.0, 0, 0.0, 0.0)] * 2, []),
        ([CALM, (1, *CALM[1:]), (1, *CALM[1:])], [("door", "1")]),
        ([CALM, (BAD, *CALM[1:]), (1, *CALM[1:])], [("door", "1")]),
        ([(1, *CALM[1:]), (BAD, *CALM[1:]), (1, *CALM[1:])], []),
        ([CALM, (0, -12.5, *CALM[2:])], [("tilt", "-12.5")]),
        ([CALM, (0, 0.5, 350.25, *CALM[3:])], [("shock", "350.25")]),
        ([CALM, (*CALM[:3], 0, 0.0, 100.0)], [("contactor-under-load", "100")]),
        ([(*CALM[:4], 2.0, 100.0), (*CALM[:3], 0, 0.0, 100.0)], []),
        ([CALM, (*CALM[:3], BAD, 50.0, 0.0), (*CALM[:3], 0, 0.0, 0.0)], [("contactor-under-load", "50")]),
    ],
)
def test_what_is_a_trigger(rows: list[Shown], triggers: list[tuple[str, str]]) -> None:
    assert found(*rows) == triggers
