"""This file checks that settings change under living connections, and that a bad file changes nothing."""

import signal
from pathlib import Path

import pytest

from support.raw_peer import TEXT, Peer, ask, end, frame, raw_csms, request
from support.relay import Relay, relaying

MASK = b"abcd"


async def is_accepted(relay: Relay, target: str) -> bool:
    charger = await ask(relay.ports[0], request(target))
    await end(charger.writer)
    return charger.head.startswith(b"HTTP/1.1 101 ")


async def reloaded(relay: Relay, count: int) -> str:
    """Send SIGHUP and wait until it was heeded; give everything logged so far."""
    relay.process.send_signal(signal.SIGHUP)
    await relay.until_log("reloaded ", count)
    return "".join(relay.log)


async def still_talk(charger: Peer, csms: Peer, count: int = 1) -> None:
    hello = frame(TEXT, b"hello", mask=MASK)
    for _ in range(count):
        charger.writer.write(hello)
        assert await csms.reader.readexactly(len(hello)) == hello


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "site.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


async def test_settings_change_and_nobody_is_dropped(tmp_path: Path) -> None:
    async with raw_csms() as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        value, limits = 'allow = ["CP1"]', "messages_per_s = 1\nover_pace_s = 0\nmessages_burst = 100"
        async with relaying(tmp_path, url, value=value, limits=limits) as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            csms = await upstream.accepted()
            assert not await is_accepted(relay, "/ocpp/CP2")
            change(tmp_path, value, 'allow = ["CP2"]')
            change(tmp_path, "messages_burst = 100", "messages_burst = 4")
            await reloaded(relay, 1)
            assert not await is_accepted(relay, "/ocpp/CP3")
            await still_talk(charger, csms, 50)
            fresh = await ask(relay.ports[0], request("/ocpp/CP2"))
            fresh.writer.write(frame(TEXT, b"hello", mask=MASK) * 50)
            await relay.until_metric('isolane_value_limit_closes_total{limit="messages"}', 1)
            await still_talk(charger, csms)
            for peer in (fresh, charger):
                await end(peer.writer)


@pytest.mark.parametrize(
    ("old", "new"), [("[value.limits]", "[value.limit]"), ('allow = ["CP1"]', "allow = [1]"), ("[site]", "[site")]
)
async def test_a_bad_file_changes_nothing_and_says_so(tmp_path: Path, old: str, new: str) -> None:
    async with raw_csms() as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(tmp_path, url, value='allow = ["CP1"]', may_log_errors=True) as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            csms = await upstream.accepted()
            change(tmp_path, old, new)
            log = await reloaded(relay, 1)
            assert "security-event type=reload " in log
            assert "reload-failed part=settings reason=" in log
            assert not await is_accepted(relay, "/ocpp/CP2")
            await still_talk(charger, csms)
            change(tmp_path, new, old)
            change(tmp_path, 'allow = ["CP1"]', 'allow = ["CP1", "CP2"]')
            await reloaded(relay, 2)
            assert await is_accepted(relay, "/ocpp/CP2")
            await end(charger.writer)


async def test_what_cannot_change_waits_for_a_restart(tmp_path: Path) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"') as relay:
        change(tmp_path, "ws://127.0.0.1:9", "ws://127.0.0.1:10")
        assert "settings-wait-for-restart keys=csms\n" in await reloaded(relay, 1)
