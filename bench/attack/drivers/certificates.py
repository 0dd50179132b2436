"""This file makes the client certificates that the cases name; it guards that each bad one is bad in one way."""

import datetime as dt
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.attack.fill import UnknownError
from bench.attack.pki import Leaf, Paths, Pki
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

_DAY = dt.timedelta(days=1)
_LEAVES = {
    "expired": Leaf(begins=-10 * _DAY, ends=-_DAY),
    "not_yet_valid": Leaf(begins=_DAY, ends=10 * _DAY),
    "rsa1024": Leaf(key=lambda: rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the case is about it
    "p192": Leaf(key=lambda: ec.generate_private_key(ec.SECP192R1())),
    "ca_true_leaf": Leaf(is_ca=True),
    "ku_wrong": Leaf(signs=False),
    "eku_server_only": Leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH),
    "validity_30y": Leaf(ends=30 * 365 * _DAY),
}
POLICY = ("serial_0", "validity_30y")
"""What a CA decides and no relay: how it numbers its certificates and for how long it gives them."""
_EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"


def certificate(pki: Pki, kind: str, common_name: str) -> Paths | None:
    """Give a certificate by the name that the cases have for it; None for none.

    Raises:
        UnknownError: There is no such kind.
    """
    stem = f"{kind}-{common_name}"
    if kind == "none":
        return None
    if kind in _LEAVES:
        return pki.issue(stem, common_name, _LEAVES[kind])
    if kind in _MAKERS:
        return _MAKERS[kind](pki, stem, common_name)
    if kind.startswith(("SN-", "CP")):
        return pki.issue(stem, kind)
    raise UnknownError(f"certificate {kind}")


def _other_ca(pki: Pki, stem: str, name: str) -> Paths:
    other = pki.new_ca("another root", None)
    pki.issuers.remove(other)
    return pki.issue(stem, name, issuer=other)


def _revoked(pki: Pki, stem: str, name: str) -> Paths:
    paths = pki.issue(stem, name)
    pki.revoke(paths)
    return paths


def _revoked_intermediate(pki: Pki, stem: str, name: str) -> Paths:
    middle = pki.new_ca("a revoked intermediate", pki.root)
    pki.revoked.append(middle.certificate.serial_number)
    return pki.issue(stem, name, issuer=middle, chain=(middle,))


def _constrained(pki: Pki, stem: str, name: str) -> Paths:
    middle = pki.new_ca("a constrained intermediate", pki.root, permitted="elsewhere")
    return pki.issue(stem, name, issuer=middle, chain=(middle,))


def _truncated(pki: Pki, stem: str, name: str) -> Paths:
    middle = pki.new_ca("an unsent intermediate", pki.root)
    return pki.issue(stem, name, issuer=middle)


def _by_openssl(pki: Pki, stem: str, name: str, *words: str) -> Paths:
    """Let openssl write what the library refuses to write."""
    folder = pki.folder
    root, request, extensions = folder / "root.key", folder / f"{stem}.csr", folder / "extensions"
    paths = Paths(folder / f"{stem}.pem", folder / f"{stem}.key")
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    root.write_bytes(pki.root.key.private_bytes(*plain))
    extensions.write_text(_EXTENSIONS, encoding="ascii")
    openssl = shutil.which("openssl") or "/usr/bin/openssl"
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/O=attack/CN={name}")
    signed = ("-CA", pki.ca, "-CAkey", root, "-days", "30", "-extfile", extensions, "-out", paths.certificate)
    commands: tuple[list[str | Path], ...] = (
        [openssl, "req", *new, "-keyout", paths.key, "-out", request],
        [openssl, "x509", "-req", "-in", request, *signed, *words],
    )
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    return paths


_MAKERS: dict[str, Callable[[Pki, str, str], Paths]] = {
    "sha1": lambda pki, stem, name: _by_openssl(pki, stem, name, "-sha1", "-set_serial", "77"),
    "serial_0": lambda pki, stem, name: _by_openssl(pki, stem, name, "-sha256", "-set_serial", "0"),
    "self_signed": lambda pki, stem, name: pki.self_signed(stem, name),
    "other_ca": _other_ca,
    "revoked_crl": _revoked,
    "revoked_intermediate": _revoked_intermediate,
    "name_constraint_violation": _constrained,
    "truncated_chain": _truncated,
}
