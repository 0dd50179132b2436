"""This file checks what the MQTT library may log: a lost connection is no error, a fault in a callback is one."""

import logging

import pytest

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
