"""This file reads samples out of an outbox, what is kept, or a block; it guards that an outbox in use is never opened.

SQLite would need to write beside a file that it only reads, so a copy is made. Of a running gateway's file it may be
torn; blocks have checksums, and one that does not fit its own is named on standard error and passed over.
"""

import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from isolane.core.failures import IsolaneError
from isolane.core.samples import Quality, Reason
from isolane.health.thinning.segment import Wanted, read
from isolane.wire.anchor import Anchor, decode_anchor, is_anchor
from isolane.wire.block import BLOCK_BYTES_MAX, AnchorWantedError, Block, decode
from isolane.wire.floats import number
from isolane.wire.schema import Schema, decode_schema

_LOG = logging.getLogger(__name__)
_SQLITE = b"SQLite format 3\0"
_WHO_MAY_READ = "check the path and who may read it"
_HINT = "give it with --schema FILE, as the gateway sent it"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of one signal; `value` is the exact decimal, None if there is none.

    Of a signal without a resolution it is the shortest decimal that reads back as the same float.
    """

    charger: str
    key: str
    unit: str
    t: str
    value: Decimal | None
    quality: str
    reason: str
    bound: Decimal | None
    epoch: int
    stream: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Span:
    """Rows from `from_ms` to before `to_ms`, UTC ms."""

    from_ms: int = 0
    to_ms: int = (1 << 63) - 1

    @classmethod
    def of(cls, since_ms: int | None, until_ms: int | None) -> "Span":
        """Give the span between two moments; None where it is open.

        Raises:
            IsolaneError: The second is not after the first.
        """
        span = cls(max(0, since_ms or 0), cls().to_ms if until_ms is None else until_ms)
        if span.to_ms <= span.from_ms:
            raise IsolaneError("--to is not after --from", "give the earlier time to --from")
        return span


ALWAYS = Span()


class _Openers:
    """The schemas and anchors at hand."""

    def __init__(self) -> None:
        self.schemas: dict[bytes, Schema] = {}
        self.anchors: dict[bytes, Anchor] = {}

    def learn(self, data: bytes) -> None:
        if is_anchor(data):
            identity, anchor = decode_anchor(data)
            self.anchors[identity] = anchor
        else:
            schema = decode_schema(data)
            self.schemas[schema.id] = schema


def samples(
    source: Path | None, schemas: Sequence[Path], standard_input: BinaryIO, span: Span = ALWAYS
) -> Iterator[Sample]:
    """Give all samples, block by block, row by row.

    Args:
        source: An outbox, a folder of what is kept, or a block; None for a block on standard input.
        schemas: Files of schemas and anchors.
        standard_input: See there.
        span: Which rows.

    Raises:
        IsolaneError: A file cannot be read, is neither, or a schema is missing.
    """
    openers = _Openers()
    if source is not None and source.is_dir():
        yield from _of_kept(source, span)
        return
    for path in schemas:
        try:
            openers.learn(_bytes(path))
        except ValueError as error:
            raise IsolaneError(f"{path} is no schema: {error}", _HINT) from error
    data = standard_input.read(BLOCK_BYTES_MAX + 1) if source is None else _bytes(source, len(_SQLITE))
    if source is not None and data == _SQLITE:
        yield from _of_outbox(source, openers, span)
        return
    name = "standard input" if source is None else str(source)
    if source is not None:
        data = _bytes(source, BLOCK_BYTES_MAX + 1)
    try:
        block = decode(data, anchors=openers.anchors)
    except AnchorWantedError as error:
        raise IsolaneError(f"{name}: {error}", _HINT) from error
    except ValueError as error:
        raise IsolaneError(f"{name} is neither an outbox nor a block: {error}", "give the path of an outbox") from error
    yield from _of_block(name, block, openers, span)


def _of_kept(folder: Path, span: Span) -> Iterator[Sample]:
    openers = _Openers()
    try:
        for schema, block in read(folder, Wanted(span.from_ms, span.to_ms)):
            openers.schemas[schema.id] = schema
            yield from _of_block(str(folder), block, openers, span)
    except OSError as error:
        raise IsolaneError(f"cannot read {folder}: {error.strerror}", _WHO_MAY_READ) from error


def _of_outbox(path: Path, openers: _Openers, span: Span) -> Iterator[Sample]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "outbox.db"
        for suffix in ("", "-wal"):
            if (part := path.with_name(path.name + suffix)).exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        file = sqlite3.connect(copy)
        try:
            for (data,) in file.execute("SELECT json FROM schemas"):
                openers.learn(data)
            rows = file.execute("SELECT id, data FROM blocks JOIN bodies USING (id) ORDER BY id")
            for number, data in rows:
                try:
                    block = decode(data, anchors=openers.anchors)
                except ValueError as error:
                    _LOG.warning("block-unreadable id=%d error=%s", number, error)
                    continue
                yield from _of_block(str(path), block, openers, span)
        except (sqlite3.Error, ValueError) as error:
            raise IsolaneError(
                f"{path} cannot be read as an outbox: {error}", "stop its gateway and try again"
            ) from error
        finally:
            file.close()


def _of_block(name: str, block: Block, openers: _Openers, span: Span) -> Iterator[Sample]:
    schema = openers.schemas.get(block.schema)
    if schema is None:
        raise IsolaneError(f"{name}: the block needs schema {block.schema.hex()}", _HINT)
    if len(schema.columns) != block.values.shape[0]:
        raise IsolaneError(f"{name}: the block has other columns than its schema", "it was not made by a gateway")
    if not schema.fits(block.floats):
        raise IsolaneError(f"{name}: the block has other floats than its schema", "it was not made by a gateway")
    steps = [Decimal(repr(column.resolution)) for column in schema.columns]
    values, codes = block.values.T.tolist(), block.codes.T.tolist()
    key = block.key
    for row, (row_values, row_codes) in enumerate(zip(values, codes, strict=True)):
        t_ms = block.t0_ms + row * block.step_ms
        if not span.from_ms <= t_ms < span.to_ms:
            continue
        t = datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds")
        for column, step, value, code in zip(schema.columns, steps, row_values, row_codes, strict=True):
            quality, reason = Quality(code & 3), _reason(code >> 2)
            is_thinned = block.thinned is not None and code >> 2 == Reason.THINNED
            yield Sample(
                column.charger,
                column.key,
                column.unit,
                t,
                None if quality is Quality.BAD else _value(value, step),
                quality.name,
                reason,
                block.thinned.bound * step if block.thinned is not None and is_thinned else None,
                key.epoch,
                key.stream,
                key.sequence,
            )


def _value(value: int, step: Decimal) -> Decimal:
    """Give what a scaled integer stands for or, without a step, the bit pattern of a float."""
    return value * step if step else Decimal(repr(number(value)))


def _reason(number: int) -> str:
    try:
        return Reason(number).name
    except ValueError:
        return str(number)


def _bytes(path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}", _WHO_MAY_READ) from error
