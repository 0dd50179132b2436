"""This file draws how a charger differs from the nominal one; it guards that nominal means exactly sim/physics."""

from dataclasses import asdict, dataclass

import numpy as np

from isolane.sim.years.plan import Scatter

MODULES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """One charger's own figures.

    Attributes:
        contact_tau_s: Of the contacts, s; the second body's is four times that.
        slow_share: Share of the rise that follows the second body.
        sink_tau_s: Of the heatsink, s.
        loss: Factors on the three coefficients of the modules' loss.
        fan_exponent: Of speed over PWM.
        billing_gain: Of the billing meter, in good health.
        control_gain: Of the charger's own control metering.
        supply_gain: Of the supply meter.
        offsets_k: Of its temperature sensors: nine, then those of the modules.
        module_spread_k: What each module's heatsink is warmer at full load, K.
        riso_ohm: Insulation at 50 % relative humidity, Ohm.
        sessions_per_day: Mean.
        rsrp_dbm: Usual field strength.
        attenuation_db: Usual SLAC attenuation.
    """

    contact_tau_s: float
    slow_share: float
    sink_tau_s: float
    loss: tuple[float, float, float]
    fan_exponent: float
    billing_gain: float
    control_gain: float
    supply_gain: float
    offsets_k: tuple[float, ...]
    module_spread_k: tuple[float, ...]
    riso_ohm: float
    sessions_per_day: float
    rsrp_dbm: float
    attenuation_db: float

    def as_dict(self) -> dict[str, object]:
        """Give it as plain values."""
        return asdict(self)


def draw_structure(rng: np.random.Generator, scatter: Scatter, kind: str, sessions_per_day: float) -> Structure:
    """Draw a charger's figures.

    Args:
        rng: Where its numbers come from.
        scatter: How far from nominal.
        kind: ``dc150`` or ``ac22``.
        sessions_per_day: Mean; 0 draws one.
    """
    taus = 1 + scatter.tau * rng.uniform(-1, 1, 2)
    gains = 1 + scatter.meter * rng.uniform(-1, 1, 3)
    busy = rng.uniform(4, 12) if kind == "dc150" else rng.uniform(1, 4)
    loss = 1 + scatter.loss * rng.uniform(-1, 1, 3)
    return Structure(
        contact_tau_s=float((600.0 if kind == "dc150" else 900.0) * taus[0]),
        sink_tau_s=float(180.0 * taus[1]),
        slow_share=scatter.slow_share,
        loss=(float(loss[0]), float(loss[1]), float(loss[2])),
        fan_exponent=float(1 + scatter.fan * rng.uniform(-1, 1)),
        billing_gain=float(gains[0] - 1) * 0.3 + 1,
        control_gain=float(gains[1]),
        supply_gain=float(gains[2]),
        offsets_k=tuple(float(x) for x in scatter.offset_k * rng.uniform(-1, 1, 9 + MODULES)),
        module_spread_k=tuple(float(x) for x in rng.normal(0, 0.8, MODULES)),
        riso_ohm=8e6,
        sessions_per_day=sessions_per_day or float(busy),
        rsrp_dbm=float(rng.uniform(-95, -78)),
        attenuation_db=float(rng.uniform(7, 11)),
    )
