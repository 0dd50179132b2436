"""This file is the verb `ledger`, the outbox's books; it guards that it only reads."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

import msgspec

from isolane.core.strict_json import INTEGER_MAX
from isolane.health.commands.verb import Arguments
from isolane.wire.command import CommandClass

Books = Callable[[int | None], Awaitable[Mapping[str, object] | None]]
"""Hands over the books of an epoch, the current one for None, as JSON; None where there are none of that epoch."""


class LedgerArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which epoch; the current one if it is not said."""

    epoch: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)] | None = None


class Ledger:
    """What was produced, delivered and dropped."""

    name = "ledger"
    kind: CommandClass = "R0"
    need = 1
    arguments: type[Arguments] = LedgerArguments
    timeout_s = 10.0
    words = "read the outbox's books: samples produced, delivered, dropped and waiting. It changes nothing."

    def __init__(self, books: Books) -> None:
        self._books = books

    def interlocks(self, arguments: Arguments) -> Sequence[str]:
        """See `Verb.interlocks`: none."""
        del arguments
        return ()

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        epoch = arguments.epoch if isinstance(arguments, LedgerArguments) else None
        books = await self._books(epoch)
        return {"books": None if books is None else dict(books)}
