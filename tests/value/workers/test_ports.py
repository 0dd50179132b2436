"""This file checks that ports are reserved for us and for nobody else."""

import socket

import pytest

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.value.access.settings import Listener
from isolane.value.workers.ports import Ports


def listeners(*addresses: str) -> list[Listener]:
    return [Listener(address=Address.parse(address)) for address in addresses]


def listening(port: int, *, reuse: bool) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), reuse_port=reuse)


def test_port_0_is_one_number_for_all_workers() -> None:
    ports = Ports(listeners("127.0.0.1:0", "127.0.0.1:0"))
    one, other = (address.port for address in ports.addresses)
    assert 0 not in {one, other}
    assert one != other
    with listening(one, reuse=True), listening(one, reuse=True), socket.create_connection(("127.0.0.1", one)):
        pass
    ports.close()


@pytest.mark.parametrize("reuse", [False, True])
def test_a_port_where_somebody_listens_is_refused_even_if_it_could_be_shared(*, reuse: bool) -> None:
    with listening(0, reuse=reuse) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(IsolaneError, match=f"cannot listen for chargers on {address}"):
            Ports(listeners("127.0.0.1:0", address))


def test_a_reserved_port_is_free_again_when_its_workers_are_gone() -> None:
    first = Ports(listeners("127.0.0.1:0"))
    fixed = str(first.addresses[0])
    worker = listening(first.addresses[0].port, reuse=True)
    with socket.create_connection(worker.getsockname()):
        charger, _ = worker.accept()
        worker.close()
        first.close()
        Ports(listeners(fixed)).close()
        charger.close()
