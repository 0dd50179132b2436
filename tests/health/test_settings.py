"""This file reads [health] tables as people write them; it guards that a wrong key is named and the right one shown."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.health.links.delivery import Order
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.settings import HealthSettings

GOOD = """
[health]
metrics = "127.0.0.1:9103"
[health.sampling]
step_ms = 1000
[health.outbox]
path = "outbox.db"
bytes_max = 134217728
[[health.sources]]
type = "host"
[[health.links]]
type = "mqtt"
host = "broker.example"
ca = "ca.pem"
certificate = "gw.pem"
key = "gw.key"
backfill_order = "newest"
[[health.links]]
type = "https"
url = "https://center.example:8443/base"
required = false
"""


def read(folder: Path, text: str) -> HealthSettings:
    file = folder / "site.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, "health", HealthSettings)


def test_a_table_is_read_with_its_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    mqtt, https = settings.links
    assert isinstance(mqtt, MqttSettings)
    assert isinstance(https, HttpsSettings)
    assert (mqtt.name, mqtt.port, mqtt.required, mqtt.backfill_order) == ("mqtt", 8883, True, Order.NEWEST)
    assert mqtt.key == tmp_path / "gw.key"
    assert (https.name, https.required, https.backfill_order) == ("https", False, Order.OLDEST)
    assert settings.outbox.path == tmp_path / "outbox.db"
    assert settings.nice == 19


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("bytes_max", "byte_max", "'bytes_max'"),
        ("backfill_order", "backfil_order", "'backfill_order'"),
        ('"newest"', '"latest"', "latest"),
        ("https://center", "http://center", "regex"),
        ("https://center", "https://user@center", "regex"),
        ("134217728", "5", ">="),
        ('type = "https"', 'type = "ftp"', "ftp"),
        ('path = "outbox.db"', "", "path"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, was: str, now: str, said: str) -> None:
    assert was in GOOD
    with pytest.raises(IsolaneError) as caught:
        read(tmp_path, GOOD.replace(was, now))
    assert said in str(caught.value)
