"""This file makes private keys in files; it guards that one is never readable by others and never replaced."""

import os
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from isolane.core.failures import IsolaneError
from isolane.security.signing import PublicKey

Kind = Literal["ed25519", "p256"]


def make_key(path: Path, kind: Kind, passphrase: bytes | None) -> PublicKey:
    """Make a key: PKCS #8 in `path` (0600), its public half in ``<path>.pub``.

    Args:
        path: Where; nothing may be there.
        kind: Which.
        passphrase: What it is encrypted with; None to leave it in the clear.

    Raises:
        IsolaneError: Something is there, or it cannot be written.
    """
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    public = key.public_key()
    write_new(path, key.private_bytes(pem, pkcs8, lock))
    write_new(path.with_name(path.name + ".pub"), public_pem(public), 0o644)
    return public


def public_pem(public: PublicKey) -> bytes:
    """Write a public key in PEM."""
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is not there yet.

    Raises:
        IsolaneError: It is, or it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise IsolaneError(f"{path} is there already", "nothing is replaced; choose another name") from error
    except OSError as error:
        raise IsolaneError(f"cannot write {path}: {error.strerror}") from error
