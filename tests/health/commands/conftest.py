"""This file gives each test a gateway that takes commands; keys are made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commanded import People, World


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("people"))


@pytest.fixture
def world(tmp_path: Path, people: People) -> Iterator[World]:
    world = World(tmp_path, people)
    yield world
    world.close()
