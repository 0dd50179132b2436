"""This file checks who gets an identity, with workers that are told what to answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from isolane.value.workers.claims import Claims
from isolane.value.workers.link import Link
from isolane.value.workers.messages import Admit, Claim, Decision, Heard, Leave, Message, Probe, Release, Verdict, Yield

Join = Callable[..., AbstractAsyncContextManager[tuple[Link, Link]]]


@dataclass
class Bench:
    """A worker: it knows which of its chargers are there, and notes what it was asked."""

    link: Link
    alive: set[int] = field(default_factory=set)
    asked: list[Message] = field(default_factory=list)
    silent: bool = False

    async def admit(self, ticket: int, charger: str = "CP1", policy: str = "ping-old", most: int = 100) -> Decision:
        return await self._decide(Admit(self.link.number(), ticket, charger, policy, 0.2, most))

    async def claim(self, ticket: int) -> Decision:
        return await self._decide(Claim(self.link.number(), ticket))

    async def enter(self, ticket: int, charger: str = "CP1", policy: str = "ping-old") -> Decision:
        """Come, ask the CSMS, and claim."""
        decision = await self.admit(ticket, charger, policy)
        return await self.claim(ticket) if decision is Decision.GRANTED else decision

    def take(self, link: Link, message: Message) -> None:
        self.asked.append(message)
        match message:
            case Probe() if not self.silent:
                link.send(Heard(message.question, message.ticket in self.alive))
            case Yield() if not self.silent:
                gives_way = message.force or message.ticket not in self.alive
                if gives_way:
                    link.send(Release(message.ticket))
                link.send(Heard(message.question, gives_way))

    async def _decide(self, asked: Admit | Claim) -> Decision:
        async with asyncio.timeout(10):
            verdict = await self.link.ask(asked)
        assert isinstance(verdict, Verdict)
        return verdict.decision


@asynccontextmanager
async def working(join: Join, claims: Claims) -> AsyncIterator[Bench]:
    """Have a worker at these claims."""
    made: list[Bench] = []

    def take(link: Link, message: Message) -> None:
        assert isinstance(message, Admit | Claim | Release | Leave)
        claims.heed(link, message)

    def answer(link: Link, message: Message) -> None:
        made[0].take(link, message)

    async with join(take, answer, claims.drop) as (_, there):
        made.append(Bench(there))
        yield made[0]


@pytest.fixture
async def benches(join_links: Join) -> AsyncIterator[tuple[Bench, Bench, Claims]]:
    claims = Claims()
    async with working(join_links, claims) as one, working(join_links, claims) as other:
        yield one, other, claims


Both = tuple[Bench, Bench, Claims]


async def test_a_living_connection_of_another_worker_stays(benches: Both) -> None:
    one, other, claims = benches
    assert await one.enter(1) is Decision.GRANTED
    one.alive.add(1)
    assert await other.admit(1) is Decision.DUPLICATE
    assert claims.holders["CP1"].ticket == 1
    assert other.asked == []


async def test_a_dead_connection_of_another_worker_gives_way(benches: Both) -> None:
    one, other, claims = benches
    assert await one.enter(1) is Decision.GRANTED
    assert await other.enter(5) is Decision.GRANTED
    assert claims.holders["CP1"].ticket == 5
    assert [type(each) for each in one.asked] == [Probe, Yield]
    one.link.send(Leave(1))
    assert await one.admit(2, "CP1", "refuse") is Decision.DUPLICATE, "the late end of the old one frees nothing"


async def test_one_that_is_heard_while_the_csms_thinks_stays(benches: Both) -> None:
    one, other, _ = benches
    assert await one.enter(1) is Decision.GRANTED
    assert await other.admit(1) is Decision.GRANTED
    one.alive.add(1)
    assert await other.claim(1) is Decision.DUPLICATE


async def test_of_many_who_may_replace_a_dead_one_one_does(benches: Both) -> None:
    one, other, _ = benches
    assert await one.enter(1) is Decision.GRANTED
    assert set(await asyncio.gather(*(other.admit(ticket) for ticket in range(20)))) == {Decision.GRANTED}
    decisions = await asyncio.gather(*(other.claim(ticket) for ticket in range(20)))
    assert sorted(decisions) == [Decision.DUPLICATE] * 19 + [Decision.GRANTED]
    assert sum(isinstance(each, Yield) for each in one.asked) == 1


async def test_of_many_who_come_to_a_free_identity_one_gets_it(benches: Both) -> None:
    one, other, _ = benches
    seats = [(bench, ticket) for bench in (one, other) for ticket in range(10)]
    await asyncio.gather(*(bench.admit(ticket) for bench, ticket in seats))
    decisions = await asyncio.gather(*(bench.claim(ticket) for bench, ticket in seats))
    assert sorted(decisions) == [Decision.DUPLICATE] * 19 + [Decision.GRANTED]


async def test_the_policies(benches: Both) -> None:
    one, other, _ = benches
    assert await one.enter(1) is Decision.GRANTED
    one.alive.add(1)
    assert await other.admit(1, policy="refuse") is Decision.DUPLICATE
    assert await other.enter(2, policy="newest-if-authenticated") is Decision.GRANTED
    assert isinstance(one.asked[-1], Yield)
    assert one.asked[-1].force


async def test_places_are_counted_for_all(benches: Both) -> None:
    one, other, _ = benches
    assert await one.enter(1, "CP1") is Decision.GRANTED
    assert await other.enter(1, "CP2") is Decision.GRANTED
    assert await other.admit(2, "CP3", most=2) is Decision.FULL
    one.link.send(Release(1))
    assert await one.admit(2, "CP3", most=2) is Decision.FULL, "one that is ending has its place still"
    one.link.send(Leave(1))
    assert await one.admit(2, "CP3", most=2) is Decision.GRANTED


async def test_a_refused_newcomer_takes_no_place(benches: Both) -> None:
    one, other, _ = benches
    assert await one.enter(1) is Decision.GRANTED
    one.alive.add(1)
    for ticket in range(5):
        assert await other.admit(ticket) is Decision.DUPLICATE
    assert await other.admit(9, "CP2", most=2) is Decision.GRANTED


async def test_what_a_dead_worker_held_is_free(benches: Both) -> None:
    one, other, claims = benches
    assert await one.enter(1) is Decision.GRANTED
    one.silent = True
    newcomer = asyncio.create_task(other.enter(1))
    async with asyncio.timeout(10):
        while not one.asked:
            await asyncio.sleep(0.01)
    one.link.close()
    assert await newcomer is Decision.GRANTED
    assert claims.holders["CP1"].ticket == 1


async def test_a_worker_that_hangs_keeps_what_it_has(benches: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isolane.value.workers.claims._SPARE_S", 0.1)
    one, other, _ = benches
    assert await one.enter(1) is Decision.GRANTED
    one.silent = True
    assert await other.admit(1) is Decision.DUPLICATE
    assert await other.enter(2, policy="newest-if-authenticated") is Decision.GRANTED


async def test_one_who_leaves_early_gets_nothing(benches: Both) -> None:
    one, other, claims = benches
    assert await one.enter(1) is Decision.GRANTED
    assert await other.admit(1) is Decision.GRANTED
    left = asyncio.create_task(other.claim(1))
    await asyncio.sleep(0)
    other.link.send(Leave(1))
    assert await left is Decision.DUPLICATE
    assert await other.enter(2) is Decision.GRANTED
    assert claims.holders["CP1"].ticket == 2
