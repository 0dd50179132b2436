"""This file reads scenarios; it guards that a mistake in one is named and that the page's examples can be run."""

import re
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.sim.scenario import load_csms, load_scenario, read_password

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulator.md"
_LEAST = 'journal_path = "j"\n[[chargers]]\nid = "A"\nkind = "ac22"\nurl = "ws://127.0.0.1:1/"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_below_the_file(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, _LEAST))
    assert scenario.journal_path == tmp_path / "j"
    assert scenario.speed == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("journal_path = ", "cannot read"),
        (_LEAST + "sped = 2\n", "sped"),
        (_LEAST.replace('kind = "ac22"', 'kind = "ac11"'), "ac11"),
        (_LEAST.replace("ws://", "http://"), "neither ws"),
        (_LEAST.replace('"A"', '"A:B"'), "cannot be an OCPP identity"),
        (_LEAST + _LEAST.removeprefix('journal_path = "j"\n'), "same id"),
        (_LEAST + '[[chargers.faults]]\nkind = "clog"\nlevel = 0\n', "healthy"),
        (_LEAST + '[[chargers.faults]]\nkind = "flood"\nlevel = 1\n', "flood"),
        (_LEAST.replace('"j"', "7"), "Expected `str`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(IsolaneError, match=words):
        load_scenario(write(tmp_path, text))


def test_csms_certificate_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="go together"):
        load_csms(write(tmp_path, 'ledger_path = "l"\ncertificate_path = "c"\n'))
    with pytest.raises(IsolaneError, match="cannot read"):
        load_csms(tmp_path / "absent.toml")


def test_password_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"secret\n")
    assert read_password(tmp_path / "p") == b"secret"
    with pytest.raises(IsolaneError, match="cannot read"):
        read_password(tmp_path / "absent")


def test_the_examples_of_the_page_are_valid(tmp_path: Path) -> None:
    scenario, csms = re.findall(r"```toml\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    loaded = load_scenario(write(tmp_path, scenario))
    assert {plan.kind for plan in loaded.chargers} == {"ac22", "dc150"}
    assert load_csms(write(tmp_path, csms)).port == 9000
