"""This file runs the cases of a test at once; it guards that each case that fails is named."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def together(names: Iterable[str], case: Callable[[str], Awaitable[None]]) -> None:
    """Run a case of each name side by side, to the end whatever becomes of the others.

    Raises:
        ExceptionGroup: Some failed; each error says of which name it is.
    """
    listed = list(names)
    ends = await asyncio.gather(*map(case, listed), return_exceptions=True)
    failed = []
    for name, end in zip(listed, ends, strict=True):
        if isinstance(end, Exception):
            end.add_note(f"in the case {name!r}")
            failed.append(end)
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(listed)} cases failed", failed)
