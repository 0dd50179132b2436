"""This file checks the lines of messages from the broker: turns, bounds, and that a refusal is told and hurts one."""

import asyncio

import aiomqtt

from isolane.center.ingest.lines import Lines
from isolane.center.ingest.quota import Gates
from isolane.center.ingest.settings import QuotaSettings

SHARE = QuotaSettings(waiting_messages_max=16, waiting_bytes_max=1 << 20)


def message(gateway: str, payload: bytes, topic: str = "") -> aiomqtt.Message:
    return aiomqtt.Message(
        topic or f"isolane/depot/{gateway}/up/block", payload, qos=1, retain=False, mid=1, properties=None
    )


def taken(lines: Lines) -> list[bytes]:
    return [bytes(lines.get_nowait().payload) for _ in range(lines.qsize())]


def lines_of(refused: list[tuple[str, str]], gates: Gates | None = None) -> Lines:
    return Lines(2, gates=gates or Gates(SHARE), refused=lambda gateway, why: refused.append((gateway, why)))


def test_one_message_of_each_line_in_turn_and_each_line_in_its_order() -> None:
    lines = lines_of([])
    for gateway, payload in (("a", b"a1"), ("a", b"a2"), ("a", b"a3"), ("b", b"b1"), ("c", b"c1"), ("b", b"b2")):
        lines.put_nowait(message(gateway, payload))
    assert taken(lines) == [b"a1", b"b1", b"c1", b"a2", b"b2", b"a3"]
    assert lines.empty()


def test_a_full_line_refuses_its_own_gateway_alone() -> None:
    refused: list[tuple[str, str]] = []
    lines = lines_of(refused)
    for number in range(20):
        lines.put_nowait(message("loud", b"%d" % number))
    lines.put_nowait(message("quiet", b"quiet"))
    assert refused == [("loud", "16 messages of 22 bytes wait for their turn")] * 4
    assert taken(lines)[:2] == [b"0", b"quiet"]
    lines.put_nowait(message("loud", b"again"))
    assert taken(lines) == [b"again"]


def test_bytes_count_too() -> None:
    refused: list[tuple[str, str]] = []
    lines = lines_of(refused)
    for _ in range(3):
        lines.put_nowait(message("loud", bytes(600_000)))
    assert (lines.qsize(), len(refused)) == (2, 1)


def test_what_waits_at_the_gate_counts_with_the_line() -> None:
    refused: list[tuple[str, str]] = []
    gates = Gates(SHARE)
    lines = lines_of(refused, gates)
    for _ in range(16):
        gates.of("loud").enter(1)
    lines.put_nowait(message("loud", b"one"))
    lines.put_nowait(message("quiet", b"two"))
    assert (taken(lines), [gateway for gateway, _ in refused]) == ([b"two"], ["loud"])


async def test_who_waits_for_a_message_gets_the_one_that_comes() -> None:
    lines = lines_of([])
    waiting = asyncio.create_task(lines.get())
    await asyncio.sleep(0)
    lines.put_nowait(message("a", b"a1", topic="of another form"))
    async with asyncio.timeout(10):
        assert (await waiting).payload == b"a1"
