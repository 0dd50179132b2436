"""This file is a syslog server with TLS that reads strictly; it guards that a malformed message is an error.

The reader is written from RFC 5424, 6 (message) and RFC 5425, 4.3 (octet counting).
"""

import asyncio
import re
import ssl
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.forward import ForwardLink
from isolane.health.links.syslog.link import syslog_link
from isolane.health.links.syslog.settings import SyslogSettings
from isolane.security.tls import server_context
from support.broker import Pki
from support.couriers import Errands
from support.outboxes import GATEWAY, SITE
from support.shipping import at_work
from support.stream_server import StreamServer

_HEAD = re.compile(r"<(0|[1-9][0-9]{0,2})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) ", re.ASCII)
_ID = re.compile(r"[!#-<>-\\^-~]{1,32}")


@dataclass(frozen=True)
class Record:
    """One message."""

    facility: int
    severity: int
    t_ms: int
    host: str
    app: str
    kind: str
    data: dict[str, dict[str, str]]
    text: str


def parse(message: bytes) -> Record:
    """Read one message; raise AssertionError for what RFC 5424 does not allow."""
    line = message.decode("utf-8")
    head = _HEAD.match(line)
    assert head, line
    priority, time_text, host, app, _, kind = head.groups()
    assert int(priority) <= 191
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", time_text)
    moment = datetime.fromisoformat(time_text)
    data, at = _structured(line, head.end())
    text = ""
    if at < len(line):
        assert line[at] == " "
        text = line[at + 1 :]
        assert text.isascii() or text.startswith("\ufeff")
    assert not any(ord(char) < 32 for char in line)
    return Record(int(priority) // 8, int(priority) % 8, round(moment.timestamp() * 1000), host, app, kind, data, text)


def _structured(line: str, at: int) -> tuple[dict[str, dict[str, str]], int]:
    if line[at] == "-":
        return {}, at + 1
    elements: dict[str, dict[str, str]] = {}
    while at < len(line) and line[at] == "[":
        end = next(index for index in range(at, len(line)) if line[index] in " ]")
        name = line[at + 1 : end]
        assert _ID.fullmatch(name)
        assert name not in elements
        pairs: dict[str, str] = {}
        at = end
        while line[at] == " ":
            equals = line.index("=", at)
            key = line[at + 1 : equals]
            assert _ID.fullmatch(key)
            assert line[equals + 1] == '"'
            value, at = _quoted(line, equals + 2)
            pairs[key] = value
        assert line[at] == "]"
        elements[name] = pairs
        at += 1
    assert elements
    return elements, at


def _quoted(line: str, at: int) -> tuple[str, int]:
    out = []
    while line[at] != '"':
        assert line[at] != "]", "an unescaped bracket"
        if line[at] == "\\" and line[at + 1] in '"\\]':
            at += 1
        out.append(line[at])
        at += 1
    return "".join(out), at + 1


class SyslogTarget(StreamServer):
    """A server on loopback.

    Args:
        pki: Whose certificates are used from the next start on.
        hangs: Whether it accepts and says nothing.
    """

    def __init__(self, pki: Pki, *, hangs: bool = False) -> None:
        super().__init__()
        self.pki = pki
        self.hangs = hangs
        self.records: list[Record] = []
        self.numbers: list[int] = []
        self.asked: list[float] = []

    def tls(self) -> ssl.SSLContext | None:
        if self.hangs:
            return None
        return server_context(self.pki.server.certificate, self.pki.server.key, self.pki.ca)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer  # nobody answers in syslog
        self.asked.append(time.monotonic())
        if self.hangs:
            await reader.read()
        while True:
            length = await reader.readuntil(b" ")
            assert re.fullmatch(rb"[1-9][0-9]* ", length)
            record = parse(await reader.readexactly(int(length)))
            self.records.append(record)
            if record.kind == "state":
                (pairs,) = record.data.values()
                self.numbers.append(int(pairs["to"]))


def syslog_table(port: int, pki: Pki, **more: float) -> SyslogSettings:
    """Give a link's table, quick to notice what is wrong."""
    return SyslogSettings(
        host="localhost",
        port=port,
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        **{"reconnect_s_max": 0.1, "dead_s": 2, "settle_s": 0.1, **more},  # type: ignore[arg-type]
    )


def telling(settings: SyslogSettings, errands: Errands) -> AbstractAsyncContextManager[ForwardLink]:
    """Run a link of that table."""
    return at_work(syslog_link(settings, Site(name=SITE, gateway=GATEWAY, run_dir=Path()), SystemClock()), errands)
