"""This file tests `tap.supervision`: faults are named, never quoted."""

import asyncio

import pytest

from isolane.tap import supervision
from isolane.wire.tap_copy import Copy
from support.tap_traffic import Leg, copy


def test_the_net_catches_says_where_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    crashed: list[tuple[int, Copy]] = []

    def take(link: int, _: Copy) -> None:
        if link == 1:
            raise ValueError("CANARY")

    one = copy(Leg().opened())
    safe = supervision.supervised(take, lambda link, packet: crashed.append((link, packet)))
    safe(1, one)
    safe(2, one)
    assert crashed == [(1, one)]
    assert "copy-crashed error=ValueError at test_supervision.py:" in caplog.text
    assert "CANARY" not in caplog.text


def test_clearing_away_after_a_message_may_break_too(caplog: pytest.LogCaptureFixture) -> None:
    def take(_link: int, _copy: Copy) -> None:
        raise ValueError("CANARY-1")

    def on_crash(_link: int, _copy: Copy) -> None:
        raise KeyError("CANARY-2")

    supervision.supervised(take, on_crash)(1, copy(Leg().opened()))
    logged = [record.getMessage() for record in caplog.records]
    assert [line.split(" at ")[0] for line in logged] == [
        "copy-crashed error=ValueError",
        "copy-crashed error=KeyError",
    ]
    assert "CANARY" not in caplog.text


async def test_a_broken_callback_is_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(supervision.log_callback)
    empty: dict[str, object] = {}
    loop.call_soon(empty.pop, "CANARY")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "callback-crashed error=KeyError" in caplog.text
    assert "CANARY" not in caplog.text


def test_an_exception_that_was_not_raised_has_no_place() -> None:
    assert supervision.where(ValueError("CANARY")) == "ValueError at unknown"
