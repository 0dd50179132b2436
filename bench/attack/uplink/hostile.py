"""This file is whoever stands where the center should be; it guards that what he is given away is on record."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from isolane.security.authority import Authority, Identity

_PAGE = b"<html><body>Welcome to our free network. Please accept the terms.</body></html>"
_HEADS = {
    "portal_200_html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
    "302": b"HTTP/1.1 302 Found\r\nLocation: https://portal.example/login\r\n",
    "407": b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\n',
}
UNPROVEN = ("other_ca", "wrong_host", "expired")
"""Who cannot prove to be the center."""
KINDS = (*UNPROVEN, *_HEADS)


def forged(pki: Path, stem: str, common_name: str, hosts: Sequence[str] = (), *, days: int = 30) -> Identity:
    """Sign a certificate with a CA's key as somebody who has stolen it would: whatever name, whatever time.

    Args:
        pki: Folder of ca.pem and ca.key.
        stem: Of the two files.
        common_name: Any text.
        hosts: Of a server; none for a client.
        days: How long it is valid from yesterday on; below 0 it has ended.
    """
    ca = x509.load_pem_x509_certificate((pki / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("not an EC key")
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=40))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    made = Identity(pki / f"{stem}.pem", pki / f"{stem}.key")
    made.certificate.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    return made


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Hostile:
    """Serves both ways to the center on one port.

    Args:
        kind: One of `KINDS`.
        pki: Folder of the site's CA.

    Attributes:
        came: Connections.
        heard_bytes: What was sent inside TLS.
        certificates: Client certificates that were shown.
    """

    def __init__(self, kind: str, pki: Path) -> None:
        self.kind = kind
        self.came = self.heard_bytes = self.certificates = 0
        self.port = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = self._identity(pki)
        self._context.load_cert_chain(own.certificate, own.key)
        self._context.load_verify_locations(pki / "ca.pem")
        self._context.verify_mode = ssl.CERT_OPTIONAL

    def _identity(self, pki: Path) -> Identity:
        stem = f"hostile-{self.kind}"
        if self.kind == "other_ca":
            other = Authority(pki / "other")
            other.create("site")  # of the same name
            return other.issue(stem, common_name="127.0.0.1", hosts=("127.0.0.1", "localhost"))
        hosts = ("center.example",) if self.kind == "wrong_host" else ("127.0.0.1", "localhost")
        return forged(pki, stem, "127.0.0.1", hosts, days=-1 if self.kind == "expired" else 30)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Hostile"]:
        """Serve until the block ends."""
        raw = await asyncio.start_server(self._count, "127.0.0.1", 0)
        inner = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._inner = inner.sockets[0].getsockname()[1]
        self.port = raw.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            raw.close()
            inner.close()

    async def _count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count who comes, TLS or not, and pass him on."""
        self.came += 1
        with contextlib.suppress(OSError):
            far, near = await asyncio.open_connection("127.0.0.1", self._inner)

            async def flow(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                with contextlib.suppress(OSError):
                    while data := await source.read(65_536):
                        sink.write(data)
                        await sink.drain()

            both = [asyncio.create_task(flow(reader, near)), asyncio.create_task(flow(far, writer))]
            _, rest = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            near.close()
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.certificates += writer.get_extra_info("peercert") not in (None, {})
        try:
            while data := await reader.read(65_536):
                self.heard_bytes += len(data)
                if self.kind in _HEADS:
                    head = _HEADS[self.kind] + b"Content-Length: %d\r\n\r\n" % len(_PAGE)
                    writer.write(head + _PAGE)
                    await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()
