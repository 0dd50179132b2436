"""This file turns the outbox's blocks into samples; it guards that a value is the decimal the device gave.

A block holds integers and the schema says what one step is worth. The step is taken as the decimal it is written as,
so 2301 steps of 0.1 V become 230.1 V and not 230.10000000000002 V, also after a change of unit. A signal without a
resolution has the float itself.
"""

import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality
from isolane.core.signals import Signal
from isolane.wire.anchor import Anchor, decode_anchor, is_anchor
from isolane.wire.block import I64, U8, AnchorWantedError, BlockKey, decode
from isolane.wire.floats import to_floats
from isolane.wire.schema import ID_BYTES, Schema, decode_schema
from isolane.wire.uplink import VERSION, Ack, Downlink

_KEPT_MAX = 128
"""Schemas kept, and anchors: twice as many as the outbox remembers to have told. One beyond it is asked for again."""
_COLUMNS_MAX = 65_536
"""Of all schemas kept, some 26 MB, and of all anchors, 0.5 MB; the newest few are kept whatever they have."""
_KEPT_MIN = 4
_EXACT = 1 << 53

Told = TypeVar("Told", Schema, Anchor)


class UnknownSchemaError(ValueError):
    """A block's schema has not been told; it can be asked for.

    Args:
        identity: Its id.
    """

    def __init__(self, identity: bytes) -> None:
        super().__init__(f"schema {identity.hex()} is not known")
        self.identity = identity


@dataclass(frozen=True, slots=True)
class Rows:
    """Samples of all signals of one schema over some time.

    Attributes:
        key: Of the block they are from.
        signals: The columns.
        t_ms: UTC of each row, ms. Shape (rows,).
        step_ms: From row to row, ms.
        values: Scaled integers, or bit patterns of floats; shape (columns, rows); 0 where there is none.
        codes: Quality codes, same shape.
    """

    key: BlockKey
    signals: tuple[Signal, ...]
    t_ms: I64
    step_ms: int
    values: I64
    codes: U8

    @property
    def samples(self) -> int:
        """How many samples they account for, those without a value included."""
        return int(self.values.size)

    def present(self, *, held: bool) -> NDArray[np.bool_]:
        """Tell where there is a value, shape (columns, rows); `held` says whether one that is only held counts."""
        quality = self.codes & 3
        wanted: NDArray[np.bool_] = quality != Quality.BAD if held else quality == Quality.GOOD
        return wanted

    def column(self, index: int, factor: Fraction = Fraction(1)) -> NDArray[np.float64]:
        """Give one column's values times a factor, the nearest float of each exact product; shape (rows,)."""
        resolution = self.signals[index].resolution
        if not resolution:
            return _times(to_floats(self.values[index]), factor)
        return exact(self.values[index], Fraction(repr(resolution)) * factor)

    def parts(self, samples_max: int) -> Iterator["Rows"]:
        """Cut into pieces of whole rows with at most so many samples (at least one row each), in time order."""
        rows = max(1, samples_max // max(1, len(self.signals)))
        for at in range(0, self.t_ms.size, rows):
            yield dataclasses.replace(
                self,
                t_ms=self.t_ms[at : at + rows],
                values=self.values[:, at : at + rows],
                codes=self.codes[:, at : at + rows],
            )


def exact(values: I64, step: Fraction) -> NDArray[np.float64]:
    """Give integers times a step, each the nearest float of the exact product."""
    top, bottom = step.numerator, step.denominator
    largest = int(np.abs(values).max(initial=0))
    if 0 <= largest * top < _EXACT and bottom < _EXACT:
        # Both are exact floats, so the division rounds once.
        return (values * top) / np.float64(bottom)
    return np.array([float(int(value) * step) for value in values], np.float64)


def _times(values: NDArray[np.float64], factor: Fraction) -> NDArray[np.float64]:
    """Give floats times a factor, each the nearest finite float of the exact product; as they are if it is 1."""
    if factor == 1:
        return values
    return np.array([_float(Fraction(value) * factor) for value in values.tolist()], np.float64)


def _float(exactly: Fraction) -> float:
    try:
        return float(exactly)
    except OverflowError:
        return sys.float_info.max if exactly > 0 else -sys.float_info.max


class Schemas:
    """The schemas a link has been told, and the blocks they open."""

    def __init__(self) -> None:
        self._known: dict[bytes, Schema] = {}
        self._anchors: dict[bytes, Anchor] = {}
        self._columns = {Schema: 0, Anchor: 0}

    def learn(self, data: bytes) -> None:
        """Take the JSON of a schema or anchor.

        Raises:
            ValueError: It is neither.
        """
        if is_anchor(data):
            identity, anchor = decode_anchor(data)
            self._keep(self._anchors, identity, anchor)
            return
        schema = decode_schema(data)
        self._keep(self._known, schema.id, schema)

    def rows(self, data: bytes) -> Rows:
        """Open a block.

        Raises:
            UnknownSchemaError: Its schema or anchor has not been told.
            ValueError: It is damaged, or its columns are not those of its schema.
        """
        try:
            block = decode(data, anchors=self._anchors)
        except AnchorWantedError as error:
            raise UnknownSchemaError(error.identity) from error
        schema = self._known.get(block.schema)
        if schema is None:
            raise UnknownSchemaError(block.schema)
        columns, rows = block.values.shape
        if columns != len(schema.signals):
            raise ValueError(f"a block of {columns} columns with a schema of {len(schema.signals)}")
        if not schema.fits(block.floats):
            raise ValueError("a block whose columns of floats are not those of its schema")
        t_ms = block.t0_ms + block.step_ms * np.arange(rows, dtype=np.int64)
        return Rows(block.key, schema.signals, t_ms, block.step_ms, block.values, block.codes)

    def _keep(self, known: dict[bytes, Told], identity: bytes, told: Told) -> None:
        self._forget(known, identity)
        known[identity] = told
        self._columns[type(told)] += _columns(told)
        while len(known) > _KEPT_MAX or (len(known) > _KEPT_MIN and self._columns[type(told)] > _COLUMNS_MAX):
            self._forget(known, next(iter(known)))

    def _forget(self, known: dict[bytes, Told], identity: bytes) -> None:
        gone = known.pop(identity, None)
        if gone is not None:
            self._columns[type(gone)] -= _columns(gone)


def _columns(told: Schema | Anchor) -> int:
    return len(told.signals) if isinstance(told, Schema) else int(told.row.size)


def acknowledged(key: BlockKey) -> Downlink:
    """Say, in a target's name, that a block is there."""
    return Downlink(VERSION, (Ack(key.epoch, key.stream, (key.sequence,)),))


def wanted(identity: bytes) -> Downlink:
    """Ask for a schema."""
    return Downlink(VERSION, want=(identity[:ID_BYTES].hex(),))
