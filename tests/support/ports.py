"""This file finds free ports for tests that start whole sites."""

import os
import socket
from dataclasses import fields

from isolane.cli.demo.ports import HOST, Ports


def free_base() -> int:
    """Find a base from which every port of a site is free, outside the range the system hands out by itself.

    Each of several test processes looks in a range of its own: a port is free until the site that was told has started.
    """
    count = len(fields(Ports))
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    begin = 20_000 + 2_000 * (process % 6)
    for base in range(begin, begin + 2_000 - count, count):
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
