"""This file is a package index on loopback; it guards that what is fetched from it is counted.

It serves a wheel and a source package of one name. Building the source package would run a program that leaves a file,
as one that calls home would.
"""

import contextlib
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, VERSION = "isolane_canary", "1.0"
WHEEL = f"{NAME}-{VERSION}-py3-none-any.whl"
SOURCE = f"{NAME}-{VERSION}.tar.gz"


@dataclass
class Index:
    """A running index.

    Attributes:
        address: Of its simple pages.
        files: By name.
        fetched: Names of files, in the order in which they were asked for.
    """

    address: str
    files: dict[str, bytes]
    fetched: list[str] = field(default_factory=list)

    def digest(self, name: str) -> str:
        """Give a file's sha256."""
        return hashlib.sha256(self.files[name]).hexdigest()


def wheel(says: str) -> bytes:
    """Make a wheel whose one module says something."""
    info = f"{NAME}-{VERSION}.dist-info"
    files = {
        f"{NAME}.py": f"SAYS = {says!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: harness\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return body.getvalue()


def source(trace: Path) -> bytes:
    """Make a source package that leaves a trace when it is built."""
    program = (
        f"open({str(trace)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name={NAME!r}, version={VERSION!r})\n"
    )
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        for name, text in {"setup.py": program, "PKG-INFO": f"Name: {NAME}\nVersion: {VERSION}\n"}.items():
            entry = tarfile.TarInfo(f"{NAME}-{VERSION}/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return body.getvalue()


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Index]:
    """Serve files of the one package."""
    index = Index("", files)

    class Pages(BaseHTTPRequestHandler):
        """The simple page of the package, and its files."""

        def do_GET(self) -> None:
            name = self.path.rstrip("/").rpartition("/")[2]
            body = files.get(name)
            if body is not None:
                index.fetched.append(name)
            elif name == NAME.replace("_", "-"):
                body = "".join(f'<a href="/files/{file}">{file}</a>' for file in files).encode()
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    index.address = f"http://127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
