"""This file sends snapshots as papers; it guards that the center's tests see what a gateway's recorder has written."""

import hashlib
from pathlib import Path

import msgspec

from isolane.center.store.port import Batch, PaperArrival
from isolane.security.signing import Signer
from isolane.wire.block import BlockKey
from isolane.wire.paper import PAPERS, Paper
from isolane.wire.snapshot import (
    CARD,
    CHUNK,
    CHUNK_BYTES,
    WHOLE,
    Card,
    CardTrigger,
    Chunk,
    decode_card,
    encode_card,
    encode_chunk,
)
from support.black_boxes import Plant, settings
from support.gateways import T0_MS, FakeGateway


def identity(number: int, begun_ms: int = T0_MS) -> str:
    """Give an id."""
    return f"{begun_ms:012x}{number:020x}"


def card(number: int = 1, *, state: str = WHOLE, level: int = 3, begun_ms: int = T0_MS, **changes: object) -> Card:
    """Give a card."""
    usual = Card(
        id=identity(number, begun_ms),
        charger="CP-1",
        state=state,
        level=level,
        begun_ms=begun_ms,
        from_ms=begun_ms - 60_000,
        to_ms=begun_ms + 30_000,
        triggers=(CardTrigger("fault", level, begun_ms, "StatusNotification", "Faulted"),),
    )
    return msgspec.structs.replace(usual, **changes)


def chunks(data: bytes, name: str, sha256: bytes | None = None) -> list[bytes]:
    """Give the bodies of a file's parts."""
    count = -(-len(data) // CHUNK_BYTES)
    total = hashlib.sha256(data).digest() if sha256 is None else sha256
    return [
        encode_chunk(
            Chunk(
                snapshot=name,
                number=number,
                parts=count,
                size=len(data),
                sha256=total,
                data=data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES],
            )
        )
        for number in range(count)
    ]


class Post:
    """Numbers papers of one gateway."""

    def __init__(self, gateway: FakeGateway | None = None) -> None:
        self.gateway = gateway or FakeGateway()
        self._sequence = 0

    def batch(self, *bodies: tuple[str, bytes]) -> Batch:
        """Give papers as they arrive."""
        papers = []
        for kind, body in bodies:
            self._sequence += 1
            key = BlockKey(T0_MS, PAPERS, self._sequence)
            papers.append(PaperArrival(self.gateway.origin(), Paper(key, T0_MS + self._sequence, kind, body)))
        return Batch(papers=tuple(papers))

    def snapshot(self, told: Card, data: bytes) -> Batch:
        """Give a card and all parts."""
        return self.batch((CARD, encode_card(told)), *((CHUNK, body) for body in chunks(data, told.id)))


def recorded(folder: Path, key: Path | None = None) -> tuple[Card, bytes]:
    """Have the recorder make a snapshot; give its card and its file."""
    plant = Plant(folder, settings(before_s=60, after_s=20), None if key is None else Signer(key))
    plant.run(65)
    plant.is_closed, plant.is_bursting = False, True
    plant.run(30)
    (file,) = plant.files()
    data, kept = file.read_bytes(), msgspec.json.decode(file.with_suffix(".json").read_bytes())
    told = decode_card(msgspec.json.encode(kept.get("card", kept)))
    whole = {"state": WHOLE, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return msgspec.structs.replace(told, **whole), data
