"""This file is what a 22 kW AC charger's power path shows in a day; it guards that it follows from the lanes alone."""

import numpy as np
from numpy.typing import NDArray

from isolane.sim.physics.ac_station import RATED_W
from isolane.sim.years.ac_body import SLOW
from isolane.sim.years.frame import Frame
from isolane.sim.years.sensors import Sensors
from isolane.sim.years.station_day import IMPEDANCES, Flow, phase_volts

Floats = NDArray[np.float64]

_STANDBY_W = 6.0
_CONTACT, _HANDLE = 0, 2


def ac_day(frame: Frame, sensors: Sensors, air_c: Floats) -> Flow:
    """Show a day's contact and power.

    Args:
        frame: The day.
        sensors: What shows it.
        air_c: Outdoors.

    Returns:
        What the rest of the station needs to know of it.
    """
    tau_s, offsets = frame.structure.contact_tau_s, frame.structure.offsets_k
    rise = frame.fading("contact_k", tau_s, slow=("contact_slow_k", SLOW * tau_s))
    sensors.pt("1.0/TemperatureSensor[ContactL1]/Temperature", air_c + rise, offsets[_CONTACT])
    sensors.pt("1.0/TemperatureSensor[Handle]/Temperature", air_c + 0.35 * rise, offsets[_HANDLE])
    amperes = np.stack([frame.placed(name) for name in ("l1_a", "l2_a", "l3_a")])
    volts = phase_volts(frame, amperes, IMPEDANCES["ac22"])
    power = (volts * amperes).sum(axis=0)
    return Flow(
        power_w=power,
        supply_w=power + _STANDBY_W,
        closed=frame.placed("closed") > 0,
        limit=frame.placed("limit", 1.0),
        behind_v=volts[0],
        phases_a=amperes,
        rated_w=RATED_W,
    )
