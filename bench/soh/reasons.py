"""This file says why a fault is missed; it guards that a reason is shown only for what is missed in that very run."""

from collections.abc import Mapping

_REASONS: Mapping[tuple[str, str], str] = {
    ("conn_gain, dc150, intermittent", "late"): (
        "A loose pin that is there for 30 % of the time warms a session's mean by a fifth: short of L2's 30 %. What "
        "changes within a session is not looked at."
    ),
    ("conn_gain", "score"): (
        "The baseline rests on the first 50 plugging-ins, which scatter by 13 %, cars included: each percent that it "
        "is off is a point, for good."
    ),
    ("neutral_r", "score"): (
        "It is told only by three load steps of single-phase cars, which take days to come, and each feature may move "
        "the estimate by four standard deviations at most. The neutral itself is found by voltages that drift apart."
    ),
    ("terminal_z", "score"): (
        "A feature a day, of which the estimate takes an eighth, is a week behind; and the scale ends at 1.5 times."
    ),
    ("riso_scale", "score"): (
        "Insulation that falls by equal factors loses most of its Ohm in the first weeks; the estimate is days behind."
    ),
    ("storage_wear", "score"): "The register tells steps of 10 %, upwards.",
    ("fan_wear", "score"): "The scale ends at 0.85 of the speed, a third of the way to the limit.",
}
"""By the beginning of a case's name and what is missed: ``late`` or ``score``."""

_GENERAL: Mapping[str, str] = {
    "late": "",
    "score": "The estimate is some days behind what grows day by day.",
}


def reason(name: str, what: str) -> str:
    """Give why a case is missed, as far as that is known; "" if it is not.

    Args:
        name: Of the case.
        what: ``late`` or ``score``.
    """
    own = (said for (begin, missed), said in _REASONS.items() if name.startswith(begin) and missed == what)
    return next(own, _GENERAL[what])
