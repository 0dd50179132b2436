"""This file tampers with a signer's log; it guards that lines are added and nothing else."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.signer.signed_log import SignedLog


def _filled(path: Path) -> None:
    log = SignedLog(path)
    for number in range(3):
        log.add({"verb": f"v{number}"})
    log.close()


def test_lines_are_chained_across_runs_and_read_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "ann.log"
    _filled(path)
    assert path.stat().st_mode & 0o777 == 0o600
    log = SignedLog(path)
    log.add({"verb": "v3"})
    assert [(line["n"], line["verb"]) for line in log.newest()] == [(3, "v3"), (2, "v2"), (1, "v1"), (0, "v0")]
    log.close()
    SignedLog(path).close()


def test_a_line_that_was_cut_off_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "ann.log"
    _filled(path)
    path.write_bytes(path.read_bytes()[:-7])
    log = SignedLog(path)
    assert len(log.newest()) == 2
    log.add({"verb": "again"})
    log.close()
    SignedLog(path).close()


@pytest.mark.parametrize("number", [0, 1])
def test_a_changed_line_ends_it(tmp_path: Path, number: int) -> None:
    path = tmp_path / "ann.log"
    _filled(path)
    path.write_bytes(path.read_bytes().replace(b"v%d" % number, b"w%d" % number))
    with pytest.raises(IsolaneError, match=f"from line {number}"):
        SignedLog(path)


def test_what_cannot_be_written_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "ann.log"
    _filled(path)
    before = path.read_bytes()
    log = SignedLog(path)
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        log.add({"at": float("nan")})
    log.close()
    assert path.read_bytes() == before
    with pytest.raises(IsolaneError, match="cannot open the log"):
        SignedLog(tmp_path / "none" / "ann.log")
