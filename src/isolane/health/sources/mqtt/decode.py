"""This file turns one message into readings; it guards that a value whose age nobody knows is not shown as new."""

from collections.abc import Iterator, Sequence

from isolane.core.samples import Reading, Reason
from isolane.health.sources import documents
from isolane.health.sources.mqtt.plan import PlannedPoint
from isolane.health.sources.points import value_of
from isolane.health.sources.readings import reading


def readings_of(
    payload: bytes, points: Sequence[PlannedPoint], now_utc_ns: int, now_mono_ns: int, *, retained: bool
) -> Iterator[Reading]:
    """Give a reading of each point that the message has something for.

    Args:
        payload: Of the message.
        points: Whose filter its topic matches.
        now_utc_ns: Wall clock when it arrived.
        now_mono_ns: Monotonic clock of the same moment.
        retained: Whether the broker had kept it; then only a message that tells its own time is taken.
    """
    try:
        document = documents.decode(payload)
    except ValueError:
        document = payload.decode("utf-8", "replace")  # a bare word is a state's name, or malformed as a number
    for each in points:
        if retained and not each.time_path:
            continue
        at: int | Reason = now_mono_ns
        if each.time_path:
            at = documents.sampled_ns(documents.find(document, each.time_path), now_utc_ns, now_mono_ns)
        if isinstance(at, Reason):
            yield reading(each.signal, at, now_mono_ns)
            continue
        sent = documents.find(document, each.path)
        if sent is not documents.MISSING:
            yield reading(each.signal, value_of(each.point, sent), at)
        elif not isinstance(document, dict | list):
            yield reading(each.signal, Reason.MALFORMED, now_mono_ns)
