"""This file does `ledger`, reading the outbox's books; it guards that it only reads."""

from collections.abc import Awaitable, Callable, Mapping

from isolane.wire.verbs.ledger import LEDGER, LedgerArguments

Books = Callable[[int | None], Awaitable[Mapping[str, object] | None]]
"""Hands over the books of an epoch, the current one for None, as JSON; None where there are none of that epoch."""


class Ledger:
    """What was produced, delivered and dropped."""

    declared = LEDGER

    def __init__(self, books: Books) -> None:
        self._books = books

    async def run(self, arguments: LedgerArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        books = await self._books(arguments.epoch)
        return {"books": None if books is None else dict(books)}
