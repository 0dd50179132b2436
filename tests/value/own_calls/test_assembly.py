"""This file checks that without an enabled charger nothing of own calls is there."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from isolane.value.own_calls.assembly import numbered, own_calls
from isolane.value.own_calls.settings import OwnCallsSettings
from isolane.value.security_events import SecurityEvents


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_off_is_nothing(tmp_path: Path) -> None:
    shown = CollectorRegistry(auto_describe=False)
    settings = OwnCallsSettings(audit=tmp_path / "audit")
    async with own_calls(settings, tmp_path / "own-calls.sock", SecurityEvents(), shown) as service:
        assert service is None
        assert names(tmp_path) == []
        assert generate_latest(shown) == b""


async def test_each_worker_has_its_own(tmp_path: Path) -> None:
    settings = OwnCallsSettings(enabled_for=["*"], audit=tmp_path / "audit.jsonl")
    path = tmp_path / "run" / "own-calls.sock"
    for worker in (0, 2):
        shown = CollectorRegistry(auto_describe=False)
        async with own_calls(settings, path, SecurityEvents(), shown, worker) as service:
            assert service is not None
            service.outcomes["result"] += 3
            service.held(2_000_000_000)
            page = generate_latest(shown).decode()
            assert 'isolane_value_own_calls_total{outcome="result"} 3.0' in page
            assert 'isolane_value_own_calls_held_seconds_bucket{le="2.5"} 1.0' in page
            assert 'isolane_value_own_calls_held_seconds_bucket{le="1.0"} 0.0' in page
            assert numbered(path, worker).is_socket()
        assert not numbered(path, worker).exists()
    assert numbered(path, 2).name == "own-calls.2.sock"
    assert names(tmp_path) == ["audit.2.jsonl", "audit.jsonl", "run"]
