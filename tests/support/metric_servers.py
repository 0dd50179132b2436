"""This file runs the real VictoriaMetrics and Prometheus; it guards that each is stopped by its own process id.

Both listen on loopback, with TLS, and keep their data in a folder of the test. `samples` reads a series back as the
server stores it, `series` all that match, with their labels. OTLP needs a newer VictoriaMetrics, that of the next
Debian release; Debian's Prometheus has its receiver of OTLP taken out.
"""

import contextlib
import json
import signal
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from isolane.security.tls import client_context
from support.broker import Pki, free_port
from support.newer_debian import installed

VICTORIA_METRICS = "/usr/bin/victoria-metrics"
PROMETHEUS = "/usr/bin/prometheus"
Series = tuple[dict[str, str], dict[int, float]]
"""Labels and values by UTC ms."""
_START_S = 30.0
_PROMETHEUS_CONF = """
global: {scrape_interval: 1h}
storage: {tsdb: {out_of_order_time_window: 1d}}
"""


class MetricServer:
    """One server; `url` is its base address."""

    def __init__(self, folder: Path, pki: Pki) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self._folder = folder
        self._log = folder / "log"
        self._tls = client_context(pki.ca)
        self._command = self._arguments(folder, pki)
        self._process: subprocess.Popen[bytes] | None = None

    def _arguments(self, folder: Path, pki: Pki) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self._folder)
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ssl.SSLError):
                self.get(self.ready)
                return
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.05)
        raise AssertionError(self._log.read_text())

    def stop(self) -> None:
        """Stop it and wait until it has."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    ready = "/"

    def get(self, path: str, **query: str) -> bytes:
        """Ask it."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=10, context=self._tls) as response:  # noqa: S310 - loopback
            return bytes(response.read())


class VictoriaMetrics(MetricServer):
    """The Debian package victoria-metrics."""

    ready = "/health"

    def _program(self) -> str:
        return VICTORIA_METRICS

    def _arguments(self, folder: Path, pki: Pki) -> list[str]:
        return [
            self._program(),
            f"-storageDataPath={folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=64MB",
            "-tls",
            f"-tlsCertFile={pki.server.certificate}",
            f"-tlsKeyFile={pki.server.key}",
        ]

    def samples(self, match: str) -> dict[int, float]:
        """Give what is stored of the one series that matches: value by UTC ms; stale markers are left out."""
        found: dict[int, float] = {}
        for _, values in self.series(match):
            found.update(values)
        return found

    def series(self, match: str) -> list[Series]:
        """Give what is stored of all series that match; stale markers are left out."""
        self.get("/internal/force_flush")
        found = []
        for line in self.get("/api/v1/export", **{"match[]": match}).splitlines():
            told = json.loads(line)
            pairs = zip(told["timestamps"], told["values"], strict=True)
            found.append((told["metric"], {t_ms: value for t_ms, value in pairs if value is not None}))
        return found


class NewerVictoriaMetrics(VictoriaMetrics):
    """That of the next Debian release, which takes OTLP."""

    otlp = "/opentelemetry"

    def _program(self) -> str:
        return str(installed("victoria-metrics") / VICTORIA_METRICS.removeprefix("/"))


class Prometheus(MetricServer):
    """The Debian package prometheus, as a receiver of remote write with an out-of-order window."""

    ready = "/-/ready"

    def _arguments(self, folder: Path, pki: Pki) -> list[str]:
        (folder / "prometheus.yml").write_text(_PROMETHEUS_CONF, encoding="utf-8")
        web = {"tls_server_config": {"cert_file": str(pki.server.certificate), "key_file": str(pki.server.key)}}
        (folder / "web.yml").write_text(json.dumps(web), encoding="utf-8")
        return [
            PROMETHEUS,
            "--config.file=prometheus.yml",
            "--web.config.file=web.yml",
            "--web.enable-remote-write-receiver",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={folder / 'data'}",
        ]

    def samples(self, match: str, from_ms: int, to_ms: int) -> dict[int, float]:
        """Give the stored values of the one series that matches, by UTC ms."""
        window_s = (to_ms - from_ms) // 1000 + 1
        answer = json.loads(self.get("/api/v1/query", query=f"{match}[{window_s}s]", time=f"{to_ms / 1000:.3f}"))
        (series,) = answer["data"]["result"] or [{"values": []}]
        return {round(t_s * 1000): float(value) for t_s, value in series["values"]}
