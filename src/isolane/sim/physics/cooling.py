"""This file moves the cooling air; it guards that fan, filter and heatsink each leave their own trace.

PWM = 35 + 45 P/Pn + 3 (T_hs - T_air - 28) percent while charging; 60 % while it cools down afterwards. Air flow is
0.40 m3/s at 9000 rpm, less what the filter holds back; a clogged filter unloads the fans, which then turn a little
faster. Heatsink to air 4.4 mK/W at full flow, falling flow to the power -0.8, time constant 180 s.
"""

from isolane.sim.physics.faults import Faults
from isolane.sim.physics.noise import Lag

RPM_RATED = 9000.0
_FLOW_M3_S = 0.40
_AIR_J_M3K = 1206.0
_RTH_K_W = 4.4e-3
_FLOW_SHARE_MIN = 0.025
"""Natural convection, when every fan stands."""
_RECIRCULATION_K = 2.0
"""The inlet takes in a little of the warm air around the cabinet."""
_UNLOADED_GAIN = 0.1
_FAN_W = 900.0
"""All fans at 9000 rpm; goes with the third power of speed."""
_RUN_ON_K = 4.0


class Cooling:
    """Fans, filter and heatsink of the power modules.

    Args:
        air_c: Where it begins, Celsius.
    """

    def __init__(self, air_c: float) -> None:
        self._heatsink = Lag(air_c + _RECIRCULATION_K, 180.0)
        self.pwm_percent = 0.0
        self.speed_rpm = 0.0
        self.outlet_c = air_c

    @property
    def heatsink_c(self) -> float:
        """Temperature of the heatsink."""
        return self._heatsink.value

    @property
    def fan_w(self) -> float:
        """What the fans take."""
        return _FAN_W * (self.speed_rpm / RPM_RATED) ** 3

    def step(self, load: float, loss_w: float, air_c: float, faults: Faults, dt_s: float) -> None:
        """Move on by `dt_s` seconds.

        Args:
            load: Power over rated power; 0 is not charging.
            loss_w: Heat of all power modules.
            air_c: Air outside.
            faults: `clog`, `fan_fail` and `fan_wear` count.
            dt_s: s.
        """
        inlet_c = air_c + _RECIRCULATION_K
        self.pwm_percent = self._pwm(load, air_c)
        turns = 0.0 if faults["fan_fail"] > 0.5 else 1 - faults["fan_wear"]  # noqa: PLR2004 - a flag carried as a float
        self.speed_rpm = RPM_RATED * self.pwm_percent / 100 * turns * (1 + _UNLOADED_GAIN * faults["clog"])
        flow_share = max(self.speed_rpm / RPM_RATED * (1 - faults["clog"]), _FLOW_SHARE_MIN)
        self._heatsink.step(inlet_c + loss_w * _RTH_K_W * flow_share**-0.8, dt_s)
        self.outlet_c = inlet_c + loss_w / (_AIR_J_M3K * _FLOW_M3_S * max(flow_share, 0.1))

    def _pwm(self, load: float, air_c: float) -> float:
        rise_k = self.heatsink_c - air_c
        if load > 0:
            return min(max(35 + 45 * load + 3 * (rise_k - 28), 20.0), 100.0)
        return 60.0 if rise_k > _RECIRCULATION_K + _RUN_ON_K else 0.0
