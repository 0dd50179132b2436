"""This file joins the tables of all protocols; it guards that `type` alone decides which one a table is."""

from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mqtt.settings import MqttSettings

AnyLinkSettings = HttpsSettings | MqttSettings
"""One `[[health.links]]` table."""
