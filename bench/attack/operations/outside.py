"""This file runs foreign tools against the center; it guards that one which is not there is an error."""

from collections.abc import Awaitable, Callable

from bench.attack.fill import UnknownError
from bench.attack.operations import fuzz, injection, scan, server_side_request
from bench.attack.operations.court import Move, step

__all__ = ["injection", "server_side_request"]  # their steps come with them

_TOOLS: dict[str, Callable[[Move, list[str]], Awaitable[None]]] = {"schemathesis": fuzz.run, "sqlmap": scan.run}


@step("run")
async def run(move: Move) -> None:
    """Run a tool as the case words it."""
    words = str(move.arg).split()
    if words[0] not in _TOOLS:
        raise UnknownError(f"run {move.arg}")
    await _TOOLS[words[0]](move, words)
