"""This file runs Debian's rsyslog as a syslog server with mutual TLS; it guards that what it read is told in its words.

It listens on loopback, takes only clients with a certificate of the test's authority, has rsyslog's own parsers read
head and structured data, and writes what they found as one JSON object a line. `records` reads these back.
"""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.broker import Pki
from support.server_process import ServerProcess

RSYSLOGD = "/usr/sbin/rsyslogd"
_CONF = """
global(workDirectory="{folder}" net.enableDNS="off"
       defaultNetstreamDriverCAFile="{ca}"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="{driver}" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
module(load="mmpstrucdata" sd_name.lowercase="off")
template(name="line" type="list") {{
    constant(value="{{")
    property(outname="facility" name="syslogfacility" format="jsonf") constant(value=",")
    property(outname="severity" name="syslogseverity" format="jsonf") constant(value=",")
    property(outname="version" name="protocol-version" format="jsonf") constant(value=",")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf") constant(value=",")
    property(outname="host" name="hostname" format="jsonf") constant(value=",")
    property(outname="app" name="app-name" format="jsonf") constant(value=",")
    property(outname="process" name="procid" format="jsonf") constant(value=",")
    property(outname="kind" name="msgid" format="jsonf") constant(value=",")
    property(outname="text" name="msg" format="jsonf")
    constant(value=",\\"data\\":") property(name="$!rfc5424-sd")
    constant(value="}}\\n")
}}
ruleset(name="told") {{
    action(type="mmpstrucdata")
    action(type="omfile" file="{out}" template="line")
}}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="told")
"""


@dataclass(frozen=True)
class Read:
    """One message as rsyslog has read it; every value is text, as in its properties."""

    facility: str
    severity: str
    version: str
    time: str
    host: str
    app: str
    process: str
    kind: str
    text: str
    data: dict[str, dict[str, str]]


class Rsyslog(ServerProcess):
    """One server; `driver` is its TLS library's: gtls or ossl."""

    def __init__(self, folder: Path, pki: Pki, driver: str) -> None:
        super().__init__(folder)
        self._out = folder / "told.jsonl"
        self._conf = folder / "rsyslog.conf"
        self._conf.write_text(
            _CONF.format(
                folder=folder,
                ca=pki.ca,
                certificate=pki.server.certificate,
                key=pki.server.key,
                driver=driver,
                out=self._out,
                port=self.port,
            ),
            encoding="utf-8",
        )

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        return [RSYSLOGD, "-n", "-iNONE", "-f", str(self._conf)]

    def ask(self) -> None:
        """See `ServerProcess.ask`."""
        socket.create_connection(("127.0.0.1", self.port), 1).close()

    def records(self) -> list[Read]:
        """Give the messages it has written so far, in their order."""
        if not self._out.exists():
            return []
        *lines, _ = self._out.read_text(encoding="utf-8").split("\n")
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [Read(**each) for each in found]
