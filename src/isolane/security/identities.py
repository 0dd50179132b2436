"""This file keeps keys and certificates of chargers that the gateway speaks for.

It guards that a certificate is installed only with its own key, its own name and a chain that somebody trusts.

For each charger a folder holds ``<name>.pem`` (chain) and ``<name>.key`` (0600), which settings point at, and between
`request` and `install` also ``<name>.new.key`` and ``<name>.csr``. The name is the percent-encoded identity. A renewal
leaves what is in use alone until the new certificate is there; a relay that reads the pair in between keeps the old.
Keys are ECDSA P-256, or RSA 2048 for a CSMS that wants it; no key ever leaves the folder.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.core.ids import is_charger_id

_RSA_BITS = 2048
_CHAIN_MAX = 8

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Held:
    """What is held for a charger.

    Attributes:
        charger: Its identity.
        not_after_utc: When its certificate ends, None while there is none.
        is_pending: Whether a request waits for its certificate.
    """

    charger: str
    not_after_utc: dt.datetime | None
    is_pending: bool


class Identities:
    """The chargers of a folder.

    Args:
        folder: Where their files are; made by the first request.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def request(self, charger: str, *, organisation: str = "", name: str = "", is_rsa: bool = False) -> Path:
        """Make a key and a signing request; an earlier request that waits is replaced.

        Args:
            charger: Identity.
            organisation: O of the certificate, "" for none.
            name: CN where it is not the identity, "" else.
            is_rsa: RSA instead of ECDSA.

        Returns:
            The request, PEM (PKCS #10).

        Raises:
            IsolaneError: The identity cannot be, or the folder cannot be written.
        """
        if not is_charger_id(charger):
            raise IsolaneError(
                f"{charger!r} cannot be a charger's identity", "use 1 to 48 characters, none of : / \\ ? #"
            )
        key: _Key = ec.generate_private_key(ec.SECP256R1())
        if is_rsa:
            key = rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name or charger))
        asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).sign(key, hashes.SHA256())
        request = self._path(charger, "csr")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._path(charger, "new.key"), _pem(key))
            replace_file(request, asked.public_bytes(serialization.Encoding.PEM))
        except OSError as error:
            raise IsolaneError(
                f"cannot write {self._folder}: {error.strerror}", "choose a folder you may write to"
            ) from error
        return request

    def install(self, charger: str, certificate: Path, authorities: Path, *, name: str = "") -> dt.datetime:
        """Put a signed certificate in use, with the key of the request that waits or with the one in use.

        Args:
            charger: Identity.
            certificate: PEM, the charger's own first, then intermediates.
            authorities: PEM certificates that the CSMS trusts.
            name: CN where it is not the identity, "" else.

        Returns:
            When it ends.

        Raises:
            IsolaneError: It is not for this key or this name, not valid now, or not issued by whom the CSMS trusts;
                nothing has changed.
        """
        chain = _read_certificates(certificate)
        own = chain[0]
        names = [str(each.value) for each in own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [name or charger]:
            raise IsolaneError(f"{certificate} is for {names}, not for {name or charger!r}", "import the right file")
        check_chain(chain, _read_certificates(authorities), str(certificate))
        waiting, used = self._path(charger, "new.key"), self._path(charger, "key")
        key = next((path for path in (waiting, used) if path.exists() and _belongs(path, own)), None)
        if key is None:
            raise IsolaneError(
                f"{certificate} belongs to no key of {charger} in {self._folder}", "sign the request made last"
            )
        try:
            if key is waiting:
                waiting.replace(used)
            replace_file(
                self._path(charger, "pem"), b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
            )
            self._path(charger, "csr").unlink(missing_ok=True)
        except OSError as error:
            raise IsolaneError(
                f"cannot write {self._folder}: {error.strerror}", "choose a folder you may write to"
            ) from error
        return own.not_valid_after_utc

    def held(self) -> Iterator[Held]:
        """List what is held, by identity.

        Raises:
            IsolaneError: A certificate cannot be read.
        """
        names = {path.name.removesuffix(".pem") for path in self._folder.glob("*.pem")}
        pending = {path.name.removesuffix(".csr") for path in self._folder.glob("*.csr")}
        for name in sorted(names | pending):
            end = None
            if name in names:
                end = _read_certificates(self._folder / f"{name}.pem")[0].not_valid_after_utc
            yield Held(unquote(name), end, name in pending)

    def _path(self, charger: str, suffix: str) -> Path:
        return self._folder / f"{quote(charger, safe='')}.{suffix}"


def check_chain(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], source: str) -> None:
    """Follow the chain from its first certificate to one of the authorities.

    Args:
        chain: The one that is to be used, and others in any order.
        authorities: Whom the peer trusts.
        source: Where the chain comes from, for the error sentence.

    Raises:
        IsolaneError: It does not lead there, or something on the way is not valid now.
    """
    now = dt.datetime.now(dt.UTC)
    at = chain[0]
    for _ in range(_CHAIN_MAX):
        if not at.not_valid_before_utc <= now <= at.not_valid_after_utc:
            raise IsolaneError(
                f"{source}: the certificate of {at.subject.rfc4514_string()} is not valid now",
                "check the clock or renew",
            )
        if at in authorities:
            return
        issuer = next((each for each in (*authorities, *chain[1:]) if _issued(each, at)), None)
        if issuer is None:
            break
        at = issuer
    raise IsolaneError(
        f"{source}: no trusted authority issued {at.subject.rfc4514_string()}",
        "give the whole chain and the right --ca",
    )


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return constraints.value.ca


def _read_certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise IsolaneError(f"cannot read certificates from {file}: {error}", "give a PEM file") from error


def _belongs(key: Path, certificate: x509.Certificate) -> bool:
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise IsolaneError(f"cannot read {key}: {error}", "make a new request") from error
    return private.public_key() == certificate.public_key()


def _pem(key: _Key) -> bytes:
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption())
