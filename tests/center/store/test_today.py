"""This file looks for the log that tells what was revoked since; it guards that two logs are one too many."""

from pathlib import Path

import pytest

from isolane.center.store.database import open_database
from isolane.center.store.revocations import RevocationLog, mark_of
from isolane.center.store.today import facts_of_today
from isolane.core.failures import IsolaneError


def test_a_center_without_people_needs_no_log(tmp_path: Path) -> None:
    open_database(tmp_path / "catalogue").dispose()
    assert facts_of_today(None, tmp_path / "catalogue", None, tmp_path / "none") == []


def test_of_two_logs_a_person_says_which(tmp_path: Path) -> None:
    for name in ("given", "own"):
        RevocationLog(tmp_path / name)
    mark = mark_of(tmp_path / "given")
    with pytest.raises(IsolaneError, match="besides"):
        facts_of_today(mark, tmp_path / "catalogue", tmp_path / "given", tmp_path / "own")
    assert facts_of_today(mark, tmp_path / "catalogue", tmp_path / "given", tmp_path / "given") == []
    assert facts_of_today(mark, tmp_path / "catalogue", tmp_path / "given", tmp_path / "none") == []
