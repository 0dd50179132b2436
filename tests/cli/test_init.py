"""This file checks that what `isolane init` writes is what the processes read."""

from pathlib import Path

import pytest

from isolane.cli import main
from isolane.cli.check import SETTINGS
from isolane.cli.renew import RenewalSettings
from isolane.config.load import load, read
from isolane.value.settings import ValueSettings


@pytest.mark.parametrize("link", ["mqtt", "https"])
def test_every_table_it_writes_is_valid_as_it_stands(link: str, tmp_path: Path) -> None:
    import importlib  # noqa: PLC0415 - as the program does it

    folder = tmp_path / "north"
    assert main.main(["init", str(folder), "--site", "north", "--gateway", "gw-1", "--link", link]) == 0
    tables = {}
    for file in (folder / "site.toml", folder / "center.toml"):
        for table in read(file):
            module, name = SETTINGS[table]
            tables[table] = load(file, table, getattr(importlib.import_module(module), name))
    assert set(tables) == {"site", "value", "tap", "health", "center"}
    assert tables["site"].gateway == "gw-1"
    assert tables["health"].links[0].certificate.exists()


def test_what_it_offers_for_channel_a_is_valid_too(tmp_path: Path) -> None:
    folder = tmp_path / "north"
    assert main.main(["init", str(folder)]) == 0
    file = folder / "site.toml"
    offered = {"# [value.access]", "# [value.own_calls]"}
    lines = file.read_text(encoding="utf-8").splitlines()
    on = False
    for number, line in enumerate(lines):
        on = line in offered or (on and line.startswith("# ") and " = " in line)
        if on:
            lines[number] = line[2:]
    file.write_text("\n".join(lines), encoding="utf-8")
    value = load(file, "value", ValueSettings)
    assert value.access.learn == "from-csms"
    assert value.access.credentials is not None
    assert value.own_calls.audit is not None
    assert value.own_calls.audit.parent == value.access.credentials.parent == folder / "value"


def test_what_it_offers_for_enrolment_is_valid_too(tmp_path: Path) -> None:
    folder = tmp_path / "north"
    assert main.main(["init", str(folder), "--link", "https"]) == 0
    for file, offered in (
        (folder / "center.toml", "# [center.enrolment]"),
        (folder / "site.toml", "# [[renewal.legs]]"),
    ):
        before, found, after = file.read_text(encoding="utf-8").partition(f"{offered}\n")
        assert found
        lines = [line.removeprefix("# ") for line in (offered, *after.splitlines())]
        file.write_text(before + "\n".join(lines), encoding="utf-8")
    (leg,) = load(folder / "site.toml", "renewal", RenewalSettings).legs
    assert leg.folder == folder / "identity/health"
    words = ("-c", str(folder / "center.toml"))
    assert main.main(["center", "gateway", "begin", *words]) == 0
    assert main.main(["center", "gateway", "begin", *words]) == 2, "a CA is never replaced"
    assert main.main(["center", "gateway", "add", "gw-2", *words]) == 0
    assert main.main(["center", "gateway", "add", "center", *words]) == 2
    assert main.main(["center", "gateway", "add", "g" * 60, *words]) == 2, "no name is left for its other keys"
    assert main.main(["center", "gateway", "add", "g" * 60, "--leg", "health", *words]) == 0
    assert main.main(["center", "gateway", "list", *words]) == 0
    assert main.main(["center", "gateway", "revoke", "gw-2", *words]) == 1, "nothing was issued"


def test_keys_and_run_folder_are_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "north"
    main.main(["init", str(folder)])
    assert (folder / "run").stat().st_mode & 0o777 == 0o700
    assert {key.stat().st_mode & 0o777 for key in (folder / "pki").glob("*.key")} == {0o600}


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").touch()
    assert main.main(["init", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name != "pki"] == ["mine"]


@pytest.mark.parametrize(("option", "name"), [("--site", "a/b"), ("--gateway", "+"), ("--gateway", "center")])
def test_a_name_that_would_open_anothers_topics_is_refused(option: str, name: str, tmp_path: Path) -> None:
    assert main.main(["init", str(tmp_path / "new"), option, name]) == 2
    assert not (tmp_path / "new").exists()
