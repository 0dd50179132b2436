"""This file is a server that is sick on purpose; it guards that a tool which finds nothing in it proves nothing."""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_PROBLEM = {"description": "x", "content": {"text/plain": {}}}
_TOKEN = {"token": {"type": "http", "scheme": "bearer"}}


def _route(**more: object) -> dict[str, object]:
    return {"get": {"responses": {"200": _PROBLEM}, **more}}


_DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "sick", "version": "1"},
    "components": {"securitySchemes": _TOKEN},
    "paths": {"/broken": _route(), "/odd": _route(), "/open": _route(security=[{"token": []}])},
}


class _Sick(BaseHTTPRequestHandler):
    """Breaks at /broken, answers what it has not described at /odd, asks nobody at /open, and believes at /find."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        parts = urlsplit(self.path)
        if parts.path == "/find":
            self._say(200, _find(parse_qs(parts.query, keep_blank_values=True).get("name", [""])[0]))
        elif parts.path == "/openapi.json":
            self._say(200, json.dumps(_DESCRIPTION), "application/json")
        else:
            self._say({"/broken": 500, "/odd": 418, "/open": 200}.get(parts.path, 404), "sick")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def _say(self, status: int, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _find(name: str) -> str:
    """Look somebody up as nobody should: his name becomes part of the question."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript("CREATE TABLE people(name, room); INSERT INTO people VALUES('ada', '1'), ('bob', '2')")
        try:
            rows = database.execute(f"SELECT room FROM people WHERE name = '{name}'").fetchall()  # noqa: S608 - on purpose
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            return f"sqlite3 error: {error}"
    return "\n".join(str(room) for (room,) in rows) or "nobody"


@contextlib.contextmanager
def sick_server() -> Iterator[str]:
    """Serve on loopback; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sick) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()
