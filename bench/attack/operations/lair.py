"""This file is what lies in wait behind the names that the center is told (OC-08), in a network namespace of its own.

It guards that every connection is counted where it arrives: the namespace has loopback, private, link-local, translated
and public addresses, all of them here, and something listens on each. Names are answered by a server that changes its
mind. Commands on standard input, answers as JSON lines: `get PORT PATH`, `report`.
"""

import asyncio
import ipaddress
import json
import socket
import ssl
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PUBLIC, ALLOWED = "9.9.9.9", "10.0.0.1"
INSIDE = ("100.64.0.1", "169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "fec0::1", "fd00::1")
NAMES = {
    "hook.test": [[PUBLIC]],
    "redirect.test": [[PUBLIC]],
    "idp.test": [[PUBLIC]],
    "allowed.test": [[ALLOWED]],
    "rebind.test": [[PUBLIC], ["127.0.0.1"]],
    "both.test": [[PUBLIC, "127.0.0.1"]],
    "inside.test": [["127.0.0.1"]],
    "metadata.test": [["169.254.169.254"]],
}
"""Addresses by name: what is answered first, and from then on."""
SCRIPT = """set -e
ip link set lo up
for address in "$@"; do ip address add "$address" dev lo nodad 2>/dev/null || ip address add "$address" dev lo; done
mount --bind "$FOLDER/resolv.conf" /etc/resolv.conf
mount --bind "$FOLDER/nsswitch.conf" /etc/nsswitch.conf
"""
_TYPE_A = 1
_DISCOVERY = {
    "issuer": "https://idp.test",
    "authorization_endpoint": "https://idp.test/a",
    "token_endpoint": "https://idp.test/t",
    "jwks_uri": "https://idp.test/k",
}
_HOSTILE: list[dict[str, str]] = [
    {name: url}
    for url in ("https://127.0.0.1/", "http://169.254.169.254/", "https://inside.test/", "file:///etc/passwd")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
]


class Lair:
    """What was seen."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self.came: list[tuple[str, int]] = []
        self.posts: Counter[str] = Counter()
        self.questions: Counter[str] = Counter()
        self._discoveries = 0

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count a connection, then play along."""
        address, port = writer.get_extra_info("sockname")[:2]
        self.came.append((str(address), int(port)))
        try:
            async with asyncio.timeout(10):
                if port == 443:
                    await writer.start_tls(self._tls)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                host = next((line[6:] for line in head.splitlines() if line.lower().startswith("host: ")), "")
                self.posts[host] += 1
                writer.write(self._answer(host, head.split(" ")[1]))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, host: str, path: str) -> bytes:
        status, more, body = "200 OK", "", ""
        if host == "redirect.test":
            status, more = "302 Found", f"Location: http://127.0.0.1{path}\r\n"
        elif path == "/.well-known/openid-configuration":
            turn, self._discoveries = self._discoveries, self._discoveries + 1
            if turn < len(_HOSTILE):
                body = json.dumps(_DISCOVERY | _HOSTILE[turn])
            elif turn == len(_HOSTILE):
                status, more = "302 Found", "Location: https://169.254.169.254/\r\n"
            else:
                body = json.dumps(_DISCOVERY)
        return f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


class Names(asyncio.DatagramProtocol):
    """A name server that gives the first answer once."""

    def __init__(self, lair: Lair) -> None:
        self._lair = lair

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        end, labels = 12, []
        while data[end]:
            labels.append(data[end + 1 : end + 1 + data[end]].decode("ascii", "replace"))
            end += 1 + data[end]
        question, name = data[12 : end + 5], ".".join(labels).lower()
        wanted = int.from_bytes(data[end + 1 : end + 3], "big")
        addresses: list[str] = []
        if wanted == _TYPE_A and name in NAMES:
            answers = NAMES[name]
            addresses = answers[min(self._lair.questions[name], len(answers) - 1)]
            self._lair.questions[name] += 1
        code = b"\x81\x80" if name in NAMES else b"\x81\x83"
        records = b"".join(
            b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + ipaddress.IPv4Address(one).packed for one in addresses
        )
        head = data[:2] + code + b"\x00\x01" + len(addresses).to_bytes(2, "big") + b"\x00\x00\x00\x00"
        self._transport.sendto(head + question + records, addr)


async def main(folder: Path) -> None:
    """Furnish the namespace, listen everywhere, obey."""
    addresses = [f"{one}/{128 if ':' in one else 32}" for one in (PUBLIC, ALLOWED, *INSIDE)]
    furnished = subprocess.run(  # noqa: ASYNC221 - nothing else runs yet; our own script
        ["/bin/sh", "-c", SCRIPT, "sh", *addresses],
        check=False,
        env={"FOLDER": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    if furnished.returncode:
        raise SystemExit("the namespace cannot be furnished")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "lair.pem")
    lair = Lair(tls)
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for port in (80, 443):
            await asyncio.start_server(lair.welcome, host, port, family=family)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Names(lair), local_addr=("127.0.0.1", 53))
    print(json.dumps({"ready": True}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        words = line.split()
        if words[0] == "get":
            answer: dict[str, Any] = {"status": await _get(int(words[1]), words[2])}
        else:
            answer = {"came": lair.came, "posts": dict(lair.posts), "questions": dict(lair.questions)}
        print(json.dumps(answer), flush=True)


async def _get(port: int, path: str) -> int:
    """Ask the center in here, as a browser behind its proxy does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: center.test\r\nConnection: close\r\n\r\n".encode())
    line = (await asyncio.wait_for(reader.readline(), 20)).split()
    writer.close()
    return int(line[1]) if len(line) > 1 else 0


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
