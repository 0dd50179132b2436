"""This file is an EST server (RFC 7030) of another make than the center's; it guards that it keeps none of our habits.

An HTTPS server of the standard library before the program openssl, which reads requests, signs and packs answers.
"""

import base64
import contextlib
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from isolane.security.authority import Authority


def _openssl(*words: str | Path) -> bytes:
    return subprocess.run(("openssl", *words), check=True, capture_output=True).stdout  # noqa: S607 - the program of this machine


@dataclass
class OtherCa:
    """What the server has, and what it was asked."""

    folder: Path
    port: int = 0
    refusal: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, path: str, body: bytes, login: str, shown: str) -> bytes:
        """Sign what is asked."""
        self.asked.append((path, login, shown))
        if path.endswith("cacerts"):
            return self._packed(self.folder / "root.pem")
        (self.folder / "in.der").write_bytes(base64.b64decode(body))
        read = ("-inform", "DER", "-in", self.folder / "in.der")
        _openssl("req", *read, "-verify", "-out", self.folder / "in.pem")
        signer = ("-CA", self.folder / "root.pem", "-CAkey", self.folder / "root.key", "-CAcreateserial")
        _openssl("x509", "-req", "-in", self.folder / "in.pem", *signer, "-days", "30", "-out", self.folder / "out.pem")
        return self._packed(self.folder / "out.pem")

    def _packed(self, certificate: Path) -> bytes:
        return base64.encodebytes(_openssl("crl2pkcs7", "-nocrl", "-certfile", certificate, "-outform", "DER"))


def _responder(ca: OtherCa) -> type[http.server.BaseHTTPRequestHandler]:
    class Responder(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            login = base64.b64decode(self.headers.get("authorization", "").removeprefix("Basic ")).decode()
            assert isinstance(self.connection, ssl.SSLSocket)
            shown = (
                x509.load_der_x509_certificate(der) if (der := self.connection.getpeercert(binary_form=True)) else None
            )
            name = shown.subject.rfc4514_string().removeprefix("CN=") if shown else ""
            if ca.refusal:
                self.send_response(ca.refusal)
                self.send_header("retry-after", "7200")
                self.end_headers()
                self.wfile.write(b"not now\n")
                return
            answer = ca.answer(self.path, body, login, name)
            self.send_response(200)
            self.send_header("content-type", "application/pkcs7-mime; smime-type=certs-only")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    return Responder


@contextlib.contextmanager
def other_ca(folder: Path) -> Iterator[OtherCa]:
    """Run one; `folder` then holds ``other/`` with its CA, and ``tls/ca.pem``, which has signed its listener."""
    made = OtherCa(folder / "other")
    made.folder.mkdir()
    new = ("-newkey", "rsa:2048", "-nodes", "-keyout", made.folder / "root.key", "-out", made.folder / "root.pem")
    _openssl("req", "-x509", *new, "-subj", "/CN=Other CA", "-days", "100")
    authority = Authority(folder / "tls")
    authority.create("tls")
    server = authority.issue("server", common_name="127.0.0.1", hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(made.folder / "root.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _responder(made))
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    made.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
