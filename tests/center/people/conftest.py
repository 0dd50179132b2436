"""This file opens centers with users; it guards that everything opened is closed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.front import Front


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    """A center with two tenants, their sites and no users."""
    async with Front(tmp_path / "center").running() as one:
        await one.fill()
        yield one
