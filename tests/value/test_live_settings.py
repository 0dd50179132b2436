"""This file checks that settings change under living connections, and that a bad file changes nothing."""

import base64
import signal
import ssl
from pathlib import Path

import pytest
import trustme

from isolane.wire.own_call import VERSION, Refusal, Refused, Result
from support.own_calls import ask_relay, asked, asking, boot, enabled, receive, up
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


async def test_chargers_for_which_the_gateway_speaks_come_and_go(tmp_path: Path) -> None:
    server = trustme.CA()
    server.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.issue_cert("127.0.0.1").configure_cert(context)
    (tmp_path / "password").write_text("secret\n")
    listen = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\nauth = "replace"\n'
    entry = '[[value.retrofit]]\ncharger = "CP1"\npassword = "file:password"\n'
    speaks = b"Authorization: Basic " + base64.b64encode(b"CP2:secret")
    async with raw_csms(context=context) as upstream:
        url = f'url = "wss://127.0.0.1:{upstream.port}"\nca = "ca.pem"'
        async with relaying(tmp_path, url, listen=listen + entry, may_log_errors=True) as relay:
            change(tmp_path, '"CP1"', '"CP2"')
            assert "wait-for-restart" not in await reloaded(relay, 1)
            assert await is_accepted(relay, "/ocpp/CP1")
            assert await is_accepted(relay, "/ocpp/CP2")
            assert [speaks in head for head in upstream.heads] == [False, True]
            change(tmp_path, "file:password", "file:absent")
            assert "reload-failed part=settings reason=the password of CP2" in await reloaded(relay, 2)
            assert await is_accepted(relay, "/ocpp/CP2")
            assert speaks in upstream.heads[-1], "what was read before stays"


async def test_no_password_of_ours_goes_in_the_clear_behind_a_reload(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    listen = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\nauth = "replace"\n'
    async with (
        raw_csms() as upstream,
        relaying(tmp_path, f'url = "ws://127.0.0.1:{upstream.port}"', listen=listen) as relay,
    ):
        change(tmp_path, "ws://", "wss://")
        with (tmp_path / "site.toml").open("a") as file:
            file.write('[[value.retrofit]]\ncharger = "CP1"\npassword = "file:password"\n')
        assert "settings-wait-for-restart keys=csms,retrofit\n" in await reloaded(relay, 1)
        assert await is_accepted(relay, "/ocpp/CP1")
        assert b"Authorization" not in upstream.heads[-1]


async def test_who_may_be_asked_what_changes_with_a_reload(tmp_path: Path) -> None:
    async with enabled(tmp_path) as (relay, charger, csms):
        await boot(charger, csms)
        listed = 'enabled_for = ["CP1"]'
        change(tmp_path, listed, listed + '\nactions_v16 = ["TriggerMessage"]')
        assert "wait-for-restart" not in await reloaded(relay, 1)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.ACTION_NOT_ALLOWED)
        caller = asking(relay, asked("TriggerMessage", {"requestedMessage": "Heartbeat"}))
        _, identity, _, _ = await receive(charger)
        charger.writer.write(up(3, identity, {"status": "Accepted"}))
        assert isinstance(await caller, Result)
        change(tmp_path, listed, "enabled_for = []")
        await reloaded(relay, 2)
        assert await ask_relay(relay, asked("TriggerMessage")) == Refused(VERSION, Refusal.NOT_ENABLED)
        change(tmp_path, "enabled_for = []", 'caller = "root"\n' + listed)
        assert "settings-wait-for-restart keys=own_calls\n" in await reloaded(relay, 3)
        assert await ask_relay(relay, asked("TriggerMessage")) == Refused(VERSION, Refusal.NOT_ENABLED)
