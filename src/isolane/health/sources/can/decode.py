"""This file reads frames by their DBC message; it guards that a frame of the wrong form is a reason, never a number."""

from collections.abc import Mapping

import cantools

from isolane.core.samples import Reason
from isolane.health.sources.can.plan import PlannedPoint
from isolane.health.sources.points import value_of


def values_of(planned: PlannedPoint, data: bytes) -> float | Reason | None:
    """Give a point's value in a frame; None if the frame, of a multiplexed message, does not carry it."""
    decoded = _decoded(planned, data)
    if isinstance(decoded, Reason):
        return decoded
    sent = decoded.get(planned.point.signal)
    if sent is None:
        return None
    described = planned.message.get_signal_by_name(planned.point.signal)
    if isinstance(sent, int | float) and (
        (described.minimum is not None and sent < described.minimum)
        or (described.maximum is not None and sent > described.maximum)
    ):
        return Reason.OUT_OF_RANGE
    return value_of(planned.point, sent)


def _decoded(planned: PlannedPoint, data: bytes) -> Mapping[str, object] | Reason:
    try:
        decoded = planned.message.decode(data, decode_choices=False)
    except (cantools.Error, ValueError):
        return Reason.MALFORMED
    return decoded if isinstance(decoded, dict) else Reason.MALFORMED
