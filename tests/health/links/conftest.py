"""This file shares the real servers between the links' tests; it guards that each is started once and stopped."""

from collections.abc import Iterator

import pytest

from support.broker import Pki, make_pki
from support.log_server import VictoriaLogs
from support.metric_servers import NewerVictoriaMetrics, Prometheus, VictoriaMetrics
from support.outboxes import GATEWAY


@pytest.fixture(scope="session")
def server_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("server-pki"), GATEWAY)


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[VictoriaMetrics]:
    with VictoriaMetrics(tmp_path_factory.mktemp("victoria-metrics"), server_pki) as server:
        yield server


@pytest.fixture(scope="session")
def newer_victoria_metrics(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[NewerVictoriaMetrics]:
    with NewerVictoriaMetrics(tmp_path_factory.mktemp("newer-victoria-metrics"), server_pki) as server:
        yield server


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[Prometheus]:
    with Prometheus(tmp_path_factory.mktemp("prometheus"), server_pki) as server:
        yield server


@pytest.fixture(scope="session")
def victoria_logs(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[VictoriaLogs]:
    with VictoriaLogs(tmp_path_factory.mktemp("victoria-logs"), server_pki) as server:
        yield server
