"""This file lets a TLS context follow its files; it guards that a pair that does not fit changes nothing.

A context that is in use takes a new certificate and key for the connections that come; those that live go on.
"""

import ssl
from pathlib import Path

_Stamp = tuple[int, int, int]


class LiveIdentity:
    """Certificate and key of one context.

    Args:
        context: Has loaded both.
        certificate: PEM chain; None: there is nothing to follow.
        key: PEM private key.
    """

    def __init__(self, context: ssl.SSLContext, certificate: Path | None, key: Path | None) -> None:
        self._context = context
        self._files = [file for file in (certificate, key) if file is not None]
        self._seen = self._stamps()

    def refresh(self) -> bool:
        """Look whether the files have changed, and take them.

        Returns:
            Whether a new pair is in use. One that does not fit, since it is being changed now, is looked at again.
        """
        stamps = self._stamps()
        if stamps == self._seen or None in stamps or not stamps:
            return False
        certificate, key = self._files
        try:
            # OpenSSL would keep a new certificate beside an old key; a throw-away context tells whether they fit.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=b"")
            self._context.load_cert_chain(certificate, key, password=b"")
        except (OSError, ssl.SSLError):
            return False
        self._seen = stamps
        return True

    def _stamps(self) -> list[_Stamp | None]:
        return [_stamp(file) for file in self._files]


def _stamp(file: Path) -> _Stamp | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size
