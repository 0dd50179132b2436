"""This file compares the kernel's counts with what was sent; it guards that the byte budget counts what TCP carried."""

import socket

from isolane.health.links.counts import LinkCounts
from isolane.health.links.traffic import Meter, tcp_bytes


def pair() -> tuple[socket.socket, socket.socket]:
    """Give two connected TCP sockets of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        return one, listener.accept()[0]


def carry(source: socket.socket, sink: socket.socket, size: int) -> None:
    source.sendall(bytes(size))
    left = size
    while left:
        left -= len(sink.recv(left))


def test_the_kernel_counts_what_was_carried() -> None:
    one, other = pair()
    with one, other:
        carry(one, other, 70_000)
        carry(other, one, 300)
        assert tcp_bytes(one) == (70_000, 300)
        assert tcp_bytes(other) == (300, 70_000)
    assert tcp_bytes(one) == (0, 0)


def test_a_meter_adds_one_connection_after_the_other() -> None:
    counts = LinkCounts()
    meter = Meter(counts)
    for _ in range(3):
        one, other = pair()
        with one, other:
            for _ in range(2):
                carry(one, other, 1000)
                meter.read(one)
            meter.read(one)
        meter.read(one)
    assert (counts.socket_sent_bytes, counts.socket_received_bytes) == (6000, 0)
