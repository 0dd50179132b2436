"""This file tests that rows of one minute or hour become one; it guards that nothing is lost on the way."""

from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.folding import ORDER, folded

NUMBER = st.one_of(st.none(), st.integers(-5, 5))
ROW = st.fixed_dictionaries(
    {
        "device": st.sampled_from(["CP-1", "CP-2"]),
        "signal": st.sampled_from(["a", "b"]),
        "unit": st.sampled_from(["", "W"]),
        "resolution": st.sampled_from([0.0, 1.0]),
        "t_ms": st.sampled_from([0, 60_000]),
        "step_ms": st.integers(1, 5),
        "low": NUMBER,
        "high": NUMBER,
        "total": st.integers(-9, 9).map(float),
        "good": st.integers(0, 9),
        "stale": st.integers(0, 9),
        "bad": st.integers(0, 9),
        "reasons": st.integers(0, 7),
        "real_low": st.one_of(st.none(), st.floats(-5, 5)),
        "real_high": st.one_of(st.none(), st.floats(-5, 5)),
        "rungs": st.one_of(st.none(), st.integers(0, 7)),
        "bound": st.one_of(st.none(), st.integers(0, 7)),
    }
)
TYPES = pa.schema(
    [
        *((name, pa.string()) for name in ("device", "signal", "unit")),
        ("resolution", pa.float64()),
        *((name, pa.int64()) for name in ("t_ms", "step_ms", "low", "high")),
        ("total", pa.float64()),
        *((name, pa.int32()) for name in ("good", "stale", "bad")),
        ("reasons", pa.int64()),
        *((name, pa.float64()) for name in ("real_low", "real_high")),
        *((name, pa.int64()) for name in ("rungs", "bound")),
    ]
)


def least(values: list[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def most(values: list[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


@given(st.lists(ROW, max_size=12))
def test_rows_of_a_step_add_up(rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, TYPES).sort_by(ORDER)
    made = folded(table)
    assert made.schema == TYPES
    names = [name for name, _ in ORDER]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    assert [tuple(row[name] for name in names) for row in made.to_pylist()] == list(groups)
    for row, parts in zip(made.to_pylist(), groups.values(), strict=True):
        column = {name: [part[name] for part in parts] for name in row}
        assert all(row[name] == sum(column[name]) for name in ("total", "good", "stale", "bad"))
        assert all(row[name] == least(column[name]) for name in ("low", "real_low"))
        assert all(row[name] == most(column[name]) for name in ("high", "real_high"))
        assert row["step_ms"] == max(column["step_ms"])
        assert (row["bound"] or 0) == (most(column["bound"]) or 0)
        for name in ("reasons", "rungs"):
            assert (row[name] or 0) == np.bitwise_or.reduce([one or 0 for one in column[name]])


def test_a_table_without_the_newer_columns_stays_without_them() -> None:
    rows = [{name: 1 if TYPES.field(name).type != pa.string() else "x" for name in TYPES.names}] * 2
    older = pa.Table.from_pylist(rows, TYPES).drop_columns(["real_low", "real_high", "rungs", "bound"])
    made = folded(older)
    assert made.schema == older.schema
    assert made.to_pylist() == [older.to_pylist()[0] | dict.fromkeys(("total", "good", "stale", "bad"), 2)]
