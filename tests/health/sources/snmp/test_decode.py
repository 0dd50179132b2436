"""This file tests rates by table; it guards that a restart or a look that failed makes no rate."""

import pytest

from isolane.core.clock import NS_PER_S
from isolane.core.samples import Reason
from isolane.core.signals import Signal
from isolane.health.sources.snmp.decode import Look, Sent, readings_of
from isolane.health.sources.snmp.plan import UP_TIME, PlannedPoint
from isolane.health.sources.snmp.settings import ObjectSettings

OID = (1, 3, 9, 1)
KEY = "0.0/DataLink[1]/xInBitRate"
POINT = PlannedPoint(ObjectSettings(key=KEY, oid="1.3.9.1", rate=True, scale=8), Signal("", KEY, "", 1), OID)


def look(value: int, at_s: float, up_time: int, bits: int = 32) -> Look:
    return Look({OID: Sent(value, bits), UP_TIME: Sent(up_time)}, round(at_s * NS_PER_S))


@pytest.mark.parametrize(
    ("before", "now", "value"),
    [
        (look(1000, 10, 500), look(2000, 12, 700), 4000.0),
        (look(1000, 10, 500), look(1000, 12, 700), 0.0),
        (look(2**32 - 500, 10, 500), look(500, 12, 700), 4000.0),
        (look(2**32 - 500, 10, 500, 64), look(500, 12, 700, 64), Reason.NEVER_READ),
        (look(2000, 10, 500), look(100, 12, 7), Reason.NEVER_READ),
        (look(2000, 10, 500), look(5000, 12, 7), Reason.NEVER_READ),
        (None, look(1000, 12, 700), Reason.NEVER_READ),
        (Look({}, 0), look(1000, 12, 700), Reason.NEVER_READ),
        (look(1000, 10, 500), Look({OID: Sent(None)}, NS_PER_S), Reason.NOT_IMPLEMENTED),
        (look(1000, 10, 500), Look({OID: Sent("many"), UP_TIME: Sent(700)}, NS_PER_S), Reason.NEVER_READ),
    ],
)
def test_a_rate_needs_two_looks_at_one_life_of_the_counter(before: Look | None, now: Look, value: object) -> None:
    (reading,) = readings_of(now, before, [POINT])
    assert (reading.reason if isinstance(value, Reason) else reading.value) == value
