"""This file runs the center for tests, as a process or in pieces; it guards that what it starts it also stops."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.quota import Gates
from isolane.center.ingest.settings import CommitSettings, QuotaSettings
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.security.authority import Identity
from isolane.security.event_lines import EventLines
from support.broker import Pki

_PROGRAM = """
import asyncio, logging, sys
from pathlib import Path
from isolane.center.app import run
from isolane.center.settings import CenterSettings
from isolane.config.load import load
logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
asyncio.run(run(load(Path(sys.argv[1]), "center", CenterSettings)))
"""
_READY = re.compile(r"ready console=http://127\.0\.0\.1:(\d+) ingest=(\S+)")


class CenterPki:
    """The certificates of a center and two gateways, gw-1 and gw-2."""

    def __init__(self, pki: Pki, second: Identity) -> None:
        self.pki = pki
        self.ca, self.server, self.center = pki.ca, pki.server, pki.center
        self.gateways = {"gw-1": pki.gateway, "gw-2": second}


class OpenCenter:
    """An open store and the intake before it, which is run by the fixture."""

    def __init__(self, catalogue: SqlCatalogue, telemetry: EmbeddedTelemetry) -> None:
        self.catalogue = catalogue
        self.telemetry = telemetry
        self.counters = IngestCounters()
        self.gates = Gates(QuotaSettings())
        self.events = EventLines()
        self.suspicions = Suspicions(self.events)
        self.intake = Intake(catalogue, telemetry, CommitSettings(window_ms=1), self.counters)


HTTPS_CENTER = """
[center]
data = "data"
console = "127.0.0.1:0"

[center.https]
address = "127.0.0.1:0"
certificate = "{pki.server.certificate}"
key = "{pki.server.key}"
client_ca = "{pki.ca}"

[center.commit]
window_ms = 0
"""
"""Settings of a center that takes blocks over HTTPS from gateways with certificates; format it with `pki`."""


class CenterProcess:
    """A center of its own process.

    Args:
        folder: For its log.
        settings: Text of its settings file.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        self._file = folder / "site.toml"
        self._file.write_text(settings, encoding="utf-8")
        self._log = folder / "center.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.console = 0
        self.ingest = ""

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", _PROGRAM, self._file], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while (ready := _READY.search(self.log())) is None:
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)
        self.console, self.ingest = int(ready[1]), ready[2]

    def log(self) -> str:
        """Give what it has logged since it was started."""
        return self._log.read_text(encoding="utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and give its exit code."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        code = self._process.wait(timeout=20)
        self._process = None
        return code

    def end(self) -> None:
        """Kill it if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
