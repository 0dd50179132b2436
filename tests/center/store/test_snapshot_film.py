"""This file opens snapshots, recorded and hostile; it guards that a bomb costs nothing and a lie is told as one."""

import struct
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import zstandard
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.opcode import Opcode
from mcap.writer import MCAP0_MAGIC

from isolane.center.store.snapshot_film import nearest, open_film, thinned, write_report
from isolane.center.store.snapshot_inspection import inspect
from isolane.center.store.snapshot_views import FileState, Snapshot, SnapshotCard, SnapshotTrigger
from isolane.security.signing import Verifier
from isolane.wire.snapshot import Card
from isolane.wire.snapshot_file.content import Line
from support.black_boxes import ACTIVE, CURRENT
from support.gateways import T0_MS
from support.outboxes import GATEWAY, SITE
from support.sent_snapshots import identity, recorded

MIB = 1 << 20


def seen(told: Card, data: bytes) -> Snapshot:
    card = SnapshotCard(
        told.from_ms, told.to_ms, [SnapshotTrigger(one.kind, one.level, one.t_ms) for one in told.triggers]
    )
    return Snapshot(
        1, told.id, SITE, GATEWAY, "CP-1", 4, "whole", told.begun_ms, T0_MS, FileState.WHOLE, len(data), 1, 1, card
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, bytes, Verifier]:
    """Gives a signed snapshot of a contactor that opened under load."""
    folder = tmp_path_factory.mktemp("film")
    key = ed25519.Ed25519PrivateKey.generate()
    private = folder / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    told, data = recorded(folder / "box", private)
    return seen(told, data), data, Verifier(key.public_key())


def test_what_was_before_and_after_the_trigger_is_there(made: tuple[Snapshot, bytes, Verifier]) -> None:
    snapshot, data, key = made
    film = open_film(data, snapshot, key)
    assert (film.verification.signature, film.verification.end, film.verification.faults) == ("good", "whole", [])
    assert film.verification.chunks > 1
    current = next(one for one in film.offs if one.line.key == CURRENT and one.line.charger == "CP-1")
    assert (current.line.unit, current.line.step_ms) == ("A", 1000)
    assert current.usual == pytest.approx(120.3, abs=0.5)
    assert current.line.values[-1] == 0
    assert nearest(current.line, film.trigger_ms - 1000) == pytest.approx(120.3, abs=0.5)
    assert nearest(current.line, film.trigger_ms + 2000) == 0
    assert nearest(current.line, film.trigger_ms - 3_600_000) is None
    assert {one.line.key for one in film.offs[:3]} >= {ACTIVE, CURRENT}
    assert any(one.line.step_ms == 100 and one.line.unit == "V" for one in film.offs)
    assert {one.kind for one in film.happenings} == {"ocpp", "state", "log"}
    assert any("Charging" in one.text for one in film.happenings)


def test_whose_it_is_and_whose_key_is_not_known_is_said(made: tuple[Snapshot, bytes, Verifier]) -> None:
    snapshot, data, _ = made
    other = Verifier(ed25519.Ed25519PrivateKey.generate().public_key())
    assert open_film(data, snapshot, None).verification.signature == "not-known"
    assert open_film(data, snapshot, other).verification.signature == "other-key"
    moved = replace(snapshot, id=identity(9))
    assert open_film(data, moved, None).verification.faults == ["the file is of another snapshot, site or gateway"]


def test_a_changed_byte_and_a_cut_file_are_told(made: tuple[Snapshot, bytes, Verifier]) -> None:
    snapshot, data, key = made
    broken = bytearray(data)
    broken[len(data) // 2] ^= 1
    assert open_film(bytes(broken), snapshot, key).verification.faults
    cut = open_film(data[: len(data) // 2], snapshot, key)
    assert (cut.verification.end, cut.verification.signature) == ("open", "unsigned")
    assert cut.manifest is not None
    assert cut.offs


def test_a_report_is_written_of_what_can_be_opened(made: tuple[Snapshot, bytes, Verifier]) -> None:
    text = write_report(made[1], made[2])
    assert text is not None
    assert "The manifest is signed by the key that was given." in text
    assert write_report(b"<!doctype html>", None) is None


def test_of_a_long_signal_ends_peaks_and_gaps_are_left() -> None:
    values = np.zeros(50_000)
    values[31_234], values[7] = 9.0, np.nan
    line = Line("CP-1", "k", "A", 1000, np.arange(50_000, dtype=np.int64) * 1000, values, {})
    t_ms, told = thinned(line, 500)
    assert len(t_ms) <= 500
    assert (t_ms[0], t_ms[-1], max(one for one in told if one is not None)) == (0, 49_999_000, 9.0)
    assert told.count(None) == 1
    assert t_ms == sorted(t_ms)
    assert thinned(line, 50_000)[1][31_234] == 9.0


def record(opcode: int, content: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(content)) + content


def chunk(content: bytes, size: int, compression: bytes = b"zstd") -> bytes:
    head = struct.pack("<QQQI", 0, 0, size, 0) + struct.pack("<I", len(compression)) + compression
    return record(Opcode.CHUNK, head + struct.pack("<Q", len(content)) + content)


def message(body: bytes) -> bytes:
    return record(Opcode.MESSAGE, struct.pack("<HIQQ", 1, 1, 0, 0) + body)


def packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


NAMES = b"{" + b",".join(b'"%d":1' % number for number in range(30_000)) + b"}"
BOMB = zstandard.ZstdCompressor().compress(bytes(512 * MIB))
FULL = zstandard.ZstdCompressor().compress(bytes(MIB))
TINY = zstandard.ZstdCompressor().compress(record(Opcode.MESSAGE, b"") * 100_000)
HOSTILE = {
    "a frame that grows": chunk(BOMB, 100),
    "a chunk that says so": chunk(BOMB, 512 * MIB),
    "many that fill up": chunk(FULL, MIB) * 70,
    "messages without end": chunk(TINY, 900_000) * 2,
    "records without end": record(0x80, b"") * 60_000,
    "one large record": record(Opcode.METADATA, bytes(2 * MIB)),
    "indexes without end": record(Opcode.MESSAGE_INDEX, bytes(600_000)) * 3,
    "another way to pack": chunk(b"x", 1, b"lz4"),
    "names without end": chunk(packed(message(NAMES)), 900_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_not_opened_and_costs_little(made: tuple[Snapshot, bytes, Verifier], name: str) -> None:
    data = MCAP0_MAGIC + HOSTILE[name]
    tracemalloc.start()
    film = open_film(data, made[0], None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert film.verification.faults[0].startswith("it cannot be opened")
    assert film.offs == ()
    assert peak < 16 * MIB


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 18_000))
def test_whatever_is_in_a_file_nothing_breaks(noise: bytes, at: int) -> None:
    snapshot = Snapshot(1, identity(1), "a", "b", "", 0, "", 0, 0, FileState.WHOLE, 1, 1, 1, None)
    open_film(MCAP0_MAGIC + noise, snapshot, None)
    data = bytearray(_SAMPLE[0] if _SAMPLE else MCAP0_MAGIC)
    data[at % len(data) : at % len(data) + len(noise)] = noise
    open_film(bytes(data), snapshot, None)


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(ValueError, match="larger"):
        inspect(bytes((64 << 20) + 1))


_SAMPLE: list[bytes] = []


@pytest.fixture(autouse=True)
def sample(made: tuple[Snapshot, bytes, Verifier]) -> None:
    """Lets the noise meet a real file."""
    _SAMPLE[:] = [made[1]]
