"""This file checks that one bad file costs only what depends on it, and that somebody is told."""

import pytest

from isolane.core.failures import IsolaneError
from isolane.value.key_files import KeyFiles
from isolane.value.security_events import Kind, SecurityEvents


class Part:
    def __init__(self) -> None:
        self.is_good = True
        self.reloads = 0

    def reload(self) -> None:
        if not self.is_good:
            raise IsolaneError("x.pem is empty", "fill it")
        self.reloads += 1


async def test_a_bad_part_leaves_the_others_renewed(caplog: pytest.LogCaptureFixture) -> None:
    events = SecurityEvents()
    keys, bad, good = KeyFiles(events), Part(), Part()
    keys.add("bad", bad)
    keys.add("good", good)
    assert await keys.reload()
    bad.is_good = False
    assert not await keys.reload()
    assert (bad.reloads, good.reloads) == (1, 2)
    assert events.counts == {Kind.RELOAD: 1}
    assert "reload-failed part=bad reason=x.pem is empty. fill it." in caplog.messages
