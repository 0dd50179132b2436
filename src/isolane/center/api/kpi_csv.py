"""This file writes a report as CSV; it guards that a spreadsheet never takes a name for a formula."""

import csv
import io
from dataclasses import fields
from typing import Final

from isolane.center.store.kpi_views import KpiLine, KpiReport

COLUMNS: Final = ("month", *(field.name for field in fields(KpiLine)))
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(report: KpiReport) -> str:
    """Write all lines; a figure nobody can know is empty."""
    text = io.StringIO()
    # The writer quotes a line's end within a text only where it is one of its own line's ends.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in report.lines:
        writer.writerow([report.month, *(cell(getattr(line, name)) for name in COLUMNS[1:])])
    return text.getvalue()


def cell(value: object) -> object:
    """Have a text that a spreadsheet would compute begin with an apostrophe; numbers of our own stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value
