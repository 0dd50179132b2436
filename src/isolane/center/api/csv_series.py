"""This file writes a series as CSV; it guards that a spreadsheet never takes a device's text for a formula."""

import csv
import io

from isolane.center.store.views import Series

COLUMNS = ("signal", "unit", "t_ms", "mean", "min", "max", "good", "stale", "bad")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(series: Series) -> str:
    """Write all points, signal after signal; a missing value is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in series.signals:
        unit = f"'{one.unit}" if one.unit.startswith(_FORMULA) else one.unit
        lists = (one.t_ms, one.mean, one.min, one.max, one.good, one.stale, one.bad)
        writer.writerows((one.signal, unit, *point) for point in zip(*lists, strict=True))
    return text.getvalue()
