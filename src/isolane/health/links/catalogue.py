"""This file builds the links that settings name; it guards that no two share a name and that something is required.

It is the only file that knows every protocol; each is imported when a table of its type is there.
"""

from collections.abc import Sequence

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.health.links.errands import Errands
from isolane.health.links.influx.settings import InfluxSettings
from isolane.health.links.loki.settings import LokiSettings
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.otlp.settings import OtlpSettings
from isolane.health.links.port import Link
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from isolane.health.links.settings import AnyLinkSettings, AnyTargetSettings
from isolane.health.links.sparkplug.settings import SparkplugSettings
from isolane.health.links.syslog.settings import SyslogSettings
from isolane.health.links.target import TargetSettings
from isolane.health.links.way import Way, Ways, no_way


def build(
    settings: Sequence[AnyLinkSettings], site: Site, ways: Ways = no_way, errands: Errands | None = None
) -> tuple[Link, ...]:
    """Build every link, in the order of the settings.

    Args:
        settings: A table for each.
        site: Whose they are.
        ways: The way out of each.
        errands: What links to a center carry beside the outbox; None: nothing.

    Raises:
        IsolaneError: Two links share a name, none is required, or a certificate or key cannot be read.
    """
    names = [table.name for table in settings]
    for name in names:
        if names.count(name) > 1:
            raise IsolaneError(f"two links are named {name!r}", "give each link its own name")
    if settings and not any(table.required for table in settings):
        raise IsolaneError("no link is required", "let `required` be true for the link to your center")
    return tuple(_build(table, site, ways(table.name), errands) for table in settings)


def _build(table: AnyLinkSettings, site: Site, way: Way | None, errands: Errands | None) -> Link:
    # Imported here, so that a gateway without a broker loads no MQTT library.
    if isinstance(table, TargetSettings):
        return _target(table, site, way)
    if isinstance(table, MqttSettings):
        from isolane.health.links.mqtt.link import MqttLink  # noqa: PLC0415

        return MqttLink(table, site, way, errands)
    from isolane.health.links.https.link import HttpsLink  # noqa: PLC0415

    return HttpsLink(table, site, way, errands)


def _target(table: AnyTargetSettings, site: Site, way: Way | None) -> Link:
    """Build a link to somebody else's system."""
    clock = SystemClock()
    match table:
        case InfluxSettings():
            from isolane.health.links.influx.link import influx_link  # noqa: PLC0415

            return influx_link(table, site, clock, way)
        case LokiSettings():
            from isolane.health.links.loki.link import loki_link  # noqa: PLC0415

            return loki_link(table, site, clock, way)
        case OtlpSettings():
            from isolane.health.links.otlp.link import otlp_link  # noqa: PLC0415

            return otlp_link(table, site, clock, way)
        case RemoteWriteSettings():
            from isolane.health.links.remote_write.link import remote_write_link  # noqa: PLC0415

            return remote_write_link(table, site, clock, way)
        case SparkplugSettings():
            from isolane.health.links.sparkplug.link import SparkplugLink  # noqa: PLC0415

            return SparkplugLink(table, site, clock, way)
        case SyslogSettings():
            from isolane.health.links.syslog.link import syslog_link  # noqa: PLC0415

            return syslog_link(table, site, clock, way)
