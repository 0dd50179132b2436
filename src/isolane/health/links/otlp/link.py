"""This file is the OTLP link; it guards that what a receiver rejects out of a request is counted."""

import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.health.links.counts import LinkCounts
from isolane.health.links.facts import Fact
from isolane.health.links.forward import ForwardLink
from isolane.health.links.otlp.encode import logs_request, metrics_request
from isolane.health.links.otlp.settings import OtlpSettings
from isolane.health.links.outcome import TAKEN, Outcome
from isolane.health.links.posting import Poster
from isolane.health.links.rows import Rows
from isolane.health.links.way import Way

_LOG = logging.getLogger(__name__)
_PROTOBUF = "application/x-protobuf"
_HEADERS = {"content-type": _PROTOBUF, "content-encoding": "gzip"}


class Otlp:
    """OTLP over HTTP, as `forward.Carrier` says.

    Args:
        settings: The table.
        site: Whose attributes are used.
        way: The way out.
    """

    def __init__(self, settings: OtlpSettings, site: Site, way: Way | None = None) -> None:
        self.counts = LinkCounts()
        self.takes_rows = settings.metrics
        self.takes_facts = settings.logs
        self._settings = settings
        self._poster = Poster(settings, self.counts, way=way)
        self._url = settings.url.rstrip("/")
        self._common = {
            "service.name": "isolane",
            "service.instance.id": f"{site.name}/{site.gateway}",
            **settings.attributes,
            "isolane.site": site.name,
            "isolane.gateway": site.gateway,
        }

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See `forward.Carrier.open`."""
        async with self._poster:
            yield

    async def bring_rows(self, rows: Rows) -> Outcome:
        """See `forward.Carrier.bring_rows`."""
        request = metrics_request(rows, self._common, held=self._settings.held)
        return await self._post("/v1/metrics", request) if request.resource_metrics else TAKEN

    async def bring_facts(self, facts: list[Fact]) -> Outcome:
        """See `forward.Carrier.bring_facts`."""
        return await self._post("/v1/logs", logs_request(facts, self._common))

    async def _post(self, path: str, request: Message) -> Outcome:
        body = gzip.compress(request.SerializeToString(), 6, mtime=0)
        return await self._poster.post(body, _HEADERS, url=self._url + path, judge=self._judge)

    def _judge(self, response: httpx.Response, body: bytes) -> str:
        """Take what is an OTLP answer; one without rejections may be empty."""
        if not body:
            return ""
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        if kind != _PROTOBUF:
            return f"status {response.status_code} with {kind or 'something'} instead of OTLP"
        try:
            if response.request.url.path.endswith("/logs"):
                logs = ExportLogsServiceResponse.FromString(body).partial_success
                self._reject(logs.rejected_log_records, logs.error_message)
            else:
                metrics = ExportMetricsServiceResponse.FromString(body).partial_success
                self._reject(metrics.rejected_data_points, metrics.error_message)
        except DecodeError as error:
            return f"status {response.status_code} with a broken OTLP answer: {error}"
        return ""

    def _reject(self, count: int, why: str) -> None:
        if count or why:
            self.counts.rejected += count
            _LOG.warning("target-rejected link=%s points=%d why=%r", self._settings.name, count, why[:200])


def otlp_link(settings: OtlpSettings, site: Site, clock: Clock, way: Way | None = None) -> ForwardLink:
    """Make the link.

    Raises:
        IsolaneError: A certificate, key or secret cannot be read.
    """
    return ForwardLink(settings.name, settings, Otlp(settings, site, way), clock)
