"""This file forges checkpoints; it guards that only the whole note with a known key's signature is taken."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

from isolane.security.checkpoint import Checkpoint, cosign, open_note, sign
from isolane.security.signing import Signer
from support.signers import holder

POINT = Checkpoint("isolane/north/gw-01", 7, bytes(range(32)))


def test_a_checkpoint_says_what_was_signed_and_by_whom(tmp_path: Path) -> None:
    gateway = holder(tmp_path, "gw-01", "viewer").signer
    path = tmp_path / "center.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    center = Signer(path)
    keys = {"gw-01": gateway.public_key, "center": center.public_key}
    note = sign(POINT, "gw-01", gateway)
    assert note.startswith("isolane/north/gw-01\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— gw-01 ")
    assert open_note(note, keys) == (POINT, frozenset({"gw-01"}))
    both = cosign(note, "center", center)
    assert open_note(both, keys) == (POINT, frozenset({"gw-01", "center"}))
    assert open_note(both, {"gw-01": gateway.public_key}) == (POINT, frozenset({"gw-01"}))


def test_forged_ones_are_refused(tmp_path: Path) -> None:
    gateway, other = holder(tmp_path, "gw-01", "viewer").signer, holder(tmp_path, "x", "viewer").signer
    keys = {"gw-01": gateway.public_key}
    note = sign(POINT, "gw-01", gateway)
    for forged in (
        note.replace("\n7\n", "\n8\n"),
        note.replace("\n7\n", "\n07\n"),
        note.replace("north", "south"),
        note.replace("AAEC", "AAED"),
        sign(POINT, "gw-01", other),
        sign(POINT, "gw-02", gateway),
        note.partition("— ")[0],
        note[:-1],
        note + "words\n",
        note.replace("\n7\n", "\n7\nmore\n"),
        note + "x" * 5000,
        "",
    ):
        with pytest.raises(ValueError, match=r"."):
            open_note(forged, keys)
    with pytest.raises(ValueError, match="name"):
        sign(POINT, "gw 01", gateway)
