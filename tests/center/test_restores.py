"""This file tells of restored backups; it guards that each is one security event, and none is told again."""

from pathlib import Path

import pytest

from isolane.center.restores import tell_of_restores
from isolane.center.store.revocations import Restored, RevocationLog
from isolane.security.event_lines import EventLines, Kind

DAY_MS = 86_400_000


def test_a_restored_backup_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, events = RevocationLog(tmp_path / "log"), EventLines()
    tell_of_restores(log, events)
    assert events.counts == {}
    log.append(Restored(0, 7 * DAY_MS))
    for _ in range(2):
        tell_of_restores(log, events)
    assert events.counts == {Kind.ROLLBACK: 1}
    assert 'detail="backup of 1970-01-01T00:00:00Z restored, 7.0 days old"' in caplog.text
