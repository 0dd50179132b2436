"""This file takes a snapshot's file apart, whole or cut anywhere, and ends one; it guards that both agree to the byte.

A snapshot is an MCAP file: chunks with their message indexes and metadata, then two attachments, ``manifest.json`` and
``manifest.sig``, then a summary. Its end follows from what is before it and the manifest, so a reader can tell by
making it anew that nothing in the summary was changed. A file without its end, or with half of one, is cut: what is
before its last whole chunk is as it was.
"""

import hashlib
import io
import struct
import zlib
from collections import defaultdict
from dataclasses import dataclass, field

import zstandard
from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Message,
    MessageIndex,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
)
from mcap.stream_reader import breakup_chunk, get_chunk_data_stream
from mcap.writer import MCAP0_MAGIC

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
JSON = "application/json"
_HEAD = struct.Struct("<BQ")
_RECORD_BYTES_MAX = 1 << 26
_FOOTER = struct.Struct("<BQQQ")
_FOOTER_BYTES = 20
_CHUNK_BYTES_MAX = 1 << 24


@dataclass(frozen=True, slots=True)
class Part:
    """One record of a file: its kind, where it is, and its content."""

    opcode: int
    at: int
    content: bytes

    @property
    def end(self) -> int:
        """Where the next begins."""
        return self.at + _HEAD.size + len(self.content)


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """A whole chunk: where it is, how long with its head, its SHA-256, what is in it, and its message indexes."""

    at: int
    length: int
    sha256: str
    chunk: Chunk
    records: list[object]
    indexes: list[MessageIndex]


@dataclass
class Anatomy:
    """What a file has.

    Attributes:
        chunks: The whole chunks, in their order.
        notes: Metadata records: name and what they say, in their order.
        attachments: By name: bytes.
        whole_bytes: Up to here all is whole and belongs to chunks and notes.
        is_ended: Whether the file has an end.
        size: Of the file.
    """

    chunks: list[ChunkPart] = field(default_factory=list)
    notes: list[tuple[int, int, Metadata]] = field(default_factory=list)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    whole_bytes: int = 0
    is_ended: bool = False
    size: int = 0
    opened_bytes: int = 0
    """Of the chunks, once they are opened."""
    damaged: list[int] = field(default_factory=list)
    """Where chunks are that do not fit their checksum."""
    indexes: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """By the place of a chunk: by channel, where its message index is."""

    index_bytes: dict[int, bytes] = field(default_factory=lambda: defaultdict(bytes))
    """By the place of a chunk: its message indexes as they stand there."""

    @property
    def misindexed(self) -> list[int]:
        """The places of chunks whose message indexes are not those of their messages."""
        return [chunk.at for chunk in self.chunks if self.index_bytes[chunk.at] != _indexes_of(chunk)]

    @property
    def schemas(self) -> dict[int, Schema]:
        """By number."""
        found = (record for chunk in self.chunks for record in chunk.records)
        return {record.id: record for record in found if isinstance(record, Schema)}

    @property
    def channels(self) -> dict[int, Channel]:
        """By number."""
        found = (record for chunk in self.chunks for record in chunk.records)
        return {record.id: record for record in found if isinstance(record, Channel)}

    @property
    def messages(self) -> list[Message]:
        """In the order they were written."""
        return [record for chunk in self.chunks for record in chunk.records if isinstance(record, Message)]

    def told(self, name: str) -> list[dict[str, str]]:
        """Give what the notes of a name say."""
        return [note.metadata for _, _, note in self.notes if note.name == name]


