"""This file makes documents fail when they go stale: commands in them exist, links in them lead somewhere."""

import re
import shlex

import pytest

from isolane.cli import main
from support.settings_page import PAGE, render
from support.tree import ROOT, tracked

_COMMAND = re.compile(r"^(?:make|isolane|pip) .*$", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _commands() -> list[tuple[str, str]]:
    found = []
    for page in tracked("*.md"):
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            found += [(page.name, command) for command in _COMMAND.findall(block)]
    return found


@pytest.mark.parametrize(("page", "command"), _commands())
def test_a_command_in_a_document_exists(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    match words[0]:
        case "make":
            targets = [word for word in words[1:] if "=" not in word]
            assert targets
            assert set(targets) <= _TARGETS, f"{page}: {command}"
        case "isolane":
            main._parser(words[1]).parse_args(words[1:])
        case _:
            assert words[1] == "install"


def test_links_between_documents_lead_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in tracked("*.md")
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not dead


@pytest.mark.parametrize("command", main.COMMANDS)
def test_each_command_has_a_help_worth_reading(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main([command, "--help"])
    text = capsys.readouterr().out
    assert len(text.split()) > 60, f"isolane {command} --help says little"


def test_the_settings_page_tells_what_the_code_does() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run `make docs`"
