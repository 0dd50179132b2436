"""This file opens an empty center for tests of figures."""

from collections.abc import Callable

import pytest

from isolane.center.kpis.keeper import KpiKeeper
from isolane.center.kpis.reports import Reports
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.kpi_marks import MarkedTelemetry
from support.kpi_world import World


@pytest.fixture
def world(open_catalogue: Callable[[], SqlCatalogue], open_telemetry: Callable[[], EmbeddedTelemetry]) -> World:
    """An empty center."""
    catalogue, telemetry = open_catalogue(), open_telemetry()
    book = KpiBook(catalogue)
    marked = MarkedTelemetry(telemetry, book)
    return World(catalogue, telemetry, book, marked, KpiKeeper(catalogue, telemetry, book), Reports(book, telemetry))
