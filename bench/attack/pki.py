"""This file makes the certificates of the cases, good and bad; it guards that each bad one is bad in one way only."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Paths(NamedTuple):
    """A certificate chain and its key, as PEM files."""

    certificate: Path
    key: Path


class Issuer(NamedTuple):
    """A CA."""

    certificate: x509.Certificate
    key: PrivateKey


class Leaf(NamedTuple):
    """How a leaf differs from a good one."""

    begins: dt.timedelta = -_DAY
    ends: dt.timedelta = 90 * _DAY
    key: Callable[[], PrivateKey] = lambda: ec.generate_private_key(ec.SECP256R1())
    is_ca: bool = False
    signs: bool = True
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH
    serial: int | None = None
    organisation: str = "attack"


class Pki:
    """A CA with everything it has issued, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.revoked: list[int] = []
        self.issuers: list[Issuer] = []

    @cached_property
    def root(self) -> Issuer:
        """Give the CA."""
        return self.new_ca("attack root", None)

    @cached_property
    def ca(self) -> Path:
        """Give the CA's certificate as a file."""
        _ = self.root
        path = self.folder / "ca.pem"
        path.write_bytes(_pem(self.root.certificate))
        return path

    def new_ca(self, name: str, issuer: Issuer | None, *, permitted: str | None = None) -> Issuer:
        """Make a CA, below another one where given."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name, "attack")
        builder = _builder(subject, issuer.certificate.subject if issuer else subject, key, Leaf(ends=3650 * _DAY))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False, ca=True), critical=True)
        if permitted is not None:
            tree = x509.DirectoryName(_name(permitted, "elsewhere"))
            builder = builder.add_extension(x509.NameConstraints([tree], None), critical=True)
        signer = issuer.key if issuer else key
        self.issuers.append(Issuer(builder.sign(signer, hashes.SHA256()), key))
        return self.issuers[-1]

    def issue(
        self,
        stem: str,
        common_name: str,
        leaf: Leaf | None = None,
        *,
        issuer: Issuer | None = None,
        chain: tuple[Issuer, ...] = (),
        hosts: tuple[str, ...] = (),
    ) -> Paths:
        """Issue a certificate and write it with its chain."""
        how, by = leaf or Leaf(), issuer or self.root
        key = how.key()
        builder = _builder(_name(common_name, how.organisation), by.certificate.subject, key, how)
        builder = builder.add_extension(x509.BasicConstraints(ca=how.is_ca, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=how.signs, ca=how.is_ca), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([how.usage]), critical=False)
        if hosts:
            names = [_host(name) for name in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(by.key, hashes.SHA256())
        return self._write(stem, certificate, key, chain)

    def self_signed(self, stem: str, common_name: str) -> Paths:
        """Issue a certificate that nobody but itself vouches for."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name, "attack")
        builder = _builder(name, name, key, Leaf()).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        return self._write(stem, builder.sign(key, hashes.SHA256()), key, ())

    def revoke(self, paths: Paths) -> None:
        """Put a certificate on the list."""
        self.revoked.append(x509.load_pem_x509_certificate(paths.certificate.read_bytes()).serial_number)

    def crl(self, *, age_days: float = 0, forged: bool = False) -> bytes:
        """Write the list, fresh or as old as said, signed by somebody else where forged."""
        _ = self.root
        return b"".join(self._list_of(issuer, age_days, forged=forged) for issuer in self.issuers)

    def _list_of(self, issuer: Issuer, age_days: float, *, forged: bool) -> bytes:
        now = dt.datetime.now(dt.UTC)
        signer = ec.generate_private_key(ec.SECP256R1()) if forged else issuer.key
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(now - age_days * _DAY - dt.timedelta(minutes=1))
            .next_update(now - age_days * _DAY + _DAY)
        )
        for serial in self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - _DAY).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @property
    def list(self) -> Path:
        """Give the list as a file, made when it is not there."""
        path = self.folder / "list.pem"
        if not path.exists():
            path.write_bytes(self.crl())
        return path

    @cached_property
    def ecdsa(self) -> Paths:
        """Give the server's ECDSA identity."""
        leaf = Leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH)
        return self.issue("server-ecdsa", "127.0.0.1", leaf, hosts=("127.0.0.1", "localhost", "csms.test"))

    @cached_property
    def rsa(self) -> Paths:
        """Give the server's RSA identity."""
        leaf = Leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH, key=lambda: rsa.generate_private_key(65537, 2048))
        return self.issue("server-rsa", "127.0.0.1", leaf, hosts=("127.0.0.1", "localhost", "csms.test"))

    def serving(self, identity: Paths | None = None) -> ssl.SSLContext:
        """Give a server's context, with an identity other than the usual one where given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(identity or self.ecdsa))
        return context

    def trusting(self, identity: Paths | None = None) -> ssl.SSLContext:
        """Give a client's context, with an identity where given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca)
        if identity is not None:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")  # an attacker is not held to a level
            context.load_cert_chain(*identity)
        return context

    def listener(self, *, client: bool) -> str:
        """Give the settings of a TLS listener."""
        lines = f'certificate = "{self.ecdsa.certificate}"\nkey = "{self.ecdsa.key}"\n'
        lines += f'second_certificate = "{self.rsa.certificate}"\nsecond_key = "{self.rsa.key}"\n'
        if not client:
            return lines
        return lines + f'client_ca = "{self.ca}"\ncrl = "{self.list}"\ncrl_check = "chain"\n'

    def _write(self, stem: str, certificate: x509.Certificate, key: PrivateKey, chain: tuple[Issuer, ...]) -> Paths:
        paths = Paths(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        paths.certificate.write_bytes(_pem(certificate) + b"".join(_pem(issuer.certificate) for issuer in chain))
        paths.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, how: Leaf) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(how.serial or x509.random_serial_number())
        .not_valid_before(now + how.begins)
        .not_valid_after(now + how.ends)
    )


def _usage(*, signs: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
