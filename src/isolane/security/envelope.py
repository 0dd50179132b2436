"""This file signs and opens envelopes; it guards that a signed message has one form, and that every signature holds.

An envelope is a JWS in General JSON form (RFC 7515, section 7.2.1) of the narrowest kind. What is not written here is
refused, before any key is looked at:

    {"payload":P,"signatures":[{"protected":H,"signature":S}, ...]}

Constraints: exactly these bytes, without whitespace, in this order; P, H and S are base64url without padding, in the
    one form that a writer gives. H is ``{"alg":A,"kid":K,"typ":T}`` in exactly these bytes: A is ``Ed25519``
    (RFC 9864) or ``ES256``, K the key's name (see `signing.key_id`), T what the message is for, so that a signature
    under one kind of message is none under another. 1 to 8 signatures in ascending order of K, so no key signs twice.
    An ES256 signature has the lower of its two possible s.
Operation: `parse` needs no key, `verify` needs all of them; what is verified are the bytes that came. Whose keys these
    are, how many are needed and what they may do is for the caller (see `key_manifest`).
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from isolane.core import strict_json
from isolane.security.signing import ED25519, P256, PublicKey, is_signed

COMMAND: Final = "isolane-cmd+jws"
MANIFEST: Final = "isolane-keys+jws"
STATEMENT: Final = "isolane-stmt+jws"
RECEIPT: Final = "isolane-rcpt+jws"
BYTES_MAX: Final = 16 << 10
"""Of a command. One with two signatures has about 1.3 kB."""
_SIGNATURES_MAX: Final = 8
_ALGORITHMS: Final = {ED25519: "Ed25519", P256: "ES256"}
_KID = re.compile(r"[0-9a-f]{64}")
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256."""
_HALF: Final = 32
_SIGNATURE_BYTES: Final = 64


class EnvelopeError(ValueError):
    """An envelope that is refused.

    Args:
        reason: "unsigned", "malformed", "unknown-key" or "signature".
        detail: What exactly, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Signs(Protocol):
    """Whatever signs: a key in a file (`signing.Signer`), one in hardware."""

    algorithm: str
    key_id: str

    def sign(self, data: bytes) -> bytes:
        """Give the signature of some bytes; ECDSA's in DER."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: the key's name, its algorithm and the whole header as written there, and the 64 bytes."""

    kid: str
    alg: str
    protected: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was in the envelope, and who says to have signed it."""

    payload: bytes
    signatures: tuple[Signature, ...]


def seal(payload: bytes, signers: Sequence[Signs], typ: str) -> bytes:
    """Sign a payload.

    Args:
        payload: Any bytes.
        signers: 1 to 8, of distinct keys.
        typ: What the message is for.
    """
    return _write(Envelope(payload, tuple(_sign(payload, signer, typ) for signer in signers)))


def add(data: bytes, signer: Signs, typ: str, bytes_max: int = BYTES_MAX) -> bytes:
    """Add a signature to an envelope; one of the same key is replaced.

    Raises:
        EnvelopeError: It is none.
    """
    old = parse(data, typ, bytes_max)
    others = tuple(each for each in old.signatures if each.kid != signer.key_id)
    return _write(Envelope(old.payload, (*others, _sign(old.payload, signer, typ))))


def parse(data: bytes, typ: str, bytes_max: int = BYTES_MAX) -> Envelope:
    """Take an envelope apart without believing it.

    Args:
        data: Bytes of anybody's choosing.
        typ: What the message has to be for.
        bytes_max: Longest one taken.

    Raises:
        EnvelopeError: It has any other form than the one above.
    """
    if len(data) > bytes_max:
        raise EnvelopeError("malformed", f"{len(data)} bytes")
    try:
        value = strict_json.read(data)
    except ValueError as error:
        raise EnvelopeError("malformed", str(error)) from error
    if not isinstance(value, dict):
        raise EnvelopeError("malformed", "no object")
    told = value.get("signatures")
    if not told:
        raise EnvelopeError("unsigned", "no signature")
    body = value.get("payload")
    if value.keys() != {"payload", "signatures"} or not isinstance(told, list) or not isinstance(body, str):
        raise EnvelopeError("malformed", "other members than payload and signatures")
    if len(told) > _SIGNATURES_MAX:
        raise EnvelopeError("malformed", f"{len(told)} signatures")
    envelope = Envelope(_decode(body), tuple(_signature(each, typ) for each in told))
    if len({each.kid for each in envelope.signatures}) != len(told):
        raise EnvelopeError("malformed", "two signatures of one key")
    if _write(envelope) != data:
        raise EnvelopeError("malformed", "not in the one form")
    return envelope


