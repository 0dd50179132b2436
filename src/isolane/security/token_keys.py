"""This file signs with keys in hardware (PKCS #11); it guards that a private key never leaves its token.

A key is named by a URI as RFC 7512 has it::

    pkcs11:token=people;object=ann?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin

``token`` and ``object`` are labels, ``module-path`` is the token's library. ``pin-source`` names a file; without it the
PIN is asked for by whoever opens the key. ``pin-value`` is refused: a PIN is not for command lines and settings.
P-256 signs with SHA-256 made here, since many tokens only know plain ECDSA; Ed25519 where the token knows it.
"""

import contextlib
import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from isolane.core.failures import IsolaneError
from isolane.security.signing import ED25519, P256, PrivateKey, PublicKey, key_id

SCHEME: Final = "pkcs11:"
_P256_PARAMETERS: Final = bytes.fromhex("06082a8648ce3d030107")
_ED25519_PARAMETERS: Final = bytes.fromhex("06032b6570")
_OCTETS: Final = 0x04
_HALF: Final = 32
_ED25519_BYTES: Final = 32
_P256_POINT_BYTES: Final = 65


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Where a key is.

    Attributes:
        module: The token's library.
        token: The token's label.
        label: The key's label.
        pin_file: Holds the PIN in its first line; None: it is asked for.
    """

    module: Path
    token: str
    label: str
    pin_file: Path | None = field(default=None)

    @classmethod
    def parse(cls, uri: str) -> "TokenKey":
        """Read a URI.

        Raises:
            IsolaneError: It is none, or has parts that are not used here.
        """
        path, _, query = uri.removeprefix(SCHEME).partition("?")
        try:
            parts = _pairs(path, ";") | _pairs(query, "&")
            source = parts.pop("pin-source", None)
            made = cls(
                Path(parts.pop("module-path")),
                parts.pop("token"),
                parts.pop("object"),
                None if source is None else Path(source.removeprefix("file:")),
            )
        except (KeyError, ValueError) as error:
            raise IsolaneError(
                f"{uri!r} does not name a key in a token ({error})",
                "write pkcs11:token=LABEL;object=LABEL?module-path=FILE, and &pin-source=file:FILE if it is in a file",
            ) from error
        if parts or not uri.startswith(SCHEME):
            raise IsolaneError(f"{uri!r} has parts that are not used here: {', '.join(parts)}", "leave them out")
        return made

    def pin(self) -> str | None:
        """Read the PIN, if it is in a file.

        Raises:
            IsolaneError: The file cannot be read.
        """
        if self.pin_file is None:
            return None
        try:
            return (self.pin_file.read_text(encoding="utf-8").splitlines() or [""])[0]
        except (OSError, ValueError) as error:
            raise IsolaneError(f"cannot read the PIN in {self.pin_file}: {error}") from error

    def __str__(self) -> str:
        """Name it for a person."""
        return f"key {self.label!r} in token {self.token!r}"


class TokenSigner:
    """Signs with a key in a token, as `signing.Signer` does with one in a file; any thread may.

    Args:
        key: Which.
        pin: The user's PIN of the token.

    Raises:
        IsolaneError: Library, token or key are not there, the PIN is wrong, or the key is of another kind.
    """

    def __init__(self, key: TokenKey, pin: str) -> None:
        self._key = key
        self._pin = pin
        self._turn = threading.Lock()
        self._session, self._private = self._open()
        self.public_key: PublicKey = _public_key(self._session, key)
        self.algorithm = ED25519 if isinstance(self.public_key, ed25519.Ed25519PublicKey) else P256
        self.key_id = key_id(self.public_key)

    def sign(self, data: bytes) -> bytes:
        """Give the signature of some bytes; a token that was pulled and put back is opened again.

        Raises:
            IsolaneError: The token is not there, or refuses.
        """
        with self._turn:
            try:
                return self._sign(data)
            except pkcs11.PKCS11Error:
                self.close()
            self._session, self._private = self._open()
            try:
                return self._sign(data)
            except pkcs11.PKCS11Error as error:
                raise _told(error, self._key) from error

    def close(self) -> None:
        """Log out; the next signature logs in again."""
        with contextlib.suppress(pkcs11.PKCS11Error):
            self._session.close()

    def _open(self) -> tuple[pkcs11.Session, Any]:
        session = open_token(self._key, self._pin)
        try:
            return session, _find(session, self._key, pkcs11.ObjectClass.PRIVATE_KEY)
        except IsolaneError:
            session.close()
            raise

    def _sign(self, data: bytes) -> bytes:
        if self.algorithm == ED25519:
            return bytes(self._private.sign(data, mechanism=pkcs11.Mechanism.EDDSA))
        raw = self._private.sign(hashlib.sha256(data).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        return encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))


def open_token(key: TokenKey, pin: str, *, may_write: bool = False) -> pkcs11.Session:
    """Log in to a key's token.

    Raises:
        IsolaneError: Its library or the token is not there, or the PIN is wrong.
    """
    try:
        return pkcs11.lib(str(key.module)).get_token(token_label=key.token).open(user_pin=pin, rw=may_write)
    except pkcs11.PKCS11Error as error:
        raise _told(error, key) from error


def make_token_key(key: TokenKey, pin: str, kind: str) -> PublicKey:
    """Make a key in a token, that signs and does nothing else.

    Args:
        key: Where; no key may have this label.
        pin: The user's PIN.
        kind: "ed25519" or "p256".

    Raises:
        IsolaneError: It cannot be made there.
    """
    parameters = _ED25519_PARAMETERS if kind == "ed25519" else _P256_PARAMETERS
    of = pkcs11.KeyType.EC_EDWARDS if kind == "ed25519" else pkcs11.KeyType.EC
    way = pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN if kind == "ed25519" else pkcs11.Mechanism.EC_KEY_PAIR_GEN
    with open_token(key, pin, may_write=True) as session:
        _check_new(session, key)
        try:
            domain = session.create_domain_parameters(of, {pkcs11.Attribute.EC_PARAMS: parameters}, local=True)
            domain.generate_keypair(
                mechanism=way,
                store=True,
                label=key.label,
                id=key.label.encode(),
                private_template={pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False},
            )
        except pkcs11.PKCS11Error as error:
            raise _told(error, key) from error
        return _public_key(session, key)


def import_token_key(key: TokenKey, pin: str, private: PrivateKey) -> PublicKey:
    """Put a key that was made elsewhere into a token; the copy elsewhere is for somebody to destroy.

    Raises:
        IsolaneError: It cannot be put there.
    """
    attribute = pkcs11.Attribute
    if isinstance(private, ed25519.Ed25519PrivateKey):
        shared = {attribute.KEY_TYPE: pkcs11.KeyType.EC_EDWARDS, attribute.EC_PARAMS: _ED25519_PARAMETERS}
        point = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        value = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    else:
        shared = {attribute.KEY_TYPE: pkcs11.KeyType.EC, attribute.EC_PARAMS: _P256_PARAMETERS}
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        value = private.private_numbers().private_value.to_bytes(_HALF, "big")
    shared |= {attribute.TOKEN: True, attribute.LABEL: key.label, attribute.ID: key.label.encode()}
    secret = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False, attribute.SIGN: True, attribute.VALUE: value}
    public = {attribute.VERIFY: True, attribute.EC_POINT: bytes([_OCTETS, len(point)]) + point}
    with open_token(key, pin, may_write=True) as session:
        _check_new(session, key)
        try:
            session.create_object({attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY} | shared | secret)
            session.create_object({attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY} | shared | public)
        except pkcs11.PKCS11Error as error:
            raise _told(error, key) from error
        return _public_key(session, key)


def _check_new(session: pkcs11.Session, key: TokenKey) -> None:
    if list(session.get_objects({pkcs11.Attribute.LABEL: key.label})):
        raise IsolaneError(f"{key} is there already", "nothing is replaced; choose another label")


def _find(session: pkcs11.Session, key: TokenKey, kind: Any) -> Any:  # noqa: ANN401 - the library's own
    found = list(session.get_objects({pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.LABEL: key.label}))
    if len(found) != 1:
        raise IsolaneError(f"{len(found) or 'no'} objects are the {kind.name.lower()} of {key}", "check its label")
    return found[0]


def _public_key(session: pkcs11.Session, key: TokenKey) -> PublicKey:
    """Read a key's public half."""
    found = _find(session, key, pkcs11.ObjectClass.PUBLIC_KEY)
    point = bytes(found[pkcs11.Attribute.EC_POINT])
    # DER's OCTET STRING around it, which some tokens leave out.
    for size in (_ED25519_BYTES, _P256_POINT_BYTES):
        if point[:2] == bytes([_OCTETS, size]) and len(point) == size + 2:
            point = point[2:]
    try:
        if len(point) == _ED25519_BYTES:
            return ed25519.Ed25519PublicKey.from_public_bytes(point)
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise IsolaneError(f"{key} is neither Ed25519 nor EC P-256", "make one with: isolane keys make") from error


