"""This file tests a report as CSV; it guards that no name becomes a formula and no missing figure a zero."""

import csv
import io
from dataclasses import fields

import pytest

from isolane.center.api.kpi_csv import COLUMNS, to_csv
from isolane.center.store.kpi_views import Grouping, KpiLine, KpiReport


def line(name: str) -> KpiLine:
    values: dict[str, object] = {
        one.name: "" if one.type == "str" or one.type is str else 0 for one in fields(KpiLine)
    } | {"name": name, "port": None, "mtbf_h": None, "uptime_percent": -1.5}
    return KpiLine(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("CP-1", "CP-1"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ('a"b,c', 'a"b,c'),
    ],
)
def test_cells(name: str, cell: str) -> None:
    text = to_csv(KpiReport("2026-09", Grouping.SITE, 0, 1, [line(name)]))
    head, row = csv.reader(io.StringIO(text, newline=""))
    assert tuple(head) == COLUMNS
    found = dict(zip(head, row, strict=True))
    assert (found["month"], found["name"]) == ("2026-09", cell)
    assert (found["mtbf_h"], found["port"], found["uptime_percent"], found["ports"]) == ("", "", "-1.5", "0")
