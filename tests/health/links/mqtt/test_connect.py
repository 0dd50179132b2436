"""This file checks what the MQTT library may log: a lost connection is no error, a fault in a callback is one."""

import logging

import pytest

from isolane.core.line_limit import LineLimit
from isolane.health.links.mqtt import connect


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("failed to receive on socket: %s", logging.WARNING),
        ("timeout on socket: %s", logging.WARNING),
        ("Caught exception in on_message: %s", logging.ERROR),
    ],
)
def test_a_lost_connection_is_no_error(message: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    connect._library_log().error(message, "EOF")
    assert [(record.levelno, record.levelname) for record in caplog.records] == [(level, logging.getLevelName(level))]


def test_dropped_messages_are_told_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [0]
    monkeypatch.setattr(connect, "monotonic_ns", lambda: now_s[0] * 1_000_000_000)
    monkeypatch.setattr(connect, "_DROPPED", LineLimit(1, 1))
    for now_s[0] in (0, 1, 59, 61, 62):
        connect._library_log().warning("Message queue is full. Discarding message.")
    connect._library_log().warning("something else")
    told = [record.getMessage() for record in caplog.records]
    assert told[1:] == ["Message queue is full. Discarding message. suppressed=2", "something else"]
    assert len(told) == 3
