"""This file says why a fault is missed; it guards that a reason is shown only for what is missed in that very run."""

from collections.abc import Mapping

_REASONS: Mapping[tuple[str, str], str] = {
    ("conn_gain", "score"): (
        "Plugging-ins scatter by 13 %, cars included, and AC has two of them a day: baseline and estimate are that "
        "unsure. On other seeds the mean is 5.3 points at such a charger (models/connector.md)."
    ),
    ("eff_drift, dc150", "score"): (
        "The loss is held against a law whose coefficients are up to 10 % off here; fans that turn faster are in it."
    ),
    ("neutral_r", "late"): (
        "Only single-phase cars show it; where none comes for a week, a ramp of a month goes on unseen. Where phases "
        "get too much of it, `voltage_range` tells that, not why."
    ),
    ("neutral_r", "score"): "Only single-phase cars show it: between two of them the score stays as it was.",
    ("terminal_z", "score"): (
        "Load steps hardly stand out of a supply that wanders by 2 V: a day's feature scatters by 8 %, and the scale "
        "ends at 1.5 times."
    ),
    ("slac_fail", "score"): (
        "Sessions say yes or no: of thirty chargers on other seeds not half were within 5 points for an estimate that "
        "knows day and shape of the ramp (models/pilot.md, with this charger's own luck)."
    ),
    ("slac_attenuation", "score"): (
        "Cars scatter by 1.5 dB, and the modem tells whole ones; talks that fail tell none, and those are the worst."
    ),
    ("riso_scale", "score"): (
        "Insulation that falls by equal factors loses most of its Ohm in the first weeks; the estimate is days behind."
    ),
    ("storage_wear", "score"): "The register tells steps of 10 %, upwards.",
    ("fan_wear", "score"): "The scale ends at 0.85 of the speed, a third of the way to the limit.",
}
"""By the beginning of a case's name and what is missed: ``late`` or ``score``."""


def reason(name: str, what: str) -> str:
    """Give why a case is missed, as far as that is known; "" if it is not.

    Args:
        name: Of the case.
        what: ``late`` or ``score``.
    """
    own = (said for (begin, missed), said in _REASONS.items() if name.startswith(begin) and missed == what)
    return next(own, "")
