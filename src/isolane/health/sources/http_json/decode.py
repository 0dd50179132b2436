"""This file turns a page into readings; it guards that one missing value leaves the others alone."""

from collections.abc import Iterator, Sequence

from isolane.core.samples import Reading, Reason
from isolane.health.sources import documents
from isolane.health.sources.http_json.plan import PlannedPoint
from isolane.health.sources.points import value_of
from isolane.health.sources.readings import reading, silence


def readings_of(
    body: bytes, points: Sequence[PlannedPoint], time_path: documents.Path, now_utc_ns: int, now_mono_ns: int
) -> list[Reading]:
    """Give one reading of each point.

    Args:
        body: What the server sent.
        points: What is wanted of it.
        time_path: Where its own time is; empty for none.
        now_utc_ns: Wall clock when it arrived.
        now_mono_ns: Monotonic clock of the same moment.
    """
    signals = [each.signal for each in points]
    try:
        document = documents.decode(body)
    except ValueError:
        return silence(signals, Reason.MALFORMED, now_mono_ns)
    at: int | Reason = now_mono_ns
    if time_path:
        at = documents.sampled_ns(documents.find(document, time_path), now_utc_ns, now_mono_ns)
    if isinstance(at, Reason):
        return silence(signals, at, now_mono_ns)
    return list(_readings(document, points, at))


def _readings(document: object, points: Sequence[PlannedPoint], at: int) -> Iterator[Reading]:
    for each in points:
        sent = documents.find(document, each.path)
        value = Reason.NOT_IMPLEMENTED if sent is documents.MISSING else value_of(each.point, sent)
        yield reading(each.signal, value, at)
