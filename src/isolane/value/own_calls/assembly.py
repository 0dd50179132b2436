"""This file puts own calls together; it guards that without an enabled charger there is no port, file or counter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from isolane.value.own_calls.audit import AuditFile
from isolane.value.own_calls.metrics import OwnCallCollector
from isolane.value.own_calls.port import OwnCallPort
from isolane.value.own_calls.service import OwnCalls
from isolane.value.own_calls.settings import OwnCallsSettings
from isolane.value.security_events import SecurityEvents


@asynccontextmanager
async def own_calls(
    settings: OwnCallsSettings, path: Path, events: SecurityEvents, shown: CollectorRegistry, worker: int = 0
) -> AsyncIterator[OwnCalls | None]:
    """Serve callers until the block ends; give the service, None where no charger is enabled.

    Args:
        settings: The [value.own_calls] table.
        path: Of the port, see `Site.own_calls_socket`.
        events: Who is told of misuse.
        shown: Where the counters are shown.
        worker: Number of this relay among several; 0 for the only one. Each has its own port and audit.

    Raises:
        IsolaneError: The port or the audit cannot be opened.
    """
    if not settings.enabled_for or settings.audit is None:
        yield None
        return
    audit = AuditFile(numbered(settings.audit, worker), settings.audit_bytes_max)
    try:
        service = OwnCalls(settings, events, audit)
        port = OwnCallPort(numbered(path, worker), service, events, settings.caller)
        await port.open()
        shown.register(OwnCallCollector(service))
        try:
            yield service
        finally:
            await port.close()
            await service.close()
    finally:
        audit.close()


def numbered(path: Path, worker: int) -> Path:
    """Give a worker's own path: ``own-calls.2.sock`` for the second, the path itself for the only one."""
    return path if not worker else path.with_name(f"{path.stem}.{worker}{path.suffix}")
