"""This file is the 22 kW AC charger as a body; it guards that OCPP and Modbus are told of one state."""

import random
from collections.abc import Sequence

from isolane.sim.physics.contact import MATING_SCATTER, Contact, derate
from isolane.sim.physics.faults import Fault
from isolane.sim.physics.housing import insulation_ohm
from isolane.sim.physics.noise import Lag
from isolane.sim.physics.pilot import pilot
from isolane.sim.physics.station import Station
from isolane.sim.physics.supply import current_imbalance_percent, voltage_imbalance_percent
from isolane.sim.physics.surroundings import Weather

RATED_W = 22_080.0
RATED_A = 32.0
_RAMP_TAU_S = 3.0
_STANDBY_W = 6.0


class AcStation(Station):
    """An AC charger, stepped in simulated seconds.

    Args:
        seed: Everything random in it follows from this.
        weather: Around it.
        plan: What falls ill, and when.
        meter_wh: What its billing register shows at first.
        mating_scatter: Difference of the contacts from one visit to the next.
    """

    rated_w = RATED_W

    def __init__(
        self,
        seed: int,
        weather: Weather,
        plan: Sequence[Fault] = (),
        meter_wh: int = 0,
        mating_scatter: float = MATING_SCATTER,
    ) -> None:
        super().__init__(
            random.Random(seed),
            weather,
            plan,
            meter_wh=meter_wh,
            supply_ohm=0.20,
            housing=(1200.0, 6.0, 7.5),
            contact_scatter=mating_scatter,
        )
        self.contact = Contact(2.44e-2, 900.0, self.surroundings.air_c)
        self.contacts = (self.contact,)
        self._currents = [Lag(0.0, _RAMP_TAU_S) for _ in range(3)]

    @property
    def power_w(self) -> float:
        """AC power to the vehicle."""
        return sum(volt * ampere for volt, ampere in zip(self.phase_v, self.phase_a, strict=True))

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds, at most a few."""
        self._pass(dt_s)
        self._deliver(dt_s)
        power_w = self.power_w
        self.contact.step(max(self.phase_a), self.surroundings.air_c, self.faults["conn_gain"], dt_s)
        self.housing.step(power_w / RATED_W, self.faults, dt_s)
        self.register.add(power_w * self.faults["meter_gain"], dt_s)
        self.supply_register.add(power_w + _STANDBY_W, dt_s)

    def _deliver(self, dt_s: float) -> None:
        self.limit = derate(self.contact.celsius, 80.0, 90.0)
        wanted = self.vehicle.ac_request_a if self.vehicle is not None and self.closed else (0.0, 0.0, 0.0)
        for phase, current in enumerate(self._currents):
            if not self.closed or phase + 1 == self.supply.lost:
                current.value = 0.0
            else:
                current.step(min(wanted[phase], RATED_A * self.limit), dt_s)
            self.phase_a[phase] = current.value
            self.phase_v[phase] = self.supply.voltage_v(phase, current.value)
        if self.vehicle is not None:
            self.vehicle.take(self.power_w, dt_s)

    def readings(self) -> dict[str, float]:
        """Read every sensor once: signal key to value, noise and steps of the sensors included."""
        meter, pt, air_c = self.sensors.meter, self.sensors.pt, self.surroundings.air_c
        humidity = self.housing.humidity_rh
        return {
            "1.0/EVSE/xState": self.state,
            "1.0/EVSE/Problem": float(self.problem),
            "1.0/EVSE/xPowerLimit": 100 * self.limit,
            "1.0/EVSE/xSessionEnergy": self.register.wh - self._session_from_wh,
            **{f"1.0/ElectricalFeed/ACVoltage[L{n + 1}]": meter(self.phase_v[n]) for n in range(3)},
            **{f"1.0/ElectricalFeed/ACCurrent[L{n + 1}]": meter(self.phase_a[n]) for n in range(3)},
            "1.0/ElectricalFeed/Frequency": self.supply.frequency_hz,
            "1.0/ElectricalFeed/Power": meter(self.power_w * self.faults["meter_gain"]),
            "1.0/ElectricalFeed/EnergyImportRegister": self.supply_register.exact_wh,
            "1.0/ElectricalFeed/xTHD[V]": self.supply.distortion_percent,
            "0.0/ChargingStation/VoltageImbalance": voltage_imbalance_percent(self.phase_v),
            "0.0/ChargingStation/CurrentImbalance": current_imbalance_percent(self.phase_a),
            "1.0/FiscalMetering/EnergyImportRegister": self.register.wh,
            "1.0/PowerContactor/Active": float(self.closed),
            "1.0/PowerContactor/Count[Operations]": self.operations,
            "1.0/TemperatureSensor[ContactL1]/Temperature": pt(self.contact.celsius),
            "1.0/TemperatureSensor[Handle]/Temperature": pt(air_c + 0.35 * (self.contact.celsius - air_c)),
            "0.0/TemperatureSensor[Enclosure]/Temperature": pt(self.housing.celsius),
            "0.0/ExternalTemperatureSensor/Temperature": air_c,
            "0.0/HumiditySensor/Humidity": humidity,
            "1.0/GroundIsolationProtection/Impedance": insulation_ohm(humidity, self.faults["riso_scale"]),
            "0.0/CaseAccessSensor/Active": round(self.faults["door_open"]),
            **pilot(plugged=self.vehicle is not None, charging=self.closed, duty_percent=RATED_A / 0.6),
        }
