"""This file checks what a worker tells the others, and what it does with what they tell."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from isolane.value.access.credentials import Verification, protect, write_verifiers
from isolane.value.workers.link import Link
from isolane.value.workers.messages import Guess, Learned, Message
from isolane.value.workers.shared import SharedAttempts, SharedPasswords, SharedRegistry

Join = Callable[..., AbstractAsyncContextManager[tuple[Link, Link]]]


async def test_a_guess_counts_at_every_worker(join_links: Join) -> None:
    told: list[Message] = []
    async with join_links(lambda _, message: told.append(message), lambda _, __: None) as (_, there):
        here, elsewhere = SharedAttempts(2, there), SharedAttempts(2, there)
        here.begin("10.0.0.1", "CP1")
        here.begin("10.0.0.1", "CP2")
        for what, charger in (("begin", "CP1"), ("begin", "CP2")):
            elsewhere.heed(Guess(what, "10.0.0.1", charger))  # type: ignore[arg-type]  # both are such words
        assert not elsewhere.may_try("10.0.0.1", "CP3")
        here.succeeded("10.0.0.1", "CP2")
        elsewhere.heed(Guess("succeeded", "10.0.0.1", "CP2"))
        assert elsewhere.may_try("10.0.0.1", "CP3")
        async with asyncio.timeout(10):
            while len(told) < 3:
                await asyncio.sleep(0.01)
    assert told == [
        Guess("begin", "10.0.0.1", "CP1"),
        Guess("begin", "10.0.0.1", "CP2"),
        Guess("succeeded", "10.0.0.1", "CP2"),
    ], "what was heard is not told again"


async def test_a_learned_password_is_the_stored_one_at_every_worker(tmp_path: Path, join_links: Join) -> None:
    """Even where the disk does not have it: the others read no file."""
    old, new = b"old-password", b"new-password"
    files = [tmp_path / name for name in ("one", "other")]
    for file in files:
        write_verifiers(file, {"CP1": protect(old)})
    here, elsewhere = map(Verification, files)
    told: list[Message] = []
    async with join_links(lambda _, message: told.append(message), lambda _, __: None) as (_, there):
        shared = SharedPasswords(elsewhere, there)
        SharedPasswords(here, there)
        assert await elsewhere.is_right("CP1", old)
        assert await here.learn("CP1", new)
        async with asyncio.timeout(10):
            while not told:
                await asyncio.sleep(0.01)
        assert isinstance(told[0], Learned)
        shared.heed(told[0])
        shared.heed(Learned("CP2", told[0].salt, told[0].key))
        assert not elsewhere.is_remembered("CP1", old)
        assert not await elsewhere.is_right("CP1", old)
        assert await elsewhere.is_right("CP1", new)
        assert not elsewhere.is_stored("CP2"), "a charger that is not in its file is no charger of its"
    assert len(told) == 1, "what was heard is not told again"
    here.close()
    elsewhere.close()


def test_numbers_are_no_other_workers_and_fit_what_reads_json() -> None:
    first, last = SharedRegistry(1), SharedRegistry(16)
    numbers = [registry.next_number() for registry in (first, last) for _ in range(3)]
    assert len(set(numbers)) == 6
    assert numbers[0] // 10**12 == 1
    assert max(numbers) < 2**53
