"""This file gives the tests of the signer their people and a center that proposes; it guards that all of it ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.circles import Circle
from support.proposing import ProposingCenter


@pytest.fixture
def circle(tmp_path: Path) -> Circle:
    return Circle(tmp_path)


@pytest.fixture
async def center() -> AsyncIterator[ProposingCenter]:
    one = ProposingCenter()
    await one.start()
    yield one
    await one.stop()
