"""This file joins the tables of all protocols; it guards that `type` alone decides which one a table is."""

from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.influx.settings import InfluxSettings
from isolane.health.links.loki.settings import LokiSettings
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.otlp.settings import OtlpSettings
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from isolane.health.links.sparkplug.settings import SparkplugSettings
from isolane.health.links.syslog.settings import SyslogSettings

AnyTargetSettings = (
    InfluxSettings | LokiSettings | OtlpSettings | RemoteWriteSettings | SparkplugSettings | SyslogSettings
)
"""A link to somebody else's system."""

AnyLinkSettings = HttpsSettings | MqttSettings | AnyTargetSettings
"""One `[[health.links]]` table."""
