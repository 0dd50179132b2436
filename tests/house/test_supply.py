"""This file holds what isolane is made of to its locks, and the checks of bench/supply to a fault planted for each."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from bench.supply import audit, bill, locks, secrets, source

from support.tree import ROOT

_HASH = "--hash=sha256:" + "a" * 64
_RULES = ("S102", "S301", "S307", "S323", "S501", "S506", "S602", "S605", "S701", "S702")
"""exec, pickle, eval, contexts and requests without verification, yaml.load, shell=True, unescaped templates."""


def test_every_lock_is_pinned_hashed_and_a_part_of_the_developers() -> None:
    assert locks.wrong_locks() == []


@pytest.mark.parametrize(
    "line",
    [
        f"h11>=0.16 {_HASH}",
        "h11==0.16.0",
        "h11==0.16.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
        f"h11 @ https://example.org/h11.whl {_HASH}",
        f"--extra-index-url https://example.org/simple\nh11==0.16.0 {_HASH}",
        f"-e .\nh11==0.16.0 {_HASH}",
        "",
    ],
)
def test_a_lock_that_is_not_is_found(line: str) -> None:
    assert locks.wrong(line)


def test_a_lock_may_have_markers_and_lines_that_go_on() -> None:
    text = f"cffi[x]==2.1.1 ; python_version < '3.12' \\\n    {_HASH} \\\n    {_HASH}\n# a remark\n"
    assert locks.wrong(text) == []
    assert locks.pinned(text) == {"cffi": {"2.1.1"}}


def test_what_a_bill_leaves_out_or_makes_up_is_found() -> None:
    components = [{"name": "H_11", "version": "1", "purl": "pkg:pypi/h-11@1"}, {"name": "ghost", "version": "2"}]
    missing, more = bill.compare({"components": components}, {("h-11", "1"), ("left-out", "3")})
    assert missing == ["left-out 3"]
    assert more == ["ghost 2", "ghost has no package address"]


def test_what_no_lock_names_is_found(tmp_path: Path) -> None:
    (tmp_path / "dev.txt").write_text(f"h11==1 {_HASH}\n")
    there = {("h11", "1"), ("pip", "24"), ("isolane", "0"), ("stray", "1")}
    assert bill.not_locked(there, tmp_path / "dev.txt") == ["stray 1"]


def test_the_audit_finds_its_canary_and_says_when_it_did_not_run(tmp_path: Path) -> None:
    assert audit.canary_is_found() == ""
    said = audit.audit(audit.canary_lock(tmp_path), "http://127.0.0.1:9/v1/query")
    assert not said.ran
    assert said.why


def test_a_risky_line_is_found_and_ours_have_reasons(tmp_path: Path) -> None:
    (tmp_path / "risky.py").write_text("import pickle\npickle.loads(b'')\neval('1')\n")
    assert {line.split()[1] for line in source.findings(tmp_path)} == {"B301", "B307", "B403"}
    assert all(source.LEFT_OUT.values())


def test_a_secret_is_found_in_tests_too(tmp_path: Path) -> None:
    names = ["tests/key.pem", "src/word.py"]
    for name, text in zip(names, ("-----BEGIN RSA PRIVATE " + "KEY-----", "pass" + "word = 'h8Xq-2vLk9'"), strict=True):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text + "\n")
    found = secrets.scan(tmp_path, names)
    (tmp_path / "known.toml").write_text("known = []")
    assert secrets.unknown(found, tmp_path / "known.toml") == [
        "src/word.py: 1 x Secret Keyword",
        "tests/key.pem: 1 x Private Key",
    ]


def test_where_a_secret_is_named_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("pass" + 'word = "file:csms-pki-word"\nsec' + 'ret = "h8Xq-2vLk9"\n')
    assert secrets.scan(tmp_path, ["page.md"]) == {("page.md", "Secret Keyword"): 1}


def test_one_more_than_known_is_found_and_one_that_went_too(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text('known = [{file = "a", kind = "K", number = 1}, {file = "b", kind = "K", number = 1}]')
    assert secrets.unknown(Counter({("a", "K"): 2}), known) == ["a: 2 x K", "b: K is known and not there"]


def test_the_rules_against_what_runs_foreign_text_hold_everywhere_in_the_source() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    ignored = set(ruff["ignore"]) | {code for codes in ruff["per-file-ignores"].values() for code in codes}
    assert ruff["select"] == ["ALL"]
    assert not [rule for rule in _RULES if rule in ignored or "S" in ignored]
    excepted = re.compile(rf"noqa:[^#]*\b({'|'.join(_RULES)})\b")
    assert not [path for path in (ROOT / "src").rglob("*.py") if excepted.search(path.read_text(encoding="utf-8"))]
