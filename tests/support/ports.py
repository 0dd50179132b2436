"""This file finds free ports for tests that start whole sites."""

import socket
from dataclasses import fields

from isolane.cli.demo.ports import HOST, Ports


def free_base() -> int:
    """Find a base from which every port of a site is free, outside the range the system hands out by itself."""
    count = len(fields(Ports))
    for base in range(20_000, 32_000, count):
        if all(_is_free(port) for port in range(base, base + count)):
            return base
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
