"""This file opens wires to served templates; it guards that every connection is closed."""

from collections.abc import Mapping

import pytest

from isolane.devices.point import Template
from isolane.devices.template import built_in, load_built_in


@pytest.fixture(scope="session")
def templates() -> Mapping[str, Template]:
    return {name: load_built_in(name) for name in built_in()}
