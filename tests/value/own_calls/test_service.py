"""This file checks who is asked what and when, and what a caller is told, on a relay that runs as its own process."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from isolane.value.own_calls.audit import first_break
from isolane.wire.own_call import VERSION, Error, Failed, Failure, Refusal, Refused, Result
from support.own_calls import (
    ask_relay,
    asked,
    asking,
    audited,
    boot,
    down,
    enabled,
    passes,
    receive,
    up,
)
from support.raw_peer import TEXT, end, frame

CALLS = 'isolane_value_own_calls_total{outcome="%s"}'
EVENTS = 'isolane_value_security_events_total{type="own-call"}'
BUSINESS = up(2, "19", "Heartbeat", {})


async def test_a_question_is_answered_and_nobody_north_knows(tmp_path: Path) -> None:
    async with enabled(tmp_path) as (relay, charger, csms):
        assert b"Sec-WebSocket-Extensions" not in csms.head
        assert b"Sec-WebSocket-Extensions" not in charger.head
        await boot(charger, csms)
        wanted = asked(payload={"key": ["A"]}, reference="ticket-7")
        caller = asking(relay, wanted)
        kind, identity, action, payload = await receive(charger)
        assert (kind, action, payload) == (2, "GetConfiguration", {"key": ["A"]})
        secret = {"key": "AuthorizationKey", "readonly": False, "value": "abc"}
        charger.writer.write(up(3, identity, {"configurationKey": [secret], "unknownKey": ["A"]}))
        answer = await caller
        assert isinstance(answer, Result)
        assert json.loads(bytes(answer.payload)) == {
            "configurationKey": [{"key": "AuthorizationKey", "readonly": False}],
            "unknownKey": ["A"],
        }
        await passes(charger, csms, BUSINESS)
        assert await relay.metric(CALLS % "result") == 1
    assert audited(tmp_path) == [("GetConfiguration", "accepted"), ("GetConfiguration", "result")]
    lines = (tmp_path / "own-calls.jsonl").read_bytes().splitlines()
    first = json.loads(lines[0])
    assert (first["charger"], first["reference"], first["id"]) == ("CP1", "ticket-7", identity)
    assert first["payload_sha256"] == hashlib.sha256(bytes(wanted.payload)).hexdigest()
    assert first_break(lines) is None


async def test_what_may_not_be_asked_is_not_asked(tmp_path: Path) -> None:
    async with enabled(tmp_path, "calls_per_min = 0.01\ncalls_burst = 1", limits="close_s = 0.3") as (
        relay,
        charger,
        csms,
    ):
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.NOT_BOOTED)
        await boot(charger, csms)
        for wanted, reason in (
            (asked(charger="CP2"), Refusal.NOT_ENABLED),
            (asked("RemoteStartTransaction", {"idTag": "x"}), Refusal.ACTION_NOT_ALLOWED),
            (asked("GetVariables"), Refusal.ACTION_NOT_ALLOWED),
            (asked("TriggerMessage", {"requestedMessage": "BootNotification"}), Refusal.PAYLOAD_NOT_ALLOWED),
            (asked("GetDiagnostics", {"location": "https://logs.example/"}), Refusal.PAYLOAD_NOT_ALLOWED),
            (asked(payload=[]), Refusal.MALFORMED),
        ):
            assert await ask_relay(relay, wanted) == Refused(VERSION, reason)
        assert await relay.metric(EVENTS) == 5
        csms.writer.write(down(2, "77", "ClearCache", {}))
        assert await receive(charger) == [2, "77", "ClearCache", {}]
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.CSMS_CALL_OUTSTANDING)
        await passes(charger, csms, up(3, "77", {"status": "Accepted"}))
        csms.writer.write(down(3, "0", {})[:5])
        await charger.reader.readexactly(5)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.BUSY)
        csms.writer.write(down(3, "0", {})[5:])
        await charger.reader.readexactly(len(down(3, "0", {})) - 5)
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.OWN_CALL_OUTSTANDING)
        charger.writer.write(up(4, identity, "NotImplemented", "not here", {}))
        assert await caller == Error(VERSION, "NotImplemented", "not here")
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.TOO_OFTEN)
        await passes(charger, csms, BUSINESS)
        await end(charger.writer)
        await relay.until_metric("isolane_value_connections", 0)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.NOT_CONNECTED)
    outcomes = [outcome for _, outcome in audited(tmp_path)]
    assert outcomes.count("accepted") == 1
    assert outcomes.count("refused-action-not-allowed") == 2


@pytest.mark.parametrize("protocol", ["ocpp2.0", "soap"])
async def test_a_version_that_we_do_not_know_is_not_asked(tmp_path: Path, protocol: str) -> None:
    async with enabled(tmp_path, protocol=protocol) as (relay, charger, csms):
        await boot(charger, csms)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.VERSION_UNKNOWN)


async def test_newer_chargers_have_their_own_actions(tmp_path: Path) -> None:
    async with enabled(tmp_path, 'actions_v2 = ["Reset"]', protocol="ocpp2.1") as (relay, charger, csms):
        await passes(charger, csms, BUSINESS)
        await passes(csms, charger, down(3, "19", {"currentTime": "2026-01-01T00:00:00Z"}))
        caller = asking(relay, asked("Reset", {"type": "OnIdle"}))
        message = await receive(charger)
        assert message[2:] == ["Reset", {"type": "OnIdle"}]
        charger.writer.write(up(3, message[1], {"status": "Scheduled"}))
        assert isinstance(await caller, Result)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.ACTION_NOT_ALLOWED)


async def test_without_an_audit_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "own-calls.jsonl").write_bytes(b"x" * 65_500 + b"\n")
    async with enabled(tmp_path, "audit_bytes_max = 65536", may_log_errors=True) as (relay, charger, csms):
        await boot(charger, csms)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.AUDIT)
        await passes(csms, charger, down(3, "1", {}))
        await passes(charger, csms, BUSINESS)
        await relay.until_log("audit-failed")
        assert await relay.metric('isolane_value_security_events_total{type="state"}') == 1


async def test_a_reply_that_comes_late_or_twice_goes_nowhere(tmp_path: Path) -> None:
    async with enabled(tmp_path) as (relay, charger, csms):
        await boot(charger, csms)
        assert await ask_relay(relay, asked(deadline_ms=50)) == Failed(VERSION, Failure.TIMEOUT)
        identity = (await receive(charger))[1]
        caller = asking(relay, asked())
        second = (await receive(charger))[1]
        charger.writer.write(
            up(3, identity, {}) + BUSINESS + up(3, second, {}) + up(3, identity, {}) + up(3, second, {})
        )
        assert isinstance(await caller, Result)
        assert await csms.reader.readexactly(len(BUSINESS)) == BUSINESS
        await passes(charger, csms, BUSINESS)
        await relay.until_metric(CALLS % "late", 3)
        await relay.until_log("own-call-late")
    outcomes = [outcome for _, outcome in audited(tmp_path)]
    assert sorted(outcomes) == ["accepted", "accepted", "failed-timeout", "late", "result"]


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ("[3,%s,{}", Failure.MALFORMED_ANSWER),
        ('[3,%s,{"a":1,"a":2}]', Failure.MALFORMED_ANSWER),
        ("[3,%s,[]]", Failure.MALFORMED_ANSWER),
        ("[5,%s]", Failure.MALFORMED_ANSWER),
        ('[3,%s,{"a":"' + "x" * 2000 + '"}]', Failure.ANSWER_TOO_LONG),
    ],
)
async def test_an_answer_that_is_none_is_not_passed_on(tmp_path: Path, reply: str, failure: Failure) -> None:
    async with enabled(tmp_path, "answer_bytes_max = 1024") as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        charger.writer.write(frame(TEXT, (reply % json.dumps(identity)).encode(), mask=b"abcd"))
        assert await caller == Failed(VERSION, failure)
        await passes(charger, csms, BUSINESS)


async def test_a_lost_connection_ends_the_question(tmp_path: Path) -> None:
    async with enabled(tmp_path, limits="close_s = 0.3") as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        await receive(charger)
        await end(charger.writer)
        assert await caller == Failed(VERSION, Failure.CONNECTION_LOST)
    assert await asyncio.to_thread(audited, tmp_path) == [
        ("GetConfiguration", "accepted"),
        ("GetConfiguration", "failed-connection-lost"),
    ]
