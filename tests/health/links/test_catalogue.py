"""This file tests how links are built; it guards that what cannot work is said at the start."""

from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.core.failures import IsolaneError
from isolane.health.links.catalogue import build
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mqtt.settings import MqttSettings

SITE = Site(name="north", gateway="gw-1", run_dir=Path("run"))
MQTT = MqttSettings(host="127.0.0.1")
HTTPS = HttpsSettings(url="https://127.0.0.1", required=False)


def test_links_are_built_in_order() -> None:
    assert [link.name for link in build([HTTPS, MQTT], SITE)] == ["https", "mqtt"]
    assert build([], SITE) == ()


def test_two_links_of_one_name_are_refused() -> None:
    with pytest.raises(IsolaneError, match="two links are named 'mqtt'"):
        build([MQTT, MQTT], SITE)


def test_without_a_required_link_nothing_would_ever_leave() -> None:
    with pytest.raises(IsolaneError, match="no link is required"):
        build([HTTPS], SITE)


@pytest.mark.parametrize(
    "table", [MqttSettings(host="x", ca=Path("no.pem")), HttpsSettings(url="https://x", ca=Path("no.pem"))]
)
def test_a_certificate_that_cannot_be_read_is_said(table: MqttSettings | HttpsSettings) -> None:
    with pytest.raises(IsolaneError, match=r"no\.pem"):
        build([table], SITE)
