"""This file is a center that proposes what a test wants, on plain sockets; it guards that a signer can be lied to.

It speaks the four requests that a signer sends and nothing else, and it is as hostile as the test makes it.
"""

import asyncio
import base64
import json
import re

from isolane.wire.command import Command, write
from support.stream_server import StreamServer
from support.web_page import response

_HEAD = re.compile(rb"(GET|POST) (\S+) HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def text_of(data: bytes) -> str:
    """Write bytes as the center's API does."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class ProposingCenter(StreamServer):
    """The center.

    Attributes:
        proposals: What it gives for a name: payload, statement, and whatever it says beside them.
        manifests: Envelopes that it gives as newer key manifests.
        status: What it answers to a signature.
        signatures: What it was sent: name of the command, and the body.
        asked: Heads of all requests.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proposals: dict[str, dict[str, object]] = {}
        self.manifests: list[bytes] = []
        self.status = "200 OK"
        self.raw: bytes | None = None
        self.signatures: list[tuple[str, dict[str, str]]] = []
        self.asked: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def propose(self, command: Command, statement: bytes = b"", *, under: str = "") -> str:
        """Propose a command, under its own name or another; gives that name."""
        jti = under or command.jti
        lies = {"verb": "status", "words": "it changes nothing", "gateway": "gw-99"}
        self.proposals[jti] = {"payload": text_of(write(command)), "statement": text_of(statement), **lies}
        return jti

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            found = _HEAD.match(head)
            assert found
            writer.write(self._answer(found[1].decode(), found[2].decode(), body))
            await writer.drain()

    def _answer(self, method: str, path: str, body: bytes) -> bytes:
        steps = path.partition("?")[0].removeprefix("/api/v1/").split("/")
        if self.raw is not None:
            return self.raw
        if method == "POST":
            self.signatures.append((steps[1], json.loads(body)))
            return response(b"{}", self.status)
        if steps == ["keys"]:
            return _json([{"envelope": each.decode()} for each in self.manifests])
        if steps == ["commands"]:
            return _json({"commands": list(self.proposals.values())})
        found = self.proposals.get(steps[-1])
        return response(b"{}", "404 Not Found") if found is None else _json(found)


def _json(value: object) -> bytes:
    return response(json.dumps(value).encode(), more="Content-Type: application/json\r\n")
