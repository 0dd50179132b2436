"""This file checks over real sockets that each refusal leaves one security event, whatever was sent."""

from pathlib import Path

import pytest

from support.raw_peer import ask, end, raw_csms, request
from support.relay import relaying


@pytest.mark.parametrize(
    ("wire", "kind", "charger"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed-request", "-"),
        (request("/ocpp/CP1", "Authorization: Basic eA==", "Authorization: Basic eQ=="), "smuggling", "-"),
        (request("/ocpp/CP1", "Transfer-Encoding: chunked"), "smuggling", "-"),
        (request("/ocpp/CP%0d%0aX-Inject:%201"), "bad-identity", "-"),
        (request("/ocpp/CP1%00"), "bad-identity", "-"),
        (request("/ocpp/CP2"), "unknown-identity", "CP2"),
        (request("/ocpp/CP1", "Origin: https://evil.example"), "foreign-origin", "CP1"),
    ],
)
async def test_a_refusal_is_one_event(tmp_path: Path, wire: bytes, kind: str, charger: str) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"', value='allow = ["CP1"]') as relay:
        peer = await ask(relay.ports[0], wire)
        assert peer.head.startswith(b"HTTP/1.1 4")
        await peer.close()
        await relay.until_metric(f'isolane_value_security_events_total{{type="{kind}"}}', 1)
    told = [line for line in relay.log if "127.0.0.1" in line and "ready" not in line]
    assert len(told) == 1, told
    assert f"security-event type={kind} listener=127.0.0.1:0 peer=127.0.0.1 charger={charger} " in told[0]
    assert "X-Inject" not in told[0]


async def test_a_flood_is_one_line(tmp_path: Path) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"') as relay:
        for _ in range(50):
            peer = await ask(relay.ports[0], b"junk" + request("/ocpp/CP1"))
            await end(peer.writer)
        await relay.until_metric('isolane_value_security_events_total{type="malformed-request"}', 50)
    assert len([line for line in relay.log if "security-event " in line]) == 1
    assert any("security-events-suppressed count=49" in line for line in relay.log)


async def test_a_credential_that_the_csms_refuses_is_an_event_and_is_not_told(tmp_path: Path) -> None:
    async with raw_csms(lambda _: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n") as csms:
        async with relaying(tmp_path, f'url = "ws://127.0.0.1:{csms.port}"') as relay:
            peer = await ask(relay.ports[0], request("/ocpp/CP1", "Authorization: Basic c2VjcmV0OnNlY3JldA=="))
            await peer.close()
            await relay.until_metric('isolane_value_security_events_total{type="authentication"}', 1)
        assert any("type=authentication" in line and "charger=CP1" in line for line in relay.log)
        assert "c2VjcmV0" not in "".join(relay.log)
