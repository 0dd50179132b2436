"""This file makes every TLS context of isolane; it guards that none of them is ever weaker than the rest.

TLS 1.2 or newer, no compression, no renegotiation. A listener with `client_ca` demands a client certificate. There is
no setting that turns verification off: a link that cannot verify its peer does not come up.
"""

import ssl
from pathlib import Path

from isolane.core.failures import IsolaneError


def server_context(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """Make the context of a listener.

    Args:
        certificate: PEM chain, the server's own certificate first.
        key: PEM private key, unencrypted.
        client_ca: PEM certificates that may sign client certificates; None asks for none.

    Raises:
        IsolaneError: A file cannot be read or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_identity(context, certificate, key)
    if client_ca is not None:
        _load_ca(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


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


def _load_ca(context: ssl.SSLContext, ca: Path) -> None:
    _readable(ca)
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError) as error:
        raise IsolaneError(f"{ca} holds no PEM certificate ({error})", "give a file of PEM certificates") from error


def _readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise IsolaneError(
            f"cannot read {path}: {error.strerror}", "make keys and certificates with `isolane init`"
        ) from error
