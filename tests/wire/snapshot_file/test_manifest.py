"""This file cuts and changes snapshots; it guards that all before a cut is readable, and no change goes unseen."""

import io
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from mcap.reader import NonSeekingReader, make_reader
from mcap.records import Message
from mcap.stream_reader import StreamReader

from isolane.health.recorder.film import complete
from isolane.security.signing import Signer, Verifier
from isolane.wire.snapshot import CUT
from isolane.wire.snapshot_file.anatomy import MANIFEST, dissect
from isolane.wire.snapshot_file.manifest import check
from support.black_boxes import CURRENT, Plant, settings

CUTS = 200


def keys(folder: Path, kind: str = "ed25519") -> tuple[Path, Path]:
    """Make a key; give its private and its public file."""
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{kind}.pem", folder / f"{kind}.pub"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path, Path]:
    """Gives a signed snapshot, and the key's files."""
    folder = tmp_path_factory.mktemp("snapshot")
    private, public = keys(folder)
    plant = Plant(folder, settings(before_s=20, after_s=10), Signer(private))
    plant.run(25)
    plant.is_closed, plant.is_bursting = False, True
    plant.run(20)
    (file,) = plant.files()
    return file.read_bytes(), private, public


def test_a_whole_snapshot_is_what_others_read(made: tuple[bytes, Path, Path]) -> None:
    data, _, public = made
    verdict = check(data, Verifier.load(public))
    assert (verdict.end, verdict.signature, verdict.faults) == ("whole", "good", [])
    assert verdict.manifest is not None
    assert [each.kind for each in verdict.manifest.triggers] == ["contactor-under-load"]
    assert verdict.manifest.clock[0]["offset_s"] == "1.2e-05"
    assert (verdict.manifest.gateway, verdict.manifest.charger) == ("gw-1", "CP-1")
    reader = make_reader(io.BytesIO(data), validate_crcs=True)
    summary = reader.get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == len(verdict.anatomy.messages)
    found = list(reader.iter_messages())
    assert {channel.topic for _, channel, _ in found} == {
        "/health/CP-1",
        "/health",
        "/wave/CP-1",
        "/ocpp",
        "/state",
        "/log",
    }
    assert len(found) == len(verdict.anatomy.messages)
    assert all(channel.message_encoding == "json" and schema is not None for schema, channel, _ in found)
    assert [each.name for each in reader.iter_attachments()] == ["manifest.json", "manifest.sig"]
    told = [schema.data for schema, channel, _ in found if schema and channel.topic == "/health/CP-1"]
    assert CURRENT.encode() in told[0]
    assert max(chunk.chunk.uncompressed_size for chunk in verdict.anatomy.chunks) <= 64 << 10


def test_cut_anywhere_all_before_the_last_chunk_is_read_and_verified(
    made: tuple[bytes, Path, Path], tmp_path: Path
) -> None:
    data, private, public = made
    whole = dissect(data)
    random.seed(7)
    places = sorted({*random.sample(range(len(data)), CUTS - 2), len(data) - 1, whole.whole_bytes + 3})
    for place in places:
        cut = data[:place]
        found = dissect(cut)
        expected = [chunk.sha256 for chunk in whole.chunks if chunk.at + chunk.length <= place]
        assert [chunk.sha256 for chunk in found.chunks] == expected
        messages = [(each.log_time, each.data) for each in found.messages]
        assert messages == [(each.log_time, each.data) for each in whole.messages[: len(messages)]]
        assert not check(cut).faults
        assert not found.is_ended
    for place in places[::10]:
        path = tmp_path / "cut.mcap"
        path.write_bytes(data[:place])
        complete(path, Signer(private))
        ended = path.read_bytes()
        verdict = check(ended, Verifier.load(public))
        assert (verdict.end, verdict.signature, verdict.faults) == (CUT, "good", [])
        read = list(make_reader(io.BytesIO(ended), validate_crcs=True).iter_messages())
        assert len(read) == len(dissect(data[:place]).messages)


def test_a_strangers_reader_agrees_on_what_is_whole(made: tuple[bytes, Path, Path]) -> None:
    data, _, _ = made
    found = dissect(data)
    streamed = [one for one in StreamReader(io.BytesIO(data), validate_crcs=True).records if isinstance(one, Message)]
    assert [one.data for one in streamed] == [one.data for one in found.messages]
    assert sum(1 for _ in NonSeekingReader(io.BytesIO(data)).iter_messages()) == len(found.messages)


def test_every_changed_byte_is_seen(made: tuple[bytes, Path, Path]) -> None:
    data, _, public = made
    key = Verifier.load(public)
    random.seed(3)
    unseen = []
    for place in random.sample(range(8, len(data)), 100):
        changed = bytearray(data)
        changed[place] ^= 0x20
        try:
            verdict = check(bytes(changed), key)
        except ValueError:
            continue
        if verdict.end == "whole" and verdict.signature == "good" and not verdict.faults:
            unseen.append(place)
    header = dissect(data).notes[0][0]
    assert all(place < header for place in unseen), unseen  # the library's name, of which nothing is said


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_who_signed_is_told_apart(made: tuple[bytes, Path, Path], tmp_path: Path, kind: str) -> None:
    data, _, _ = made
    private, public = keys(tmp_path, kind)
    _, other = keys(tmp_path, "other")
    path = tmp_path / "one.mcap"
    path.write_bytes(data[: dissect(data).whole_bytes])
    complete(path, Signer(private))
    assert check(path.read_bytes(), Verifier.load(public)).signature == "good"
    assert check(path.read_bytes(), Verifier.load(other)).signature == "other key"
    assert check(path.read_bytes()).signature == "not checked"
    changed = path.read_bytes().replace(b'"charger":"CP-1"', b'"charger":"CP-9"', 1)
    assert check(changed, Verifier.load(public)).signature == "bad"
    path.write_bytes(data[: dissect(data).whole_bytes])
    complete(path, None)
    verdict = check(path.read_bytes(), Verifier.load(public))
    assert (verdict.signature, verdict.faults) == ("unsigned", [])
    assert MANIFEST in verdict.anatomy.attachments
