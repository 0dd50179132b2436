"""This file asks an EST server for certificates; it guards that no secret goes to who is not known.

A server is known by a certificate authority, or, at the first contact, by the very certificate that an enrolment code
is for. In that case TLS itself verifies nothing; the certificate is compared before a byte of the request is sent.

Source: RFC 7030 (`/cacerts`, `/simpleenroll`, `/simplereenroll`).
"""

import base64
import http.client
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from isolane.core.failures import IsolaneError
from isolane.security.enrolment_code import EnrolmentCode
from isolane.security.est import ANSWER_BYTES_MAX, PATH, REQUEST_TYPE, read_certificates, write_request
from isolane.security.tls import client_context

_SAID_CHARS_MAX = 200


class EstError(IsolaneError):
    """A server that gave no certificate.

    Args:
        what: Why.
        status: Of its answer, 0 for none.
        retry_after_s: When to ask again, if it has told.
    """

    def __init__(self, what: str, *, status: int = 0, retry_after_s: int = 0) -> None:
        super().__init__(what, "see what the server says, and its log")
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class EstServer:
    """A server and how to speak to it.

    Attributes:
        url: https://host[:port].
        label: Which of its CAs, the path's part after ``est/``; "" for none.
        trust: PEM certificates that may sign the server's; None trusts the system's. Not used with a code.
        code: First contact: the server is who this code is for.
        certificate: Our own chain, PEM, and
        key: its key.
        login: User name and password for HTTP Basic, None for none.
        timeout_s: Longest wait, s.
    """

    url: str
    label: str = ""
    trust: Path | None = None
    code: EnrolmentCode | None = None
    certificate: Path | None = None
    key: Path | None = None
    login: tuple[str, str] | None = field(default=None, repr=False)
    timeout_s: float = 30.0

    def authorities(self) -> list[x509.Certificate]:
        """Ask for the CA's certificates.

        Raises:
            IsolaneError: There is no answer (EstError), or a file cannot be read.
        """
        return self._ask("GET", "cacerts", None)

    def enrol(self, request: x509.CertificateSigningRequest) -> list[x509.Certificate]:
        """Ask for the first certificate.

        Raises:
            IsolaneError: See `authorities`.
        """
        return self._ask("POST", "simpleenroll", write_request(request))

    def renew(self, request: x509.CertificateSigningRequest) -> list[x509.Certificate]:
        """Ask for the next certificate with the one in use.

        Raises:
            IsolaneError: See `authorities`.
        """
        return self._ask("POST", "simplereenroll", write_request(request))

    def _ask(self, method: str, what: str, body: bytes | None) -> list[x509.Certificate]:
        path = "/".join([urlsplit(self.url).path.rstrip("/") + PATH, *([self.label] if self.label else []), what])
        headers = {"accept": "application/pkcs7-mime", "user-agent": "isolane"}
        if body is not None:
            headers |= {"content-type": REQUEST_TYPE, "content-transfer-encoding": "base64"}
        if self.login is not None:
            headers["authorization"] = "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        try:
            connection = self._connect()
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                data = response.read(ANSWER_BYTES_MAX + 1)
            finally:
                connection.close()
            if response.status != http.client.OK:
                raise _refused(self.url, response, data)
            return read_certificates(data)
        except (OSError, http.client.HTTPException) as error:
            raise EstError(f"cannot ask {self.url}: {str(error) or type(error).__name__}") from error
        except ValueError as error:
            raise EstError(f"{self.url} gave no certificates: {error}") from error

    def _connect(self) -> http.client.HTTPSConnection:
        place = urlsplit(self.url)
        if place.scheme != "https" or not place.hostname:
            raise IsolaneError(f"{self.url!r} is no address of a server", "write https://host:port")
        context = client_context(self.trust, self.certificate, self.key)
        if self.code is not None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            place.hostname, place.port or 443, timeout=self.timeout_s, context=context
        )
        connection.connect()
        if self.code is not None:
            shown = connection.sock.getpeercert(binary_form=True)
            if shown is None or not self.code.is_of(shown):
                connection.close()
                raise IsolaneError(
                    f"who answers at {self.url} is not who this code is for; nothing was sent",
                    "check the address, ask for a new code, and beware of a proxy that opens TLS",
                )
        return connection


def _refused(url: str, response: http.client.HTTPResponse, data: bytes) -> EstError:
    said = data[:_SAID_CHARS_MAX].decode("utf-8", "replace").strip()
    words = "".join(char if char.isprintable() else " " for char in said)
    after = response.getheader("retry-after", "")
    return EstError(
        f"{url} answered {response.status}{f': {words}' if words else ''}",
        status=response.status,
        retry_after_s=int(after) if after.isascii() and after.isdigit() else 0,
    )