def dissect(data: bytes, opened_bytes_max: int | None = None) -> Anatomy:
    """Take a file apart, as far as it is whole.

    Args:
        data: Of anybody's choosing.
        opened_bytes_max: What its chunks may take together once they are opened; None: whatever they take.

    Raises:
        ValueError: It does not begin as an MCAP file does, or opens to more than it may.
    """
    if data[: len(MCAP0_MAGIC)] != MCAP0_MAGIC[: len(data)]:
        raise ValueError("not an MCAP file")
    found = Anatomy(size=len(data), whole_bytes=min(len(data), len(MCAP0_MAGIC)))
    at, in_data = found.whole_bytes, True
    while in_data and (part := _part(data, at)) is not None:
        in_data = _take(found, part)
        at = part.end
        if opened_bytes_max is not None and found.opened_bytes > opened_bytes_max:
            raise ValueError(f"it opens to more than {opened_bytes_max} bytes")
    if not in_data:
        found.is_ended = data[-len(MCAP0_MAGIC) :] == MCAP0_MAGIC
    _drop_half_indexed(found)
    return found


def ending(found: Anatomy, manifest: bytes, signature: bytes, at_ns: int) -> bytes:
    """Give the bytes that end a file, behind `whole_bytes`.

    Args:
        found: What is before.
        manifest: Of it.
        signature: Of the manifest, as it stands in its attachment.
        at_ns: When it ended, UTC ns.
    """
    out = RecordBuilder()
    last = found.chunks[-1] if found.chunks else None
    index_at: dict[int, dict[int, int]] = {chunk.at: dict(found.indexes[chunk.at]) for chunk in found.chunks}
    if last is not None and not index_at[last.at]:
        for index in last.indexes:
            index_at[last.at][index.channel_id] = found.whole_bytes + out.count
            index.write(out)
    attached = []
    for name, data in ((MANIFEST, manifest), (SIGNATURE, signature)):
        begin = found.whole_bytes + out.count
        Attachment(create_time=at_ns, log_time=at_ns, name=name, media_type=JSON, data=data).write(out)
        length = found.whole_bytes + out.count - begin
        attached.append(AttachmentIndex(begin, length, at_ns, at_ns, len(data), name, JSON))
    DataEnd(0).write(out)
    summary = RecordBuilder()
    _summarise(found, index_at, attached, summary)
    begin, told = found.whole_bytes + out.count, _bytes_of(summary)
    crc = zlib.crc32(_FOOTER.pack(Opcode.FOOTER, _FOOTER_BYTES, begin, 0), zlib.crc32(told))
    end = RecordBuilder()
    Footer(summary_start=begin, summary_offset_start=0, summary_crc=crc).write(end)
    return _bytes_of(out) + told + _bytes_of(end) + MCAP0_MAGIC


def _bytes_of(out: RecordBuilder) -> bytes:
    return bytes(out.end())  # type: ignore[no-untyped-call]


def _summarise(
    found: Anatomy, index_at: dict[int, dict[int, int]], attached: list[AttachmentIndex], out: RecordBuilder
) -> None:
    schemas, channels, messages = found.schemas, found.channels, found.messages
    for schema in schemas.values():
        schema.write(out)
    for channel in channels.values():
        channel.write(out)
    counts: dict[int, int] = defaultdict(int)
    for message in messages:
        counts[message.channel_id] += 1
    times = [message.log_time for message in messages]
    Statistics(
        attachment_count=len(attached),
        channel_count=len(channels),
        channel_message_counts=dict(counts),
        chunk_count=len(found.chunks),
        message_count=len(messages),
        message_end_time=max(times, default=0),
        message_start_time=min(times, default=0),
        metadata_count=len(found.notes),
        schema_count=len(schemas),
    ).write(out)
    for chunk in found.chunks:
        offsets = index_at[chunk.at]
        ChunkIndex(
            chunk_length=chunk.length,
            chunk_start_offset=chunk.at,
            compression=chunk.chunk.compression,
            compressed_size=len(chunk.chunk.data),
            message_end_time=chunk.chunk.message_end_time,
            message_index_length=sum(map(_index_bytes, chunk.indexes)) if offsets else 0,
            message_index_offsets=offsets,
            message_start_time=chunk.chunk.message_start_time,
            uncompressed_size=chunk.chunk.uncompressed_size,
        ).write(out)
    for index in attached:
        index.write(out)
    for at, length, note in found.notes:
        MetadataIndex(length=length, name=note.name, offset=at).write(out)


