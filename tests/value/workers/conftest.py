"""This file joins two ends of a link."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from isolane.value.workers.link import Link
from isolane.value.workers.messages import Message

Take = Callable[[Link, Message], None]
Ended = Callable[[Link], None]


@asynccontextmanager
async def joined_links(take: Take, take_other: Take, ended: Ended | None = None) -> AsyncIterator[tuple[Link, Link]]:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    gone = asyncio.Event()
    _, here = await loop.create_unix_connection(lambda: Link(take, ended or (lambda _: None)), sock=one)
    _, there = await loop.create_unix_connection(lambda: Link(take_other, lambda _: gone.set()), sock=other)
    yield here, there
    here.close()
    async with asyncio.timeout(10):
        await gone.wait()


@pytest.fixture
def join_links() -> Callable[..., object]:
    """Give a function that makes both ends: what each takes, and what the first does at the end."""
    return joined_links
