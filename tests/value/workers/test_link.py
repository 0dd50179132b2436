"""This file checks that questions get their own answers, and that nobody waits for one who is gone."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from isolane.value.workers import link as link_module
from isolane.value.workers.link import Link
from isolane.value.workers.messages import Claim, Decision, Heard, Hello, Message, Probe, Ready, Verdict

Join = Callable[..., AbstractAsyncContextManager[tuple[Link, Link]]]


def deaf(link: Link, message: Message) -> None:
    """Take what comes, and do nothing."""


async def test_an_answer_goes_to_its_question_whatever_the_order(join_links: Join) -> None:
    asked: list[Claim] = []

    def answer(link: Link, message: Message) -> None:
        assert isinstance(message, Claim)
        asked.append(message)
        if len(asked) == 3:
            for each in reversed(asked):
                decision = Decision.FULL if each.ticket == 2 else Decision.GRANTED
                link.send(Verdict(each.question, decision))

    async with join_links(deaf, answer) as (here, _):
        answers = await asyncio.gather(*(here.ask(Claim(here.number(), ticket)) for ticket in (1, 2, 3)))
        assert [answer.decision for answer in answers if isinstance(answer, Verdict)] == [
            Decision.GRANTED,
            Decision.FULL,
            Decision.GRANTED,
        ]


async def test_messages_keep_their_order_and_their_line_ends(join_links: Join) -> None:
    got: list[Message] = []
    done = asyncio.Event()

    def take(_: Link, message: Message) -> None:
        got.append(message)
        if len(got) == 3:
            done.set()

    sent: list[Message] = [Hello(1, 2, [80]), Ready(), Probe(1, 7, 0.5)]
    async with join_links(deaf, take) as (here, _):
        for message in sent:
            here.send(message)
        async with asyncio.timeout(10):
            await done.wait()
    assert got == sent


async def test_nobody_waits_for_ever(join_links: Join) -> None:
    async with join_links(deaf, deaf) as (here, there):
        assert await here.ask(Claim(here.number(), 1), 0.05) is None
        waiting = asyncio.create_task(here.ask(Claim(here.number(), 1)))
        await asyncio.sleep(0)
        there.close()
        async with asyncio.timeout(10):
            assert await waiting is None
            assert here.gone
            assert await here.ask(Claim(here.number(), 1)) is None
        here.send(Ready())


async def test_an_answer_to_nothing_is_nothing(join_links: Join) -> None:
    async with join_links(deaf, deaf) as (here, there):
        there.send(Heard(17, yes=True))
        assert await here.ask(Claim(here.number(), 1), 0.05) is None


async def test_a_line_without_end_ends_the_link(join_links: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_LINE_BYTES_MAX", 100)
    async with join_links(deaf, deaf) as (here, _):
        here.data_received(b"x" * 101)
        async with asyncio.timeout(10):
            while not here.gone:
                await asyncio.sleep(0.01)
