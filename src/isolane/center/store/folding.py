"""This file makes one row of the rows of a minute or an hour; it guards that the row says what they said together.

What moves to the lake ends anywhere in an hour, so each hour stands in several files; merged, it is one row again.
"""

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

ORDER = [(name, "ascending") for name in ("device", "signal", "t_ms", "unit", "resolution")]
"""How files are sorted; rows of one step are neighbours then."""

_ADDED = ("total", "good", "stale", "bad")
_JOINED = ("reasons", "rungs")
_GREATEST = ("step_ms", "bound")
_BORDERS = {"low": np.minimum, "high": np.maximum, "real_low": np.minimum, "real_high": np.maximum}
"""Null where no sample has a value."""


def folded(table: pa.Table) -> pa.Table:
    """Add up the rows of a table of minutes or hours that are of the same signal and step.

    Args:
        table: As `lake` describes it, sorted by `ORDER`, without dictionaries; columns that it lacks stay away.
    """
    if not table.num_rows:
        return table
    table = table.combine_chunks()
    new = np.zeros(table.num_rows - 1, np.bool_)
    for name, _ in ORDER:
        column = table[name]
        new |= pc.not_equal(column[1:], column[:-1]).to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    if starts.size == table.num_rows:
        return table
    rows = table.take(pa.array(starts))
    for at, field in enumerate(table.schema):
        if (found := _column(table[field.name], field, starts)) is not None:
            rows = rows.set_column(at, field, found)
    return rows


def _column(column: pa.ChunkedArray, field: pa.Field, starts: np.ndarray) -> pa.Array | None:
    """Fold a column; None if it is the same in all rows of a step."""
    name = field.name
    if name in _BORDERS:
        has = column.is_valid().to_numpy()
        limits = np.finfo(np.float64) if pa.types.is_floating(field.type) else np.iinfo(np.int64)
        nothing = limits.max if _BORDERS[name] is np.minimum else limits.min
        values = column.fill_null(pa.scalar(nothing, field.type)).to_numpy()
        return pa.array(_BORDERS[name].reduceat(values, starts), field.type, mask=~np.logical_or.reduceat(has, starts))
    ways = ((_ADDED, np.add), (_JOINED, np.bitwise_or), (_GREATEST, np.maximum))
    way = next((way for names, way in ways if name in names), None)
    if way is None:
        return None
    # Files of older releases lack some columns; merged with newer ones they have nulls there.
    return pa.array(way.reduceat(column.fill_null(pa.scalar(0, field.type)).to_numpy(), starts), field.type)
