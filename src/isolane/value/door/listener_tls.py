"""This file holds a listener's TLS context and makes it anew.

It guards that new handshakes use what lies on the disk, living connections keep what they have, and files that do not
fit together change nothing.
"""

import ssl

from isolane.core.failures import IsolaneError
from isolane.security.tls import Chain, ClientTrust, charger_context
from isolane.value import der
from isolane.value.access.settings import Listener
from isolane.value.expiry import first_certificate

_PUBLIC_KEY = 5
"""Its place in a TBSCertificate without version: serialNumber, signature, issuer, validity, subject, this."""


class ListenerTls:
    """The TLS of one listener.

    Args:
        listener: One with a certificate.

    Attributes:
        context: For the next handshake.

    Raises:
        IsolaneError: A file cannot be used.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.context = _build(listener)

    def reload(self) -> None:
        """Read the files again.

        Raises:
            IsolaneError: A file cannot be used; the context stays what it was.
        """
        self.context = _build(self._listener)


def _build(listener: Listener) -> ssl.SSLContext:
    pairs = (
        (listener.certificate, listener.key),
        (listener.second_certificate, listener.second_key),
    )
    chains = [Chain(certificate, key) for certificate, key in pairs if certificate is not None and key is not None]
    clients = None
    if listener.client_ca is not None:
        clients = ClientTrust(listener.client_ca, listener.crl, listener.crl_check == "chain")
    context = charger_context(chains, listener.suites, clients)
    if len({_key_kind(chain) for chain in chains}) != len(chains):
        raise IsolaneError(
            f"{chains[0].certificate} and {chains[1].certificate} have keys of one kind, so one would never be used",
            "give one RSA and one ECDSA chain",
        )
    return context


def _key_kind(chain: Chain) -> bytes:
    """Give the object identifier of a certificate's public key algorithm."""
    try:
        fields = der.first(der.first(first_certificate(chain.certificate)).contents).children()
        key = [field for field in fields if field.tag != der.VERSION][_PUBLIC_KEY]
        return key.children()[0].children()[0].contents
    except (ValueError, IndexError, OSError) as error:
        raise IsolaneError(
            f"{chain.certificate} holds no certificate", "give a PEM chain, the own one first"
        ) from error
