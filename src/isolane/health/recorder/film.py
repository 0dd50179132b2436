"""This file is a snapshot while it is being written; it guards that a power cut takes its last chunk and no more.

Everything is gathered in memory and appended in one write that is flushed to the disk; a write that fails leaves the
file as it was, and ends the snapshot there.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from mcap.writer import CompressionType, IndexType, Writer

from isolane.core.durable import append
from isolane.health.recorder.channels import Channels, Took
from isolane.health.recorder.facts import State
from isolane.wire.records import Record
from isolane.wire.snapshot import CUT, WHOLE, Trigger
from isolane.wire.snapshot_file.anatomy import dissect
from isolane.wire.snapshot_file.manifest import CLOCK, HEAD, TRIGGER, Signs, sealed

_LOG = logging.getLogger(__name__)
CHUNK_BYTES = 32 << 10
"""A chunk ends with the message that passes it, of 20 kB at most: never more than 64 KiB."""
PIECE_BYTES = 12 << 10
"""Of a file that is packed in: a message of 16 kB."""
_PIECES_AT_ONCE = 64
PROFILE = "isolane-blackbox"


class _Sink:
    """Gathers what is written, and tells places as a file would."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self._at = 0

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._parts += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: `take` brings it on."""

    def tell(self) -> int:
        """Give the place of what comes next."""
        return self._at + len(self._parts)

    def take(self) -> bytes:
        """Give what has come since, and go on behind it."""
        data = bytes(self._parts)
        self._at += len(data)
        self._parts.clear()
        return data


class Film:
    """A snapshot that goes on.

    Args:
        path: The file; must not be there.
        head: Who and what it is: a note's names and texts.
        charger: Whose it is, or "": everything's.
        from_ms: What is earlier is not in it, UTC ms.
        took: Is shown each block.
    """

    def __init__(
        self, path: Path, head: Mapping[str, str], charger: str, from_ms: int, took: Took = lambda _schema, _block: None
    ) -> None:
        self.path = path
        self.charger = charger
        self.triggers: list[Trigger] = []
        self.size = 0
        self.is_broken = False
        self._from_ms = from_ms
        self._sink = _Sink()
        self._writer = _Writer(self._sink)
        self._writer.start(PROFILE, "isolane")
        self._writer.add_metadata(HEAD, dict(head))
        self._channels = Channels(self._writer, charger, took)

    def mark(self, trigger: Trigger) -> None:
        """Note a trigger."""
        self.triggers.append(trigger)
        told = {name: str(getattr(trigger, name)) for name in Trigger.__struct_fields__}
        self._writer.add_metadata(TRIGGER, told)
        text = f"{trigger.kind} level={trigger.level} {trigger.what} {trigger.value}".strip()
        self._channels.states([State(trigger.t_ms, trigger.charger, "trigger", text)])

    def clock(self, told: Mapping[str, str]) -> None:
        """Note what the gateway knows of its clock."""
        self._writer.add_metadata(CLOCK, dict(told))

    def feed(self, records: Iterable[Record], to_ms: int) -> None:
        """Take records, without what is at `to_ms`, UTC, or later."""
        for record in records:
            self._channels.feed(record, self._from_ms, to_ms)

    def upload(self, file: BinaryIO, t_ms: int) -> None:
        """Pack a file in, piece by piece, as it is.

        Raises:
            OSError: It cannot be read, or the disk refuses the snapshot.
        """
        number = 0
        while piece := file.read(PIECE_BYTES):
            self._channels.upload(number, piece, t_ms)
            number += 1
            if number % _PIECES_AT_ONCE == 0:
                self.flush()
        self.flush()
        if self.is_broken:
            raise OSError("the disk refuses the snapshot")

    def flush(self) -> None:
        """Bring what was taken to the disk; a disk that refuses ends the snapshot."""
        self._writer.flush()  # type: ignore[no-untyped-call]
        data = self._sink.take()
        if self.is_broken or not data:
            return
        try:
            self.size = append(self.path, data)
        except OSError as error:
            self.is_broken = True
            _LOG.warning("snapshot-refused file=%s error=%s", self.path.name, error.strerror)

    def end(self, signer: Signs | None) -> None:
        """Write manifest, signature and summary.

        Raises:
            OSError: The disk refuses; the file is cut, and `complete` may end it later.
        """
        self.flush()
        self.size = complete(self.path, signer, CUT if self.is_broken else WHOLE)


class _Writer(Writer):
    """A writer whose content is ended by `manifest.sealed`."""

    def __init__(self, sink: _Sink) -> None:
        super().__init__(
            sink,  # type: ignore[arg-type]
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            index_types=IndexType.MESSAGE,
            enable_crcs=True,
        )


def complete(path: Path, signer: Signs | None, end: str = CUT) -> int:
    """End a snapshot that has no end: what is behind its last whole part goes, its manifest comes; give its size.

    Raises:
        OSError: The disk refuses; the file is as cut as before.
        ValueError: It is no snapshot.
    """
    data = path.read_bytes()
    found = dissect(data)
    if found.is_ended:
        return len(data)
    tail = sealed(found, end, signer)
    if found.whole_bytes < len(data):
        with path.open("r+b") as file:
            file.truncate(found.whole_bytes)
    return append(path, tail)
