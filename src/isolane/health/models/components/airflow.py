"""This file is where the heat goes: into the air, by its flow; it guards that offsets of sensors are no lack of air.

    P_loss = n (a0 + a1 P/n + a2 (P/n)^2)                       W, n modules
    T_out - T_in = P_loss / (rho cp Q) + c                      rho cp = 1206 J/(m3 K) at 20 Celsius
    Q = kappa N / 60                                            kappa: m3 per revolution, N: RPM
    T_hs - T_in = R [P_loss Q^-0.8 filtered with tau] + c       R: K/W at 1 m3/s

kappa falls with a clogged filter or duct, R rises with a fouled heatsink or a dried paste; c takes up what sensors
differ by, and warm air that comes back in.

Source: docs/reference/models/cooling.md.
"""

import numpy as np

from isolane.health.models.components.fit import Fit, fit
from isolane.health.models.components.heating import regressors
from isolane.health.models.window import Floats

AIR_J_M3K = 1206.0
_STEP_K = 0.15
FLOW_EXPONENT = -0.8


def loss_w(power_w: Floats, modules: int, coefficients: tuple[float, float, float]) -> Floats:
    """Give the loss of all power modules, W, from what they deliver together; 0 while they are off.

    Args:
        power_w: Shape (n,), W.
        modules: How many share it.
        coefficients: W, 1, 1/W of one module.
    """
    each = power_w / modules
    a0, a1, a2 = coefficients
    return np.asarray(np.where(power_w > 0, modules * (a0 + a1 * each + a2 * each * each), 0.0))


def air_per_turn(loss: Floats, speed_rpm: Floats, warmed_k: Floats) -> tuple[float, float, Fit] | None:
    """Give air per revolution, m3, its standard deviation, and the fit.

    Args:
        loss: W, shape (n,), steady rows only.
        speed_rpm: Above 0, same shape.
        warmed_k: Outlet less inlet, same shape, gaps as NaN.
    """
    drive = 60.0 * loss / (AIR_J_M3K * speed_rpm)
    found = fit(np.column_stack((drive, np.ones(len(drive)))), warmed_k, _STEP_K)
    if found is None or found.values[0] <= 0:
        return None
    kappa = 1.0 / float(found.values[0])
    return kappa, kappa * kappa * float(found.sds[0]), found


def heat_path(loss: Floats, flow_m3_s: Floats, rise_k: Floats, tau_s: float, *, known: bool) -> Fit | None:
    """Fit the heatsink's rise; the first coefficient is R.

    Args:
        loss: W, shape (n,), no gaps.
        flow_m3_s: Above 0, same shape.
        rise_k: Heatsink less inlet, same shape, gaps as NaN.
        tau_s: Of the heatsink, s.
        known: Whether it was as warm as the air before the first row.
    """
    drive = loss * flow_m3_s**FLOW_EXPONENT
    return fit(regressors(drive, tau_s, known=known), rise_k, _STEP_K)
