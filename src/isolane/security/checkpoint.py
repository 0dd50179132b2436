"""This file writes and opens checkpoints; it guards that one says which tree, how large, which root, and who signed.

A checkpoint is a signed note (C2SP signed-note and tlog-checkpoint), text that other tools verify too:

    <origin>
    <entries, decimal>
    <root hash, base64>
    <empty line>
    — <name of a key> <base64 of 4 bytes of the key's hash and its signature>

Constraints: one line or more of signatures; an Ed25519 key has type 1: its hash is SHA-256 of name, newline, 0x01 and
    the 32 bytes. An EC P-256 key's hash is SHA-256 of its SubjectPublicKeyInfo, its signature is ECDSA's in DER. Lines
    of keys that nobody asked for are passed over, as the format wants it; one of a known key that does not hold is an
    error. The center co-signs by adding a line.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from isolane.security.envelope import Signs
from isolane.security.merkle import HASH_BYTES
from isolane.security.signing import PublicKey, is_signed

BYTES_MAX: Final = 4096
_HASH: Final = 4
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_LINE = re.compile(r"— (\S+) (\S+)")
_NAME = re.compile(r"[^\s+]{1,128}")


class Cosigns(Signs, Protocol):
    """A key that signs notes: its public half too."""

    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How large a tree was, and its root.

    Attributes:
        origin: Which tree.
        size: Entries.
        root: Root hash.
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Give what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, name: str, signer: Cosigns) -> str:
    """Write a checkpoint.

    Args:
        checkpoint: What to sign.
        name: Of the key, without spaces and plus signs.
        signer: The key.
    """
    return checkpoint.text() + "\n" + _line(checkpoint.text(), name, signer)


def cosign(note: str, name: str, signer: Cosigns) -> str:
    """Add a signature to a checkpoint.

    Raises:
        ValueError: It is none.
    """
    checkpoint, _ = _parse(note)
    return note + _line(checkpoint.text(), name, signer)


def open_note(note: str, keys: dict[str, PublicKey]) -> tuple[Checkpoint, frozenset[str]]:
    """Read a checkpoint and check its signatures.

    Args:
        note: Text of anybody's choosing.
        keys: Public keys by the names that they sign under.

    Returns:
        What it says, and the names of those keys that signed it; at least one.

    Raises:
        ValueError: It is none, none of the keys signed it, or a signature of one of them does not hold.
    """
    checkpoint, lines = _parse(note)
    signed = set()
    for name, value in lines:
        key = keys.get(name)
        if key is None or value[:_HASH] != _key_hash(name, key):
            continue
        if not is_signed(key, checkpoint.text().encode(), value[_HASH:]):
            raise ValueError(f"the signature of {name} does not hold")
        signed.add(name)
    if not signed:
        raise ValueError("no signature of a known key")
    return checkpoint, frozenset(signed)


def _parse(note: str) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    text, gap, rest = note.partition("\n\n")
    rows = text.split("\n")
    if len(note.encode()) > BYTES_MAX or not gap or len(rows) != 3 or not rest.endswith("\n"):  # noqa: PLR2004 - lines
        raise ValueError("no checkpoint")
    origin, size, root = rows
    if not origin or not _SIZE.fullmatch(size):
        raise ValueError("a checkpoint without origin or size")
    checkpoint = Checkpoint(origin, int(size), _decode(root))
    if len(checkpoint.root) != HASH_BYTES:
        raise ValueError("a checkpoint without a root hash")
    lines = []
    for line in rest[:-1].split("\n"):
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError("a line of a checkpoint that is no signature")
        lines.append((found[1], _decode(found[2])))
    return checkpoint, lines


def _line(text: str, name: str, signer: Cosigns) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a key")
    value = _key_hash(name, signer.public_key) + signer.sign(text.encode())
    return f"— {name} {base64.b64encode(value).decode()}\n"


def _key_hash(name: str, key: PublicKey) -> bytes:
    if isinstance(key, ed25519.Ed25519PublicKey):
        data = name.encode() + b"\n\x01" + key.public_bytes_raw()
    else:
        data = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(data).digest()[:_HASH]


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("no base64") from error
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 in another form")
    return data
