"""This file runs servers that judge alert rules and dashboards; it guards that all listen on loopback alone.

Prometheus scrapes itself and has the rules; VictoriaMetrics is asked by its vmalert, which has them too.
"""

import json
import shutil
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from support.broker import free_port
from support.server_process import ServerProcess
from support.tree import ROOT

RULES = ROOT / "deploy/prometheus/isolane.rules.yml"
PROGRAMS = {name: f"/usr/bin/{name}" for name in ("prometheus", "promtool", "victoria-metrics", "vmalert")}
_CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: isolane-value
    static_configs: [{{targets: ["127.0.0.1:{away}"]}}]
  - job_name: itself
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class PlainServer(ServerProcess):
    """A server without TLS."""

    ready = "/-/ready"

    def ask(self) -> None:
        """See `ServerProcess.ask`."""
        self.get(self.ready)

    def get(self, path: str, **query: str) -> bytes:
        """Ask it."""
        address = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=10) as response:
            return bytes(response.read())

    def told(self, path: str, **query: str) -> Any:  # noqa: ANN401 - whatever the server says
        """Ask it for JSON that says of itself that it is no error, and give its data."""
        answer = json.loads(self.get(path, **query))
        assert answer["status"] == "success", answer
        return answer["data"]

    def rules(self) -> list[dict[str, Any]]:
        """Give the rules that it has loaded, with what it says of each."""
        return [rule for group in self.told("/api/v1/rules")["groups"] for rule in group["rules"]]


class RulesPrometheus(PlainServer):
    """The Debian package prometheus with our rules; one of its targets does not answer."""

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        config = _CONFIG.format(rules=RULES, port=self.port, away=free_port())
        (self.folder / "prometheus.yml").write_text(config, encoding="utf-8")
        return [
            PROGRAMS["prometheus"],
            "--config.file=prometheus.yml",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={self.folder / 'data'}",
        ]


class PlainVictoria(PlainServer):
    """The Debian package victoria-metrics without TLS."""

    ready = "/health"

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        return [
            PROGRAMS["victoria-metrics"],
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-memory.allowedBytes=64MB",
        ]


class VmAlert(PlainServer):
    """VictoriaMetrics' vmalert with our rules.

    Args:
        folder: Where it runs.
        source: The server that it asks.
    """

    ready = "/health"

    def __init__(self, folder: Path, source: PlainVictoria) -> None:
        super().__init__(folder)
        self._source = source

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        shutil.copy(RULES, self.folder / "rules.yml")
        return [
            PROGRAMS["vmalert"],
            "-rule=rules.yml",
            f"-datasource.url=http://127.0.0.1:{self._source.port}",
            f"-notifier.url=http://127.0.0.1:{free_port()}",  # nobody listens there
            "-evaluationInterval=1s",
            f"-httpListenAddr=127.0.0.1:{self.port}",
        ]
