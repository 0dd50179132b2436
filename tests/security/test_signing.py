"""This file reads keys of other kinds; it guards that a person is told what to do about each."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

from isolane.core.failures import IsolaneError
from isolane.security.signing import Signer, load_public


def test_only_known_kinds_of_keys_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(IsolaneError, match="cannot read"):
        Signer(path)
    path.write_bytes(b"no key")
    with pytest.raises(IsolaneError, match="no private key"):
        Signer(path)
    with pytest.raises(IsolaneError, match="no public key"):
        load_public(path)
    key = ec.generate_private_key(ec.SECP384R1())
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    with pytest.raises(IsolaneError, match="neither Ed25519 nor EC P-256"):
        Signer(path)
    path.write_bytes(key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(IsolaneError, match="neither Ed25519 nor EC P-256"):
        load_public(path)
