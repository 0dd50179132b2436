"""This file is the device that is read; it guards that any row tells by itself whether it is as it was served.

Each answer has a greater number than the one before, and every signal is a function of that number. A row at the center
is right if its first signal is a number that was served and all others are what that number makes.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from numpy.typing import NDArray

COLUMNS = 300
"""Signals of the page, the number included."""
_FACTORS = np.arange(COLUMNS, dtype=np.int64) * 2_654_435_761 + 1
_MODULUS = (1 << 31) - 1


def key_of(index: int) -> str:
    """Give the key of a signal of the page."""
    return f"0.0/Soak[{index}]/Value"


def values_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give what each number makes, shape (COLUMNS, numbers); the first row is the numbers themselves."""
    made = (numbers[np.newaxis, :] * (_FACTORS % _MODULUS)[:, np.newaxis]) % _MODULUS
    made[0] = numbers
    return made


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked has been killed."""


class Page:
    """Serves the page on a port of loopback from threads of its own."""

    def __init__(self) -> None:
        self.served = 0
        """The greatest number served."""
        self._lock = threading.Lock()
        page = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Serve the next number."""
                body = page.next_body()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def next_body(self) -> bytes:
        """Give the page of the next number."""
        with self._lock:
            self.served += 1
            number = self.served
        column = values_of(np.array([number], np.int64))[:, 0]
        return json.dumps({f"v{index}": int(value) for index, value in enumerate(column)}).encode()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
