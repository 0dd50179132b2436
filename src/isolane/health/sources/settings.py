"""This file joins the tables of all protocols; it guards that `type` alone decides which one a table is."""

from isolane.health.sources.can.settings import CanSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings
from isolane.health.sources.modbus.settings import ModbusSettings
from isolane.health.sources.mqtt.settings import MqttSourceSettings
from isolane.health.sources.ocpp.settings import OcppSettings
from isolane.health.sources.snmp.settings import SnmpSettings

AnySourceSettings = (
    CanSettings | HostSettings | HttpJsonSettings | ModbusSettings | MqttSourceSettings | OcppSettings | SnmpSettings
)
"""One `[[health.sources]]` table."""
