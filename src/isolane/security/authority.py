"""This file makes a private certificate authority and issues from it.

It guards that a key file is never readable by others.

Keys are ECDSA P-256. The authority is for one operator's own boxes (gateway, broker, center, site listeners); it is no
replacement for the CSMS's or the charger maker's PKI. Files: ``<name>.pem`` (chain) and ``<name>.key`` (0600).
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from isolane.core.durable import locked
from isolane.core.failures import IsolaneError

_CA_DAYS = 3650
"""Ten years: the life of a charging site's electronics."""
_LEAF_DAYS = 825
"""The longest a TLS client library is sure to accept for a private leaf (Apple's limit, the strictest in use)."""
COMMON_NAME_CHARS_MAX = 64
"""Source: RFC 5280, appendix A.1, ub-common-name."""
_BACKDATE = dt.timedelta(hours=1)
"""A box without a battery clock may boot an hour behind."""
_LOCK_S = 10.0

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Identity:
    """Where one certificate and its key are."""

    certificate: Path
    key: Path


class Authority:
    """A private CA in a folder.

    Args:
        folder: Where its files are or will be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"

    def create(self, organisation: str, *, purposes: Sequence[x509.ObjectIdentifier] = (), name: str = "CA") -> None:
        """Make the CA's key and self-signed certificate.

        Args:
            organisation: Stands in the CA's name and in the O of all it issues.
            purposes: Extended key usages beside which verifiers take nothing it issues; none for all.
            name: What it is, in its name.

        Raises:
            IsolaneError: The folder already has a CA or cannot be written.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} isolane {name}"),
            ]
        )
        builder = (
            _builder(subject, subject, key.public_key(), _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        certificate = builder.sign(key, hashes.SHA256())
        _write_new(self._key, _key_pem(key), mode=0o600)
        _write_new(self.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
        _write_new(self.revocations, _list(key, certificate, ()), mode=0o644)

    def issue(self, name: str, *, common_name: str, hosts: Sequence[str] = ()) -> Identity:
        """Issue a certificate for a server (with hosts) or a client (without).

        Args:
            name: Stem of the two files.
            common_name: The CN: gateway name, charger identity or host.
            hosts: DNS names and IP addresses a server is reached by.

        Raises:
            IsolaneError: The name cannot be a CN, the CA cannot be read, or the files exist.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        certificate = self.certify(key.public_key(), common_name=common_name, purpose=purpose, hosts=hosts)
        identity = Identity(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        _write_new(identity.key, _key_pem(key), mode=0o600)
        _write_new(identity.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
        return identity

    def certify(
        self,
        key: PublicKey,
        *,
        common_name: str,
        purpose: x509.ObjectIdentifier,
        hosts: Sequence[str] = (),
        days: int = _LEAF_DAYS,
    ) -> x509.Certificate:
        """Certify somebody's key; nothing is written.

        Args:
            key: Its public half.
            common_name: The CN.
            purpose: The one extended key usage.
            hosts: DNS names and IP addresses, for a server.
            days: How long it is valid.

        Raises:
            IsolaneError: The name cannot be a CN, or the CA cannot be read.
        """
        _check_common_name(common_name)
        ca_key, ca = self._load()
        organisation = ca.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        subject = x509.Name([*organisation, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (
            _builder(subject, ca.subject, key, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
            )
        return builder.sign(ca_key, hashes.SHA256())

    @property
    def revocations(self) -> Path:
        """The list of revoked certificates; made with the CA, empty."""
        return self._folder / "revoked.pem"

    def revoke(self, certificate: Path) -> None:
        """Put a certificate on the list for good.

        Broker and center read the list when they start. A list is valid as long as the CA: one that runs out while
        nobody looks would lock all gateways out.

        Args:
            certificate: PEM; the first one in it is revoked.

        Raises:
            IsolaneError: The CA, its list or the certificate cannot be read, or it is not of this CA.
        """
        _, ca = self._load()
        try:
            revoked = x509.load_pem_x509_certificate(certificate.read_bytes())
            revoked.verify_directly_issued_by(ca)
        except (OSError, ValueError, TypeError, InvalidSignature) as error:
            raise IsolaneError(f"cannot revoke {certificate}: {error!r}", "give a certificate of this CA") from error
        self.revoke_serials([revoked.serial_number])

    def revoke_serials(self, serials: Sequence[int]) -> None:
        """Put serial numbers on the list for good; those that are on it stay as they are.

        Raises:
            IsolaneError: The CA or its list cannot be read or written.
        """
        key, ca = self._load()
        try:
            with locked(self.revocations, _LOCK_S):
                old = x509.load_pem_x509_crl(self.revocations.read_bytes())
                known = list(old)
                there = {each.serial_number for each in known}
                now = dt.datetime.now(dt.UTC)
                known += [
                    x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
                    for serial in serials
                    if serial not in there
                ]
                new = self.revocations.with_suffix(".new")
                new.unlink(missing_ok=True)
                _write_new(new, _list(key, ca, known, old), mode=0o644)
                new.replace(self.revocations)
        except (OSError, ValueError) as error:
            raise IsolaneError(f"cannot change {self.revocations}: {error}", "see the folder's owner") from error

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        try:
            key = serialization.load_pem_private_key(self._key.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise IsolaneError(
                f"cannot read the CA in {self._folder}: {error}", "make one with `isolane init`"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise IsolaneError(f"{self._key} is not an EC key", "make a CA with `isolane init`")
        return key, certificate


def _list(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    revoked: Sequence[x509.RevokedCertificate],
    old: x509.CertificateRevocationList | None = None,
) -> bytes:
    """Write a list of revoked certificates, PEM.

    Who holds several lists of a CA goes by the newest, so each is newer than the one before, by whole seconds.
    """
    made = dt.datetime.now(dt.UTC) - _BACKDATE
    if old is not None:
        made = max(made, old.last_update_utc + dt.timedelta(seconds=1))
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(made)
        .next_update(ca.not_valid_after_utc)
        .add_extension(x509.CRLNumber(len(revoked) + 1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for each in revoked:
        builder = builder.add_revoked_certificate(each)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _check_common_name(name: str) -> None:
    """Refuse what a broker's access list could read as a pattern, a level or an end.

    Brokers put the CN into topics. Source: MQTT 5.0, 4.7 (``/ + #`` and U+0000); CVE-2017-7650.
    """
    if not name or len(name) > COMMON_NAME_CHARS_MAX or not name.isprintable() or set(name) & set("/+#"):
        raise IsolaneError(
            f"{name[:80]!r} cannot be the common name of a certificate",
            f"use 1 to {COMMON_NAME_CHARS_MAX} printable characters, none of / + #",
        )


def _builder(subject: x509.Name, issuer: x509.Name, public_key: PublicKey, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that must not exist yet, with its mode from its first moment."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise IsolaneError(f"{path} exists already", "choose an empty folder; keys are never overwritten") from error
    except OSError as error:
        raise IsolaneError(f"cannot write {path}: {error.strerror}", "choose a folder you may write to") from error