def verify(envelope: Envelope, keys: Mapping[str, PublicKey]) -> None:
    """Check every signature.

    Args:
        envelope: As parsed.
        keys: Public keys by their names.

    Raises:
        EnvelopeError: One is of a key that is not there, or does not hold.
    """
    for each in envelope.signatures:
        key = keys.get(each.kid)
        if key is None:
            raise EnvelopeError("unknown-key", f"key {each.kid[:16]}")
        verify_one(envelope.payload, each, key)


def verify_one(payload: bytes, signature: Signature, key: PublicKey) -> None:
    """Check one signature.

    Raises:
        EnvelopeError: It is not of that key and payload.
    """
    is_ecdsa = isinstance(key, ec.EllipticCurvePublicKey)
    if (signature.alg == "ES256") != is_ecdsa:
        raise EnvelopeError("signature", f"{signature.alg} with a key of another kind")
    value = _to_der(signature.value) if is_ecdsa else signature.value
    if not is_signed(key, f"{signature.protected}.{_encode(payload)}".encode(), value):
        raise EnvelopeError("signature", f"of key {signature.kid[:16]}")


def signature_of(kid: str, key: PublicKey, text: str, typ: str) -> Signature:
    """Read a signature that came alone; its header is the one that `seal` gives such a key.

    Args:
        kid: The key's name.
        key: The key; says which algorithm.
        text: 64 bytes in base64url, as it stands in an envelope.
        typ: What the message is for.

    Raises:
        EnvelopeError: It has any other form.
    """
    alg = _ALGORITHMS[P256 if isinstance(key, ec.EllipticCurvePublicKey) else ED25519]
    return _signature({"protected": _encode(_write_header(alg, kid, typ)), "signature": text}, typ)


def assemble(payload: bytes, signatures: Sequence[Signature]) -> bytes:
    """Put signatures that came one by one into one envelope, without checking them."""
    return _write(Envelope(payload, tuple(signatures)))


def _signature(told: object, typ: str) -> Signature:
    if not isinstance(told, dict) or told.keys() != {"protected", "signature"}:
        raise EnvelopeError("malformed", "other members of a signature than protected and signature")
    protected, text = told["protected"], told["signature"]
    if text == "":
        raise EnvelopeError("unsigned", "an empty signature")
    if not isinstance(protected, str) or not isinstance(text, str):
        raise EnvelopeError("malformed", "a signature that is no text")
    alg, kid = _header(_decode(protected), typ)
    value = _decode(text)
    if len(value) != _SIGNATURE_BYTES:
        raise EnvelopeError("signature", f"{len(value)} bytes")
    if alg == "ES256" and int.from_bytes(value[_HALF:], "big") > _ORDER // 2:
        raise EnvelopeError("signature", "the higher s")
    return Signature(kid, alg, protected, value)


def _header(data: bytes, typ: str) -> tuple[str, str]:
    """Give algorithm and key of a protected header that is exactly what a writer writes."""
    try:
        header = strict_json.read(data)
    except ValueError as error:
        raise EnvelopeError("malformed", f"header: {error}") from error
    if not isinstance(header, dict):
        raise EnvelopeError("malformed", "header: no object")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in _ALGORITHMS.values():
        raise EnvelopeError("malformed", "header: no such alg")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise EnvelopeError("malformed", "header: no such kid")
    if _write_header(alg, kid, typ) != data:
        raise EnvelopeError("malformed", "header: anything but alg, kid and the right typ")
    return alg, kid


def _sign(payload: bytes, signer: Signs, typ: str) -> Signature:
    alg = _ALGORITHMS[signer.algorithm]
    protected = _encode(_write_header(alg, signer.key_id, typ))
    value = signer.sign(f"{protected}.{_encode(payload)}".encode())
    if signer.algorithm == P256:
        r, s = decode_dss_signature(value)
        value = r.to_bytes(_HALF, "big") + min(s, _ORDER - s).to_bytes(_HALF, "big")
    return Signature(signer.key_id, alg, protected, value)


def _to_der(value: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(value[:_HALF], "big"), int.from_bytes(value[_HALF:], "big"))


def _write_header(alg: str, kid: str, typ: str) -> bytes:
    return strict_json.write({"alg": alg, "kid": kid, "typ": typ})


def _write(envelope: Envelope) -> bytes:
    rows = [
        {"protected": each.protected, "signature": _encode(each.value)}
        for each in sorted(envelope.signatures, key=lambda each: each.kid)
    ]
    return strict_json.write({"payload": _encode(envelope.payload), "signatures": rows})


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError("malformed", "no base64url") from error
    if _encode(data) != text:
        raise EnvelopeError("malformed", "base64url in another form")
    return data
