"""This file does `log.tail`; it guards that it only reads."""

from collections.abc import Callable, Mapping, Sequence

from isolane.wire.verbs.log_tail import LOG_TAIL, LogTailArguments

Tail = Callable[[int], tuple[Sequence[Mapping[str, object]], int]]
"""Hands over at most so many of the newest lines, as JSON, and how many came since the start that it has no more."""


class LogTail:
    """The newest log lines."""

    declared = LOG_TAIL

    def __init__(self, tail: Tail) -> None:
        self._tail = tail

    async def run(self, arguments: LogTailArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        lines, lost = self._tail(arguments.lines)
        return {"lines": [dict(line) for line in lines], "lost": lost}
