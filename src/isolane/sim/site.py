"""This file builds chargers from their plans; it guards that the same plan makes the same charger."""

import random
import zlib
from collections.abc import Callable, Mapping

from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context
from isolane.sim.chargers.bay import Bay
from isolane.sim.chargers.charger import Charger
from isolane.sim.chargers.charger_v16 import ChargerV16
from isolane.sim.chargers.charger_v201 import ChargerV201
from isolane.sim.chargers.link import Reach
from isolane.sim.modbus.fronts import ac_units, dc_units, serial_of
from isolane.sim.modbus.server import ModbusFront
from isolane.sim.physics.ac_station import AcStation
from isolane.sim.physics.dc_readings import dc_readings
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.faults import Fault
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.visits import Visit, draw_visit
from isolane.sim.records import RecordFile
from isolane.sim.scenario import ChargerPlan, Scenario, read_password

TOKENS = ("A1B2C3D4", "0F1E2D3C", "77AA88BB", "DEADBEEF", "C0FFEE01")
"""Invented card numbers."""
_METER_WH_MAX = 5_000_000


def build_charger(plan: ChargerPlan, scenario: Scenario, journal: RecordFile) -> Charger:
    """Make one charger.

    Args:
        plan: Which.
        scenario: Seed and weather.
        journal: Where it writes what it metered.

    Raises:
        IsolaneError: A certificate or password cannot be read.
    """
    seed = scenario.seed ^ zlib.crc32(plan.id.encode())
    rng = random.Random(seed)
    weather = Weather(
        mean_c=scenario.weather.mean_c,
        swing_k=scenario.weather.swing_k,
        humidity_rh=scenario.weather.humidity_rh,
        hour=scenario.weather.hour,
    )
    faults = [Fault(one.kind, one.level, one.start_s, one.ramp_s, one.end_s) for one in plan.faults]
    meter_wh = rng.randrange(_METER_WH_MAX)
    station: AcStation | DcStation
    read: Callable[[], Mapping[str, float]]
    if plan.kind == "ac22":
        station = ac = AcStation(seed, weather, faults, meter_wh)
        read = ac.readings
        units, show = ac_units(plan.id, plan.meter)
    else:
        station = dc = DcStation(seed, weather, faults, meter_wh)
        read = lambda: dc_readings(dc)  # noqa: E731 - a def in one branch and a method in the other says less
        units, show = dc_units(plan.id, plan.meter)

    def draw() -> Visit:
        return draw_visit(rng, plan.energy_scale, slow=plan.kind == "ac22")

    serial = serial_of(plan.id)
    return Charger(
        plan.id,
        bay=Bay(
            station,
            read=read,
            draw=draw,
            tokens=TOKENS,
            gap_s=plan.gap_s,
            meter_interval_s=plan.meter_interval_s,
            rng=rng,
        ),
        dialect=ChargerV16("AC22", serial) if plan.kind == "ac22" else ChargerV201("DC150", serial),
        reach=_reach(plan),
        front=ModbusFront(units, plan.modbus_host, plan.modbus_port),
        show=show,
        read=read,
        journal=journal,
    )


def _reach(plan: ChargerPlan) -> Reach:
    if plan.url.startswith("ws://") and (plan.ca_path or plan.certificate_path):
        raise IsolaneError(f"{plan.id}: certificates with a ws:// address", "write wss:// or leave them out")
    secure = plan.url.startswith("wss://")
    return Reach(
        url=plan.url,
        tls=client_context(plan.ca_path, plan.certificate_path, plan.key_path) if secure else None,
        password=None if plan.password_path is None else read_password(plan.password_path),
        compression=plan.compression,
    )