def _part(data: bytes, at: int) -> Part | None:
    """Give the record at a place if all of it is there."""
    if len(data) < at + _HEAD.size:
        return None
    opcode, length = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    if length > _RECORD_BYTES_MAX or len(data) < end:
        return None
    return Part(opcode, at, data[at + _HEAD.size : end])


def _take(found: Anatomy, part: Part) -> bool:
    """Take one record; tell whether there may be more of the file's own content."""
    stream = ReadDataStream(io.BytesIO(part.content))
    try:
        match part.opcode:
            case Opcode.HEADER:
                pass
            case Opcode.CHUNK:
                chunk = _chunk(part, stream)
                if chunk is None:
                    found.damaged.append(part.at)
                else:
                    found.chunks.append(chunk)
                    found.opened_bytes += chunk.chunk.uncompressed_size
            case Opcode.MESSAGE_INDEX if found.damaged and found.damaged[-1] > _last_at(found):
                pass
            case Opcode.MESSAGE_INDEX:
                found.indexes[found.chunks[-1].at][MessageIndex.read(stream).channel_id] = part.at
                found.index_bytes[found.chunks[-1].at] += _HEAD.pack(part.opcode, len(part.content)) + part.content
            case Opcode.METADATA:
                found.notes.append((part.at, part.end - part.at, Metadata.read(stream)))
            case Opcode.ATTACHMENT:
                attachment = Attachment.read(stream)
                found.attachments[attachment.name] = attachment
                return True
            case _:
                return False
    except (McapError, ValueError, struct.error, IndexError, KeyError):
        return False
    if found.attachments:
        return False  # nothing of its own comes behind the manifest
    found.whole_bytes = part.end
    return True


def _last_at(found: Anatomy) -> int:
    return found.chunks[-1].at if found.chunks else 0


def _chunk(part: Part, stream: ReadDataStream) -> ChunkPart | None:
    """Open a chunk; None if it does not fit its checksum, or is none that is written here."""
    try:
        chunk = Chunk.read(stream)
        is_large = chunk.uncompressed_size > _CHUNK_BYTES_MAX
        if is_large or chunk.compression != "zstd":
            return None
        if zstandard.frame_content_size(chunk.data) not in {-1, chunk.uncompressed_size}:
            return None
        records = list[object](breakup_chunk(chunk, validate_crc=True))
        indexes = _message_indexes(chunk)
    except (McapError, ValueError, struct.error, zstandard.ZstdError):
        return None
    whole = _HEAD.pack(part.opcode, len(part.content)) + part.content
    return ChunkPart(part.at, len(whole), hashlib.sha256(whole).hexdigest(), chunk, records, indexes)


def _drop_half_indexed(found: Anatomy) -> None:
    """Let the message indexes of the last chunk go if they are not all there: they are made anew."""
    if not found.chunks or found.is_ended:
        return
    last = found.chunks[-1]
    if set(found.indexes[last.at]) != {index.channel_id for index in last.indexes}:
        found.indexes.pop(last.at)
        found.whole_bytes = last.at + last.length


def _message_indexes(chunk: Chunk) -> list[MessageIndex]:
    """Make the message indexes of a chunk, by channel."""
    stream, entries = _opened(chunk), defaultdict[int, list[tuple[int, int]]](list)
    at = 0
    while at < len(stream):
        opcode, length = _HEAD.unpack_from(stream, at)
        if opcode == Opcode.MESSAGE:
            message = Message.read(
                ReadDataStream(io.BytesIO(stream[at + _HEAD.size : at + _HEAD.size + length])), length
            )
            entries[message.channel_id].append((message.log_time, at))
        at += _HEAD.size + length
    return [MessageIndex(channel_id=channel, records=found) for channel, found in entries.items()]


def _opened(chunk: Chunk) -> bytes:
    stream, length = get_chunk_data_stream(chunk)
    return bytes(stream.read(length))


def _indexes_of(chunk: ChunkPart) -> bytes:
    out = RecordBuilder()
    for index in chunk.indexes:
        index.write(out)
    return _bytes_of(out)


def _index_bytes(index: MessageIndex) -> int:
    out = RecordBuilder()
    index.write(out)
    return out.count
