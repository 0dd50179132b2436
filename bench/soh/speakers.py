"""This file says who may speak for which fault; it guards that a fault is not found by an alarm about another part.

A speaker is a kind of model and the beginning of its measure's or finding's name; "" is all that model says, where the
model is of nothing but that part.
"""

from collections.abc import Mapping

Speaker = tuple[str, str]

_PILOT: tuple[Speaker, ...] = (("pilot", ""),)
_OBEYS: tuple[Speaker, ...] = (("contactor", "weld"), ("contactor", "voltage_behind"))
_HEATSINK: tuple[Speaker, ...] = (("cooling", "heatsink_"), ("cooling", "fan_failed"))

SPEAKERS: Mapping[str, tuple[Speaker, ...]] = {
    # The contact is what warms, and what its siblings are compared with.
    "conn_gain": (("connector", "contact_"),),
    # A fan that is slow or stands; a heatsink that is too hot because of it is its consequence.
    "fan_wear": (("cooling", "fan_speed"), *_HEATSINK),
    "fan_fail": (("cooling", "fan_"), *_HEATSINK),
    # Less air per turn, a worse path of heat, and their consequence.
    "clog": (("cooling", "airflow"), ("cooling", "heat_path"), *_HEATSINK),
    # What more loss does to air and heatsink is not its name: it would send a filter.
    "eff_drift": (("modules", ""),),
    "cap_age": (("capacitors", ""),),
    "weld": _OBEYS,
    "no_close": (("contactor", "not_closing"),),
    "phase_loss": (("supply", "phase_loss"),),
    "neutral_r": (("supply", "neutral"),),
    "terminal_z": (("supply", "terminal"), ("supply", "impedance")),
    "riso_scale": (("insulation", "insulation"),),
    "rcd_standing": (("residual", "residual_"),),
    # Water that comes in shows in the air of the housing, or in insulation that falls on wet days.
    "ingress": (
        ("environment", "dew_"),
        ("environment", "condensation"),
        ("environment", "water"),
        ("insulation", "insulation_wet"),
    ),
    "comms_flap": (("link", "reconnects"), ("link", "flapping"), ("link", "offline")),
    "rsrp_drop": (("link", "signal"),),
    "storage_wear": (("storage", ""),),
    "meter_gain": (("meter", "counts_"),),
    "stuck_register": (("meter", "stuck_register"),),
    "door_open": (("environment", "door"),),
    "tilt": (("environment", "tilt"),),
    "shock": (("environment", "shock"), ("environment", "hard_shock")),
    "rtc_jump": (("clock", ""),),
    "clock_drift": (("clock", ""),),
    "pilot_drift": _PILOT,
    "pilot_diode": _PILOT,
    "pilot_duty": _PILOT,
    "slac_attenuation": _PILOT,
    "slac_fail": _PILOT,
}
"""By kind of fault, those of sensors left out."""

_SENSORS = ("insulation_monitor", "contact_warm_idle", "contact_stuck", "control_stands", "humidity_stuck")
_TRUE_IN_HEALTH = ("door",)


def speaks_for(fault: str, model: str, name: str) -> bool:
    """Tell whether what a model says is about a fault.

    Args:
        fault: Its kind.
        model: Kind of the model, without its version.
        name: Of the measure or finding.
    """
    return not names_sensor(name) and any(
        model == kind and name.startswith(begin) for kind, begin in SPEAKERS.get(fault, ())
    )


def names_sensor(name: str) -> bool:
    """Tell whether a finding says that a sensor is wrong, not a part."""
    return "sensor" in name or name.startswith(_SENSORS)


def true_in_health(name: str) -> bool:
    """Tell whether a finding is of what happens to a charger in good health: a door that somebody opened."""
    return name.startswith(_TRUE_IN_HEALTH)
