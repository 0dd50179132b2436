"""This file keeps one leg's key and certificate; it guards that whatever stops it leaves the old pair or the new one.

Layout of a folder, which only its process's user opens::

    current -> 2        what settings point at: current/chain.pem, current/key.pem, current/trust.pem
    2/                  chain.pem (own certificate first), key.pem, trust.pem (whom servers must be signed by)
    next/               key.pem, and request.pem: between the request and the certificate

Operation: `request` makes a key, or takes the one that waits, so that whoever asks again asks for the same key.
`install` checks key, name and chain, completes ``next``, gives it its number and only then moves ``current``. Each step
is one rename after a flush; one that a power cut took the last step from is finished by whoever comes next. The pair in
use and the one before are kept.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.security.identities import check_chain

CHAIN: Final = "chain.pem"
KEY: Final = "key.pem"
TRUST: Final = "trust.pem"
_KEPT: Final = 2
_PEM: Final = serialization.Encoding.PEM

Certificates = Sequence[x509.Certificate]


class LegFolder:
    """One leg.

    Args:
        folder: See the top of this file; made by the first request.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next = folder / "next"
        self.current = folder / "current"

    def certificates(self) -> list[x509.Certificate]:
        """Give the chain in use, the own certificate first; empty if there is none.

        Raises:
            IsolaneError: It cannot be read.
        """
        self._finish()
        file = self.current / CHAIN
        if not file.exists():
            return []
        try:
            return x509.load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError) as error:
            raise IsolaneError(f"cannot read {file}: {error}", "enrol again") from error

    def request(self, subject: x509.Name) -> x509.CertificateSigningRequest:
        """Make a request, for the key of the last one if that was never answered.

        Args:
            subject: That of the certificate.

        Raises:
            IsolaneError: The folder cannot be written, or its waiting key cannot be read.
        """
        self._finish()
        try:
            self._next.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self._next / KEY
            if not file.exists():
                replace_file(file, _write_key(ec.generate_private_key(ec.SECP256R1())))
            key = _read_key(file)
            made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
            replace_file(self._next / "request.pem", made.public_bytes(_PEM))
        except OSError as error:
            raise self._unwritable(error) from error
        return made

    def install(self, name: str, answer: Certificates, authorities: Certificates) -> x509.Certificate:
        """Put a certificate in use.

        Args:
            name: The CN that it must have.
            answer: The own certificate and intermediates, in any order.
            authorities: What the CA says its certificates are; the own one must lead to one of them.

        Returns:
            The own certificate.

        Raises:
            IsolaneError: It is not for the key that waits, not for this name, or not of these; nothing has changed.
        """
        if not (self._next / KEY).exists():
            raise IsolaneError(f"nothing waits in {self._folder}", "make a request first")
        key = _read_key(self._next / KEY).public_key()
        own = next((each for each in answer if each.public_key() == key), None)
        if own is None:
            raise IsolaneError(f"no certificate that came is for the key in {self._next}", "ask again")
        names = [str(each.value) for each in own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [name]:
            raise IsolaneError(f"the certificate that came is for {names}, not for {name!r}", "check the name")
        chain = [own, *(each for each in answer if each != own and each not in authorities)]
        check_chain([own, *answer], authorities, "the certificate that came")
        trust = [each for each in authorities if _signs_servers(each)] or list(authorities)
        try:
            replace_file(self._next / CHAIN, _write(chain))
            replace_file(self._next / TRUST, _write(trust))
            self._next.replace(self._folder / str(max([0, *self._numbers()]) + 1))
            self._finish()
            self._prune()
        except OSError as error:
            raise self._unwritable(error) from error
        return own

    def drop_request(self) -> None:
        """Forget a request that will not be answered; the next one is for a new key."""
        shutil.rmtree(self._next, ignore_errors=True)

    def _finish(self) -> None:
        """Let ``current`` point at the newest pair, which is whole: its number was the last thing it got."""
        numbers = self._numbers()
        if not numbers:
            return
        newest = str(max(numbers))
        try:
            if self.current.is_symlink() and os.readlink(self.current) == newest:  # noqa: PTH115 - the text of the link
                return
            moved = self._folder / ".current.new"
            moved.unlink(missing_ok=True)
            moved.symlink_to(newest)
            moved.replace(self.current)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error) from error

    def _prune(self) -> None:
        for number in sorted(self._numbers())[:-_KEPT]:
            shutil.rmtree(self._folder / str(number), ignore_errors=True)

    def _numbers(self) -> list[int]:
        with contextlib.suppress(FileNotFoundError):
            return [int(path.name) for path in self._folder.iterdir() if path.name.isdigit()]
        return []

    def _unwritable(self, error: OSError) -> IsolaneError:
        return IsolaneError(f"cannot write {self._folder}: {error.strerror}", "run this as the folder's owner")


def subject_of(name: str) -> x509.Name:
    """Give a subject that is a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signs_servers(authority: x509.Certificate) -> bool:
    """Tell whether a CA may sign servers; one of clients alone says so."""
    try:
        usage = authority.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage


def _write(certificates: Certificates) -> bytes:
    return b"".join(each.public_bytes(_PEM) for each in certificates)


def _write_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _read_key(file: Path) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise IsolaneError(f"cannot read {file}: {error}", "remove the folder `next` and enrol again") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise IsolaneError(f"{file} is neither an EC nor an RSA key", "remove the folder `next` and enrol again")
    return key
