"""This file runs the real VictoriaMetrics and Prometheus; it guards that what they store is read as they say it.

Both listen on loopback, with TLS, and keep their data in a folder of the test. `samples` reads a series back as the
server stores it, `series` all that match, with their labels. OTLP needs a newer VictoriaMetrics, that of the next
Debian release; Debian's Prometheus has its receiver of OTLP taken out.
"""

import json
import urllib.parse
import urllib.request
from pathlib import Path

from isolane.security.tls import client_context
from support.broker import Pki
from support.newer_debian import installed
from support.server_process import ServerProcess

VICTORIA_METRICS = "/usr/bin/victoria-metrics"
PROMETHEUS = "/usr/bin/prometheus"
Series = tuple[dict[str, str], dict[int, float]]
"""Labels and values by UTC ms."""
_PROMETHEUS_CONF = """
global: {scrape_interval: 1h}
storage: {tsdb: {out_of_order_time_window: 1d}}
"""


class MetricServer(ServerProcess):
    """One server with TLS; `url` is its base address."""

    ready = "/"

    def __init__(self, folder: Path, pki: Pki) -> None:
        super().__init__(folder)
        self.pki = pki
        self.url = f"https://localhost:{self.port}"
        self._tls = client_context(pki.ca)

    def ask(self) -> None:
        """See `ServerProcess.ask`."""
        self.get(self.ready)

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

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        return [
            self._program(),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=64MB",
            "-tls",
            f"-tlsCertFile={self.pki.server.certificate}",
            f"-tlsKeyFile={self.pki.server.key}",
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

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        (self.folder / "prometheus.yml").write_text(_PROMETHEUS_CONF, encoding="utf-8")
        server = self.pki.server
        web = {"tls_server_config": {"cert_file": str(server.certificate), "key_file": str(server.key)}}
        (self.folder / "web.yml").write_text(json.dumps(web), encoding="utf-8")
        return [
            PROMETHEUS,
            "--config.file=prometheus.yml",
            "--web.config.file=web.yml",
            "--web.enable-remote-write-receiver",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={self.folder / 'data'}",
        ]

    def samples(self, match: str, from_ms: int, to_ms: int) -> dict[int, float]:
        """Give the stored values of the one series that matches, by UTC ms."""
        window_s = (to_ms - from_ms) // 1000 + 1
        answer = json.loads(self.get("/api/v1/query", query=f"{match}[{window_s}s]", time=f"{to_ms / 1000:.3f}"))
        (series,) = answer["data"]["result"] or [{"values": []}]
        return {round(t_s * 1000): float(value) for t_s, value in series["values"]}