def _pairs(text: str, between: str) -> dict[str, str]:
    found = {}
    for part in filter(None, text.split(between)):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            raise ValueError(part)
        found[name] = unquote(value, errors="strict")
    return found


def _told(error: Exception, key: TokenKey) -> IsolaneError:
    """Say what a token's library means."""
    name = type(error).__name__
    known = {
        "PinIncorrect": ("the PIN is wrong", "after a few wrong ones the token locks itself"),
        "PinLenRange": ("the PIN is wrong", "after a few wrong ones the token locks itself"),
        "PinInvalid": ("the PIN is wrong", "after a few wrong ones the token locks itself"),
        "PinLocked": ("the token has locked itself", "its security officer opens it again"),
        "NoSuchToken": ("there is no token of this label", "put it in; `pkcs11-tool --list-slots` shows what is there"),
        "MultipleTokensReturned": ("several tokens have this label", "leave one in"),
        "MechanismInvalid": ("the token does not know this kind of key", "take --kind p256"),
        "TokenWriteProtected": ("the token is write-protected", "see its maker's manual"),
    }
    said, hint = known.get(name, (f"the token does not answer ({str(error) or name})", "see whether it is still in"))
    if "loading" in str(error):
        said, hint = f"cannot load {key.module}", "install the token's library, and name it as module-path"
    return IsolaneError(f"{key}: {said}", hint)
