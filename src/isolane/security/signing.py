"""This file signs bytes with a key from a PEM file and checks signatures; it guards that only known kinds of keys do.

Ed25519 signs as RFC 8032 says; EC P-256 with SHA-256 and a signature in DER (ECDSA). A key is named by the SHA-256 of
its public half's DER form (SubjectPublicKeyInfo), in hex.
"""

import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from isolane.core.failures import IsolaneError

ED25519, P256 = "Ed25519", "ECDSA-P256-SHA256"
_HINT = "make one with: openssl genpkey -algorithm ed25519 -out KEY.pem"
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class Signer:
    """Signs with one private key.

    Args:
        path: PEM file of a private key.
        passphrase: What it is encrypted with, None if it is not.

    Raises:
        IsolaneError: It cannot be read, or is of another kind.
    """

    def __init__(self, path: Path, passphrase: bytes | None = None) -> None:
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
        except OSError as error:
            raise IsolaneError(f"cannot read the key {path}: {error.strerror}", _HINT) from error
        except (ValueError, TypeError) as error:
            how = "without a passphrase" if passphrase is None else "that this passphrase opens"
            raise IsolaneError(f"{path} holds no private key in PEM {how}", _HINT) from error
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            self.algorithm = P256
        elif isinstance(key, ed25519.Ed25519PrivateKey):
            self.algorithm = ED25519
        else:
            raise IsolaneError(f"the key {path} is neither Ed25519 nor EC P-256", _HINT)
        self._key = key
        self.public_key: PublicKey = key.public_key()
        self.key_id = key_id(self.public_key)

    @property
    def private_key(self) -> PrivateKey:
        """The key itself, for who puts it into a token."""
        return self._key

    def sign(self, data: bytes) -> bytes:
        """Give the signature of some bytes."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(data)


class Verifier:
    """Checks signatures of one public key.

    Args:
        key: The public half.
    """

    def __init__(self, key: PublicKey) -> None:
        self.key_id = key_id(key)
        self._key = key

    @classmethod
    def load(cls, path: Path) -> "Verifier":
        """Read a public key, or that of a certificate, from a PEM file.

        Raises:
            IsolaneError: It cannot be read, or is of another kind.
        """
        return cls(load_public(path))

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Tell whether a signature is that of some bytes by this key."""
        return is_signed(self._key, data, signature)


def key_id(key: PublicKey) -> str:
    """Name a public key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def load_public(path: Path) -> PublicKey:
    """Read a public key, or that of a certificate, from a PEM file.

    Raises:
        IsolaneError: It cannot be read, or is of another kind.
    """
    try:
        data = path.read_bytes()
        if b"BEGIN CERTIFICATE" in data:
            key: object = x509.load_pem_x509_certificate(data).public_key()
        else:
            key = serialization.load_pem_public_key(data)
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise IsolaneError(f"{path} holds no public key and no certificate in PEM") from error
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise IsolaneError(f"the key in {path} is neither Ed25519 nor EC P-256")


def is_signed(key: PublicKey, data: bytes, signature: bytes) -> bool:
    """Tell whether a signature is that of some bytes by a key."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        else:
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
