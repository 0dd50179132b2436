"""This file makes what the tap reads: frames by the `websockets` library and copies as the relay sends them."""

import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from isolane.wire import tap_copy
from isolane.wire.tap_copy import Copy, Direction, Kind


def deflate(*, takeover: bool, window_bits: int = 15) -> PerMessageDeflate:
    """Give the library's compressor for one direction."""
    return PerMessageDeflate(not takeover, not takeover, window_bits, window_bits)


def message(
    text: bytes,
    *,
    masked: bool,
    extension: Extension | None = None,
    cuts: Iterable[int] = (),
    opcode: Opcode = Opcode.TEXT,
) -> list[bytes]:
    """Give the frames of one message, one for each fragment between the cuts."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
    parts = [text[start:end] for start, end in pairwise(edges)]
    extensions = [extension] if extension else []
    return [
        Frame(opcode if number == 0 else Opcode.CONT, part, fin=number == len(parts) - 1).serialize(
            mask=masked, extensions=extensions
        )
        for number, part in enumerate(parts)
    ]


def control(opcode: Opcode, payload: bytes = b"", *, masked: bool) -> bytes:
    """Give one control frame."""
    return Frame(opcode, payload).serialize(mask=masked)


def ocpp(*array: object) -> bytes:
    """Give an OCPP-J message as bytes."""
    return json.dumps(array, separators=(",", ":")).encode()


def copies(frames: Sequence[bytes], cuts: Iterable[int]) -> list[tuple[int, int | None, bytes]]:
    """Cut a stream of frames as reads would; give each copy's offset, boundary and payload."""
    stream = b"".join(frames)
    begins = [0, *accumulate(map(len, frames))][:-1]
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    cut: list[tuple[int, int | None, bytes]] = []
    for start, end in pairwise(edges):
        boundary = next((begin - start for begin in begins if start <= begin < end), None)
        cut.append((start, boundary, stream[start:end]))
    return cut


@dataclass
class Leg:
    """A connection as the relay sees it: makes copies and keeps the offsets."""

    charger: str = "CP1"
    connection: int = 1
    subprotocol: str = "ocpp1.6"
    extensions: str = ""
    opened_mono_ns: int = 5
    mono_ns: int = 1_000_000
    offsets: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))

    def opened(self) -> bytes:
        """Give the OPEN packet."""
        payload = {
            "charger": self.charger,
            "subprotocol": self.subprotocol,
            "extensions": self.extensions,
            "opened_mono_ns": self.opened_mono_ns,
            "secure": True,
        }
        return self._packet(Kind.OPEN, Direction.FROM_CHARGER, 0, tap_copy.NO_BOUNDARY, json.dumps(payload).encode())

    def data(self, direction: Direction, payload: bytes, boundary: int | None = 0) -> bytes:
        """Give a DATA packet that goes on where the last one ended."""
        offset = self.offsets[direction]
        self.offsets[direction] += len(payload)
        mark = tap_copy.NO_BOUNDARY if boundary is None else boundary
        return self._packet(Kind.DATA, direction, offset, mark, payload)

    def closed(self, by: Direction, cause: str = "close-frame") -> bytes:
        """Give the CLOSE packet."""
        return self._packet(Kind.CLOSE, by, 0, tap_copy.NO_BOUNDARY, json.dumps({"cause": cause}).encode())

    def says(self, direction: Direction, *array: object) -> bytes:
        """Give the DATA packet of one OCPP message."""
        frames = message(ocpp(*array), masked=direction is Direction.FROM_CHARGER)
        return self.data(direction, b"".join(frames))

    def _packet(self, kind: Kind, direction: Direction, offset: int, boundary: int, payload: bytes) -> bytes:
        self.mono_ns += 1_000_000
        header = tap_copy.pack_copy_header(
            kind, direction, len(payload), self.connection, self.mono_ns, offset, boundary
        )
        return tap_copy.pack_packet_header(0) + header + payload


def copy(packet: bytes) -> Copy:
    """Unpack a packet of a `Leg`."""
    (only,) = tap_copy.unpack(packet).copies
    return only


def seqpacket() -> socket.socket:
    """Give a blocking SEQPACKET socket with a deadline of 10 s."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(10)
    return sock


def health_listens(path: Path) -> socket.socket:
    """Listen as the health process does."""
    server = seqpacket()
    server.bind(str(path))
    server.listen(4)
    return server
