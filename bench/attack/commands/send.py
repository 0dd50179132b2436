"""This file sends what the cases call valid; it guards that each word of a case is looked for in one place."""

from collections.abc import Awaitable, Callable
from typing import Final

from bench.attack.commands.court import Move, step
from bench.attack.fill import UnknownError

SENDS: Final[dict[str, Callable[[Move], Awaitable[None]]]] = {}
"""By the argument of the step; of a mapping its one key."""


@step("send")
async def send(move: Move) -> None:
    """Send what the argument says.

    Raises:
        UnknownError: Nobody knows it.
    """
    name = next(iter(move.arg)) if isinstance(move.arg, dict) and len(move.arg) == 1 else str(move.arg)
    if name not in SENDS:
        raise UnknownError(f"send {move.arg!r}")
    await SENDS[name](move)


def sends(name: str) -> Callable[[Callable[[Move], Awaitable[None]]], Callable[[Move], Awaitable[None]]]:
    """Register what is sent under a name."""

    def register(function: Callable[[Move], Awaitable[None]]) -> Callable[[Move], Awaitable[None]]:
        SENDS[name] = function
        return function

    return register
