"""This file keeps public keys: the manifest of people's and each gateway's; it guards that no other signs for them.

A manifest follows the one before by the rules of `security.key_manifest`, so who owns the database can keep an old one
and not make a new one. A gateway's key is the one with which it was enrolled.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from isolane.center.store.command_tables import (
    PERSON_CHARS_MAX,
    CommandCheckpointRow,
    CommandGatewayRow,
    CommandManifestRow,
    CommandStatementRow,
    CommandSuspicionRow,
)
from isolane.center.store.command_views import CommandError
from isolane.security.key_manifest import ManifestError, Trusted, first, follow
from isolane.security.signing import PublicKey, key_id


def in_force(session: Session) -> Trusted | None:
    """Give the key manifest in force; None before the first."""
    data = session.scalar(select(CommandManifestRow.data).order_by(CommandManifestRow.version.desc()).limit(1))
    return None if data is None else first(data)


def next_manifest(session: Session, version: int) -> bytes | None:
    """Give the manifest that follows a version; None where there is none."""
    later = select(CommandManifestRow.data).where(CommandManifestRow.version > version)
    return session.scalar(later.order_by(CommandManifestRow.version).limit(1))


def take_manifest(session: Session, data: bytes, who: str, now_ms: int) -> Trusted:
    """Keep the first manifest, or the next.

    Raises:
        CommandError: It may not follow, or is none.
    """
    current = in_force(session)
    try:
        new = first(data) if current is None else follow(current, data, now_ms / 1000)
    except ManifestError as error:
        raise CommandError("manifest", f"{error.reason}: {error}") from error
    if new is not current:
        by = who[:PERSON_CHARS_MAX]
        session.add(CommandManifestRow(version=new.manifest.version, by=by, at_ms=now_ms, data=data))
    return new


def enrol(session: Session, gateway: str, key: PublicKey, who: str, now_ms: int) -> str:
    """Say with which key a gateway signs; give its name.

    With another key it begins another audit: what the center vouches for of the one before is forgotten, and what was
    suspicious of it.
    """
    kid = key_id(key)
    row = session.get(CommandGatewayRow, gateway)
    if row is None or row.kid != kid:
        der = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        for table in (CommandGatewayRow, CommandCheckpointRow, CommandStatementRow, CommandSuspicionRow):
            session.execute(delete(table).where(table.gateway == gateway))
        by = who[:PERSON_CHARS_MAX]
        session.add(CommandGatewayRow(gateway=gateway, kid=kid, key=der, by=by, at_ms=now_ms))
    return kid


def key_of(session: Session, gateway: str) -> PublicKey | None:
    """Give the key with which a gateway was enrolled; None for one that was not."""
    row = session.get(CommandGatewayRow, gateway)
    return None if row is None else _known(form.load_der_public_key(row.key))


def read_public(pem: bytes) -> PublicKey:
    """Read a public key, or that of a certificate.

    Raises:
        CommandError: It is none, or of another kind.
    """
    try:
        if b"BEGIN CERTIFICATE" in pem:
            return _known(x509.load_pem_x509_certificate(pem).public_key())
        return _known(form.load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CommandError("gateway", "that is no public key and no certificate in PEM") from error


def _known(key: object) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise CommandError("gateway", "the key is neither Ed25519 nor EC P-256")
