"""This file checks that a used port is named before anything starts."""

import socket
from dataclasses import astuple

import pytest

from isolane.cli.demo.ports import Ports, answers
from isolane.core.failures import IsolaneError


def test_ports_follow_one_another() -> None:
    assert list(astuple(Ports.from_base(20_000))) == list(range(20_000, 20_014))


def test_a_used_port_is_named_with_its_purpose() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert answers(port)
        with pytest.raises(IsolaneError, match=rf"port {port} \(console\).*--base-port"):
            Ports.from_base(port).check_free()
    assert not answers(port)
