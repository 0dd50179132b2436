"""This file shares the real metric servers between the links' tests; each is started once and stopped by its id."""

from collections.abc import Iterator

import pytest

from support.broker import Pki, make_pki
from support.metric_servers import Prometheus, VictoriaMetrics
from support.outboxes import GATEWAY


@pytest.fixture(scope="session")
def server_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("server-pki"), GATEWAY)


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[VictoriaMetrics]:
    server = VictoriaMetrics(tmp_path_factory.mktemp("victoria-metrics"), server_pki)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[Prometheus]:
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), server_pki)
    try:
        server.start()
        yield server
    finally:
        server.stop()
