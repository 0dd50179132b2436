"""This file gives a list of signals its content hash; it guards that a column never changes its meaning under one id.

A schema is sent once per session and on request, as compressed JSON. Its id is the first 8 bytes of the SHA-256 of the
JSON, so both ends agree on it without a registry. The order of signals is the order of columns in a block.

Version 1 has a resolution for every signal. A schema with a signal that has none, told as 0, is version 3, so that a
reader that takes every sample for a scaled integer refuses it. (What has version 2 is an anchor, `wire.anchor`.)
"""

import hashlib
from functools import cached_property

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from isolane.core.signals import Signal

ID_BYTES = 8
COLUMNS_MAX = 16_384
"""More than 300 chargers of 50 signals; a larger site splits into streams."""
JSON_BYTES_MAX = 4 << 20
"""256 bytes a column."""
VERSION = 1
VERSION_FLOATS = 3
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_LEVEL = 9


class Column(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One signal as it stands in the JSON: ``[charger, key, unit, resolution]``; 0.0 says that it has none."""

    charger: str
    key: str
    unit: str
    resolution: float


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """An ordered list of signals.

    Attributes:
        version: 1, or 3 if a signal has no resolution.
        columns: The signals, in column order.
    """

    version: int
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, signals: tuple[Signal, ...]) -> "Schema":
        """Make the schema of some signals, in their order.

        Raises:
            ValueError: A (charger, key) stands there twice, or there are too many.
        """
        columns = tuple(Column(s.charger, s.key, s.unit, float(s.resolution)) for s in signals)
        return _checked(cls(_version(columns), columns))

    @cached_property
    def json(self) -> bytes:
        """The canonical JSON: no spaces, keys in the order above, numbers as shortest decimal."""
        return msgspec.json.encode(self)

    @cached_property
    def id(self) -> bytes:
        """The 8-byte id."""
        return hashlib.sha256(self.json).digest()[:ID_BYTES]

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """The signals, in column order."""
        return tuple(Signal(c.charger, c.key, c.unit, c.resolution) for c in self.columns)

    @cached_property
    def floats(self) -> NDArray[np.bool_] | None:
        """The columns whose samples are bit patterns of floats, shape (columns,); None if there are none."""
        mask: NDArray[np.bool_] = np.array([not column.resolution for column in self.columns], np.bool_)
        return mask if mask.any() else None

    def fits(self, floats: NDArray[np.bool_] | None) -> bool:
        """Tell whether a block's columns of floats are those of this schema."""
        if floats is None or self.floats is None:
            return floats is self.floats
        return np.array_equal(floats, self.floats)


def packed(json: bytes) -> bytes:
    """Give a schema's JSON as it is sent: a zstd frame with its content size, a tenth of it."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(json)


def decode_schema(data: bytes) -> Schema:
    """Read a schema, packed or not.

    Raises:
        ValueError: It is not a schema of version 1 or 3, names a signal twice, or has a key, unit or resolution that
            cannot be.
    """
    if data.startswith(_ZSTD_MAGIC):
        data = _unpacked(data)
    schema = msgspec.json.decode(data, type=Schema)
    if schema.version not in {VERSION, VERSION_FLOATS}:
        raise ValueError(f"schema version {schema.version}")
    for column in schema.columns:
        Signal(column.charger, column.key, column.unit, column.resolution)  # raises for what cannot be
    if schema.version != _version(schema.columns):
        raise ValueError(f"a schema of version {schema.version} with the resolutions of another")
    return _checked(schema)


def _version(columns: tuple[Column, ...]) -> int:
    return VERSION if all(column.resolution for column in columns) else VERSION_FLOATS


def _unpacked(data: bytes) -> bytes:
    try:
        size = zstandard.frame_content_size(data)
        if not 0 < size <= JSON_BYTES_MAX:
            raise ValueError(f"a schema of {size} bytes")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"the schema's zstd frame is damaged: {error}") from error


def _checked(schema: Schema) -> Schema:
    if len(schema.columns) > COLUMNS_MAX:
        raise ValueError(f"{len(schema.columns)} signals are more than {COLUMNS_MAX} in one schema")
    seen = set()
    for column in schema.columns:
        if (column.charger, column.key) in seen:
            raise ValueError(f"{column.charger!r} {column.key} stands twice in one schema")
        seen.add((column.charger, column.key))
    return schema
