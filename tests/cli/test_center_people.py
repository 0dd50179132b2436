"""This file keeps users from the terminal; it guards that a password comes from a file or a terminal only."""

import sqlite3
from pathlib import Path

import pytest

from isolane.cli import main

PASSWORD = "correct horse battery"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "center.toml"
    file.write_text('[center]\ndata = "data"\n', encoding="utf-8")
    (tmp_path / "secret").write_text(f"{PASSWORD}\n", encoding="utf-8")
    return file


def run(config: Path, *words: str) -> int:
    return main.main(["center", *words, "-c", str(config)])


def test_users_and_tenants_are_kept(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = ("--password-file", str(config.parent / "secret"))
    assert run(config, "tenant", "add", "north") == 0
    assert run(config, "tenant", "give", "north", "depot") == 0
    assert run(config, "user", "add", "first-admin", "--role", "admin", *secret) == 0
    assert run(config, "user", "add", "night", "--role", "viewer", "--tenant", "north", *secret) == 0
    assert run(config, "user", "change", "night", "--role", "dispatcher", "--disable") == 0
    assert run(config, "user", "password", "night", *secret) == 0
    capsys.readouterr()
    assert run(config, "user", "list") == 0
    assert main.main(["center", "-c", str(config), "tenant", "list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["first-admin", "admin", "*"], ["night", "dispatcher", "north", "disabled"], ["north", "depot"]]
    with sqlite3.connect(config.parent / "data/catalogue.sqlite3") as database:
        stored = [row[0] for row in database.execute("SELECT password FROM person")]
        who = {row[0] for row in database.execute("SELECT who FROM audit")}
    database.close()
    assert all(text.startswith("$argon2id$") and PASSWORD not in text for text in stored)
    assert {name.partition(":")[0] for name in who} == {"terminal"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("user", "add", "night", "--role", "viewer"), "no terminal to ask"),
        (("user", "add", "night", "--role", "viewer", "--password-file", "/nowhere"), "cannot read"),
        (("user", "add", "Night!", "--role", "viewer", "--no-password"), "name has 1 to 64"),
        (("user", "add", "night", "--role", "viewer", "--no-password", "--tenant", "none"), "no tenant none"),
        (("user", "change", "nobody", "--role", "viewer"), "no such user"),
        (("tenant", "give", "none", "depot"), "no such tenant"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    config: Path, words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, *words) == 2
    assert sentence in capsys.readouterr().err


def test_a_password_is_no_argument(config: Path) -> None:
    with pytest.raises(SystemExit):
        run(config, "user", "add", "night", "--role", "viewer", "--password", PASSWORD)


def test_a_weak_password_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for weak in ("short", "aaaaaaaaaaaaaaaa", "first-admin-1"):
        (config.parent / "secret").write_text(weak, encoding="utf-8")
        secret = ("--password-file", str(config.parent / "secret"))
        assert run(config, "user", "add", "first-admin", "--role", "admin", *secret) == 2
        assert "password" in capsys.readouterr().err
