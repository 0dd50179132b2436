"""This file runs the real VictoriaLogs; it guards that it is made of Debian's own source by Debian's own compiler.

No Debian release has it as a program. Debian 13 has its source, with VictoriaMetrics', and all that it needs, as
packages: it is compiled once a checkout, which takes some minutes on a small machine, and nothing else of it is kept.
"""

import json
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from support import newer_debian
from support.broker import Pki
from support.metric_servers import MetricServer

_SOURCE = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs"
_GO = "usr/lib/go-1.24"
_PACKAGES = (
    "golang-github-victoriametrics-victoriametrics-dev",
    "golang-1.24-go",
    "golang-1.24-src",
    "golang-github-cespare-xxhash-dev",
    "golang-github-golang-snappy-dev",
    "golang-github-klauspost-compress-dev",
    "golang-github-valyala-bytebufferpool-dev",
    "golang-github-valyala-fastjson-dev",
    "golang-github-valyala-fastrand-dev",
    "golang-github-valyala-fasttemplate-dev",
    "golang-github-valyala-histogram-dev",
    "golang-github-valyala-quicktemplate-dev",
    "golang-github-victoriametrics-easyproto-dev",
    "golang-github-victoriametrics-fastcache-dev",
    "golang-github-victoriametrics-metrics-dev",
    "golang-github-victoriametrics-metricsql-dev",
    "golang-golang-x-oauth2-dev",
    "golang-golang-x-sys-dev",
    "golang-gopkg-yaml.v2-dev",
)
_COMPILE_S = 900


def _compile(root: Path, there: Path) -> None:
    cache = root / "cache"
    environment = {
        **os.environ,
        "GOROOT": str(root / _GO),
        "GOPATH": str(root / "usr/share/gocode"),
        "GOCACHE": str(cache),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    draft = root / "victoria-logs"
    command = ["nice", str(root / _GO / "bin/go"), "build", "-o", str(draft), _SOURCE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_COMPILE_S, check=False)
    assert done.returncode == 0, done.stderr
    there.mkdir(parents=True)
    shutil.move(draft, there / "victoria-logs")


def t_ms(record: dict[str, Any]) -> int:
    """Give a record's time, UTC ms."""
    return round(datetime.fromisoformat(record["_time"]).timestamp() * 1000)


class VictoriaLogs(MetricServer):
    """VictoriaLogs; it takes what Loki and OTLP receivers take."""

    ready = "/health"
    loki = "/insert/loki/api/v1/push"
    otlp = "/insert/opentelemetry"

    def __init__(self, folder: Path, pki: Pki) -> None:
        self._program = newer_debian.made("victoria-logs", _PACKAGES, _compile) / "victoria-logs"
        super().__init__(folder, pki)

    def command(self) -> list[str]:
        """See `ServerProcess.command`."""
        return [
            str(self._program),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-memory.allowedBytes=64MB",
            "-tls",
            f"-tlsCertFile={self.pki.server.certificate}",
            f"-tlsKeyFile={self.pki.server.key}",
        ]

    def records(self, query: str) -> list[dict[str, Any]]:
        """Give the stored records that match, as fields."""
        return [json.loads(line) for line in self.get("/select/logsql/query", query=query).splitlines()]
