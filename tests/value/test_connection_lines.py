"""This file checks that a charger that comes and goes is told of ten times a minute, and no line is lost silently."""

import logging

import pytest

from isolane.value.connection_lines import ConnectionLines
from isolane.wire.tap_copy import Opened

_NAME = "isolane.value.connection_lines"


def _facts(charger: str) -> Opened:
    return Opened(charger, "ocpp1.6", "", 1, secure=False)


def test_a_charger_that_flaps_is_told_of_ten_times_and_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, _NAME)
    lines = ConnectionLines()
    for number in range(50):
        lines.opened(number, _facts("CP1"))
        lines.closed(number, "CP1", "cause=end-of-stream")
    assert len(caplog.messages) == 10
    lines.opened(99, _facts("CP2"))
    assert caplog.messages[-1] == "connection-opened charger=CP2 connection=99 subprotocol=ocpp1.6 extensions=-"
    lines.close()
    assert caplog.messages[-1] == "connections-unlogged lines=90"


def test_nothing_is_counted_as_left_out_where_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, _NAME)
    lines = ConnectionLines()
    for number in range(50):
        lines.opened(number, _facts("CP1"))
    caplog.set_level(logging.INFO, _NAME)
    lines.close()
    assert caplog.messages == []
