"""This file tests the center's settings."""

from pathlib import Path

import pytest

from isolane.center.settings import CenterSettings
from isolane.config.load import load
from isolane.config.values import Address
from isolane.core.failures import IsolaneError

ALL = """
[center]
data = "center-data"
console = "127.0.0.1:8081"
metrics = "127.0.0.1:9108"

[center.mqtt]
host = "broker.example"
ca = "ca.pem"
certificate = "center.pem"
key = "center.key"

[center.https]
address = "0.0.0.0:8443"
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"

[center.access]
origin = "https://center.example.org"
proxies = ["10.0.0.5"]
idle_minutes = 30

[center.access.provider]
issuer = "https://login.example.org/realm"
client_id = "center"
client_secret = "file:secret"
roles = { "om-admins" = "admin" }
tenants = { "north" = "north", "ops" = "*" }

[center.commit]
window_ms = 50

[center.store]
hot_minutes = 30
"""


def read(folder: Path, text: str) -> CenterSettings:
    file = folder / "site.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, "center", CenterSettings)


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = read(tmp_path, ALL)
    assert settings.data == tmp_path / "center-data"
    assert settings.mqtt is not None
    assert (settings.mqtt.port, settings.mqtt.key) == (8883, tmp_path / "center.key")
    assert settings.https is not None
    assert settings.https.address == Address("0.0.0.0", 8443)
    assert (settings.access.proxies, settings.access.idle_minutes) == (("10.0.0.5",), 30)
    assert settings.access.provider is not None
    assert settings.access.provider.tenants == {"north": "north", "ops": "*"}
    assert (settings.commit.window_ms, settings.store.hot_minutes) == (50, 30)


def test_only_a_folder_must_be_set(tmp_path: Path) -> None:
    settings = read(tmp_path, '[center]\ndata = "d"\n')
    assert (settings.console, settings.mqtt, settings.https) == (Address("127.0.0.1", 8080), None, None)
    assert settings.access.is_public is False


def test_a_way_in_needs_its_certificates(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="ca"):
        read(tmp_path, '[center]\ndata = "d"\n[center.mqtt]\nhost = "x"\n')
