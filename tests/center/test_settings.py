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
    assert (settings.commit.window_ms, settings.store.hot_minutes) == (50, 30)


def test_only_a_folder_must_be_set(tmp_path: Path) -> None:
    settings = read(tmp_path, '[center]\ndata = "d"\n')
    assert (settings.console, settings.mqtt, settings.https) == (Address("127.0.0.1", 8080), None, None)
    settings.require_loopback()


@pytest.mark.parametrize("console", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "example.org:80"])
def test_the_console_is_never_shown_to_the_network(tmp_path: Path, console: str) -> None:
    settings = read(tmp_path, f'[center]\ndata = "d"\nconsole = "{console}"\n')
    with pytest.raises(IsolaneError, match="would show the console to the network"):
        settings.require_loopback()


@pytest.mark.parametrize("console", ["127.0.0.9:0", "[::1]:8080", "localhost:8080"])
def test_loopback_has_many_names(tmp_path: Path, console: str) -> None:
    read(tmp_path, f'[center]\ndata = "d"\nconsole = "{console}"\n').require_loopback()


def test_a_way_in_needs_its_certificates(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="ca"):
        read(tmp_path, '[center]\ndata = "d"\n[center.mqtt]\nhost = "x"\n')
