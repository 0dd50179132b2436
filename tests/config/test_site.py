"""This file checks the one table that several rooms read."""

from pathlib import Path

import pytest

from isolane.config.load import load
from isolane.config.site import Site
from isolane.core.failures import IsolaneError


def test_the_sockets_stand_in_the_run_folder(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[site]\nname = "north"\ngateway = "gw-1"\nrun_dir = "run"\n')
    site = load(file, "site", Site)
    assert site.tap_socket == tmp_path / "run/tap.sock"
    assert site.event_socket == tmp_path / "run/events.sock"


def test_a_process_with_a_folder_of_its_own_has_its_socket_there(tmp_path: Path) -> None:
    site = Site(name="north", gateway="gw-1", run_dir=tmp_path)
    for name in ("value", "tap"):
        (tmp_path / name).mkdir()
    assert site.tap_socket == tmp_path / "tap" / "tap.sock"
    assert site.own_calls_socket == tmp_path / "value" / "own-calls.sock"
    assert site.event_socket == tmp_path / "events.sock"


def test_a_gateway_name_that_could_change_a_topic_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[site]\nname = "north"\ngateway = "gw/#"\nrun_dir = "run"\n')
    with pytest.raises(IsolaneError, match="gateway name"):
        load(file, "site", Site)
