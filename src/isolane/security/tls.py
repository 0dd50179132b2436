"""This file makes every TLS context of isolane; it guards that none of them is ever weaker than the rest.

TLS 1.2 or newer, no compression, no renegotiation, no key log, keys and signatures of OpenSSL's security level 2 (RSA
from 2048 bits, curves from 224, no SHA-1). A listener with `client_ca` demands a client certificate. There is
no setting that turns verification off: a link that cannot verify its peer does not come up.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from isolane.core.failures import IsolaneError
from isolane.security.published_keys import is_published

Suites = Literal["ocpp", "modern"]

_ECDSA = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
_SUITES: Final[dict[Suites, str]] = {
    "ocpp": f"{_ECDSA}:AES128-GCM-SHA256:AES256-GCM-SHA384:@SECLEVEL=2",
    "modern": f"{_ECDSA}:@SECLEVEL=2",
}
"""For TLS 1.2; the suites of TLS 1.3 come by themselves. OCPP's four are in OpenSSL's words
TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_RSA_WITH_AES_128_GCM_SHA256 and
TLS_RSA_WITH_AES_256_GCM_SHA384. The last two, whose session keys fall with the server's key, are not "modern".

Source: OCPP 2.0.1 part 2, A00.FR.318 and A00.FR.319; OCPP 1.6 security whitepaper ed. 3, the same requirements.
"""
_CRL_BYTES_MAX = 16 * 1024 * 1024
"""About 400,000 revoked certificates; a larger file is a mistake or an attack on memory."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a PEM chain, the own certificate first, and its unencrypted key are."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ClientTrust:
    """Which client certificates a listener takes.

    Attributes:
        ca: PEM certificates that may sign them.
        crl: PEM revocation lists of their issuers, None for none. A list that is out of date lets nobody in.
        whole_chain: Whether intermediate certificates must be on no list either; then every CA needs one.
    """

    ca: Path
    crl: Path | None = None
    whole_chain: bool = False


def charger_context(
    chains: Sequence[Chain], suites: Suites = "ocpp", clients: ClientTrust | None = None
) -> ssl.SSLContext:
    """Make the context of a listener for chargers: exactly the suites that OCPP names, and TLS 1.3.

    Args:
        chains: One, or one RSA and one ECDSA, so that each kind of charger finds its suite.
        suites: "ocpp", or "modern" for those that keep a recorded session secret when a key is lost later.
        clients: Who must show a certificate; None asks for none. Such a listener gives no tickets, so that no
            session outlives the context: a revocation list that is loaded anew holds for everybody who comes.

    Raises:
        IsolaneError: A file cannot be read or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    context.set_ciphers(_SUITES[suites])
    for chain in chains:
        _load_identity(context, chain.certificate, chain.key)
    if clients is not None:
        _load_ca(context, clients.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        if clients.crl is not None:
            _load_crl(context, clients.crl, whole_chain=clients.whole_chain)
    return context


def server_context(
    certificate: Path, key: Path, client_ca: Path | None = None, crl: Path | None = None
) -> ssl.SSLContext:
    """Make the context of a listener.

    Args:
        certificate: PEM chain, the server's own certificate first.
        key: PEM private key, unencrypted.
        client_ca: PEM certificates that may sign client certificates; None asks for none.
        crl: PEM revocation list of that CA, None for none.

    Raises:
        IsolaneError: A file cannot be read or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_identity(context, certificate, key)
    if client_ca is not None:
        _load_ca(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        # A session that is taken up again brings no certificate, and none would be looked up in a newer list.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        if crl is not None:
            _load_crl(context, crl, whole_chain=False)
    return context


def trust_also(context: ssl.SSLContext, ca: Path, crl: Path) -> None:
    """Let a listener's context take the clients of another CA too, which must be on no list.

    Args:
        context: Asks for client certificates; every CA that it trusts needs a list from now on.
        ca: PEM certificates that may sign client certificates.
        crl: PEM revocation list of that CA.

    Raises:
        IsolaneError: A file cannot be read or is not what it should be.
    """
    _load_ca(context, ca)
    _load_crl(context, crl, whole_chain=False)


def renew_list(context: ssl.SSLContext, crl: Path) -> None:
    """Let a context that is in use go by a newer list of the same CA from now on; connections that live go on.

    Raises:
        IsolaneError: The file cannot be read or is not what it should be; the old list stays.
    """
    _load_crl(context, crl, whole_chain=False)


def client_context(ca: Path | None = None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Make the context of an outgoing leg or link; the peer's chain and name are always verified.

    Args:
        ca: PEM certificates to trust; None trusts the system's store.
        certificate: PEM chain of our own client identity; None for none.
        key: PEM private key of `certificate`.

    Raises:
        IsolaneError: A file cannot be read or is not what it should be, or only one of certificate and key is given.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_ca(context, ca)
    if (certificate is None) != (key is None):
        raise IsolaneError("a client identity needs both `certificate` and `key`", "give both or neither")
    if certificate is not None and key is not None:
        _load_identity(context, certificate, key)
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _load_identity(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        _readable(path)
    try:
        # An empty password instead of none, so that an encrypted key is an error here and not a question on a terminal.
        context.load_cert_chain(certificate, key, password=b"")
    except (ssl.SSLError, OSError) as error:
        raise IsolaneError(
            f"{certificate} and {key} are not a PEM certificate chain and its unencrypted key ({error})",
            "check that the key belongs to the first certificate of the chain",
        ) from error
    if is_published(certificate):
        raise IsolaneError(
            f"{key} is a test key that everybody has (RFC 9500)", "make a key of your own: isolane init, or your CA"
        )


def _load_ca(context: ssl.SSLContext, ca: Path) -> None:
    _readable(ca)
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError) as error:
        raise IsolaneError(f"{ca} holds no PEM certificate ({error})", "give a file of PEM certificates") from error


def _load_crl(context: ssl.SSLContext, crl: Path, *, whole_chain: bool) -> None:
    _readable(crl)
    if crl.stat().st_size > _CRL_BYTES_MAX:
        raise IsolaneError(f"{crl} is larger than {_CRL_BYTES_MAX} bytes", "give the lists of the charger CAs only")
    try:
        context.load_verify_locations(crl)
    except (ssl.SSLError, OSError) as error:
        raise IsolaneError(f"{crl} holds no PEM revocation list ({error})", "give a file of PEM CRLs") from error
    if not context.cert_store_stats()["crl"]:
        raise IsolaneError(f"{crl} holds no PEM revocation list", "give a file of PEM CRLs")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN if whole_chain else ssl.VERIFY_CRL_CHECK_LEAF


def _readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise IsolaneError(
            f"cannot read {path}: {error.strerror}", "make keys and certificates with `isolane init`"
        ) from error
