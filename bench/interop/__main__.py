"""This file is `make interop`; it guards that a pair which could not be compared is an error, never a pass."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.interop.facts import Fact, differences, levelled
from bench.interop.ground import NoComparisonError, Place, Reports, StrandedError
from bench.interop.install import BUILD, install
from bench.interop.keys import Keys, make
from bench.interop.plan import IDENTITIES, PROFILES, TOOL, Ground, Meeting, grounds

OUT = BUILD / "report.json"
AT_ONCE = 4
"""Grounds at a time: the slow tool mostly waits."""
LINE_MAX = 400
_HEADS = ("client", "server", "case", "compression", "profile", "direct", "relayed", "same")


@dataclass(frozen=True)
class Row:
    """One pair on one profile.

    Attributes:
        direct: Facts that were compared.
        diff: Lines, none where all is the same.
        facts: The direct report as it was compared, for whoever wants to see what that says.
        error: Why there is nothing to compare, "" where there is.
    """

    client: str
    server: str
    case: str
    compression: str
    profile: str
    direct: int = 0
    relayed: int = 0
    diff: tuple[str, ...] = ()
    error: str = ""
    facts: tuple[Fact, ...] = ()

    @property
    def verdict(self) -> str:
        """Give the last column."""
        return "ERROR" if self.error else "NO" if self.diff else "yes"

    def cells(self) -> tuple[str, ...]:
        """Give the columns."""
        named = (self.client, self.server, self.case, self.compression, self.profile)
        return (*named, f"{self.direct} facts", f"{self.relayed} facts", self.verdict)


def main() -> int:
    """Run the pairs; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make interop")
    parser.add_argument("--quick", action="store_true", help="under 50 s: profiles 0 and 3, the slow tool on 0 only")
    parser.add_argument("--only", default="", help="a server's name")
    options = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory(prefix="interop") as folder:
        keys = make(Path(folder), IDENTITIES)
        chosen = [each for each in grounds(quick=options.quick) if options.only in {"", each.server}]
        rows = asyncio.run(_all(chosen, keys, Path(folder)))
    print(_table(rows))
    for row in rows:
        if row.diff or row.error:
            print(
                "\n" + " | ".join(row.cells()[:5]),
                *(line[:LINE_MAX] for line in row.diff[:20] or [row.error]),
                sep="\n  ",
            )
    OUT.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    errors, failed = sum(bool(row.error) for row in rows), sum(bool(row.diff) for row in rows)
    passed = len(rows) - errors - failed
    print(f"{passed} passed, {failed} failed, {errors} errors")
    return 0 if rows and passed == len(rows) else 1


async def _all(chosen: list[Ground], keys: Keys, folder: Path) -> list[Row]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, ground: Ground) -> list[Row]:
        async with turns:
            return await _ground(ground, keys, folder / str(number))

    done = await asyncio.gather(*(one(number, ground) for number, ground in enumerate(chosen)))
    return sorted((row for rows in done for row in rows), key=lambda row: (row.client, row.server, row.case))


async def _ground(ground: Ground, keys: Keys, folder: Path) -> list[Row]:
    rows: list[Row] = []
    try:
        async with Place(ground, keys, folder / "1") as place, AsyncExitStack() as stack:
            other = place
            if ground.meetings == TOOL:
                other = await stack.enter_async_context(Place(ground, keys, folder / "2"))
            for meeting in ground.meetings:
                rows += await _meeting(place, other, ground, meeting)
    except (NoComparisonError, TimeoutError) as error:
        return [_row(ground, meeting, case, error=repr(error)) for meeting in ground.meetings for case in meeting.cases]
    return rows


async def _meeting(place: Place, other: Place, ground: Ground, meeting: Meeting) -> list[Row]:
    """Play a meeting both ways, at the same time where there are two servers, for the tool mostly waits.

    A client that is stranded on the direct way leaves nothing to compare; on the relayed way it is a difference.
    """
    if other is place:
        direct, relayed = await _outcome(place.direct(meeting)), await _outcome(place.relayed(meeting))
    else:
        direct, relayed = await asyncio.gather(_outcome(place.direct(meeting)), _outcome(other.relayed(meeting)))
    if isinstance(direct, str):
        return [_row(ground, meeting, case, error=direct) for case in meeting.cases]
    if isinstance(relayed, str):
        return [_row(ground, meeting, case, diff=(relayed,)) for case in meeting.cases]
    strays = (set(direct) | set(relayed)) - set(meeting.cases)
    if strays:
        return [_row(ground, meeting, case, error=f"stray reports {strays}") for case in meeting.cases]
    return [_compared(ground, meeting, case, direct, relayed) for case in meeting.cases]


async def _outcome(reports: Awaitable[Reports]) -> Reports | str:
    try:
        return await reports
    except StrandedError as error:
        return str(error)


def _compared(ground: Ground, meeting: Meeting, case: str, direct: Reports, relayed: Reports) -> Row:
    exact = meeting.mode == "untouched"
    before, after = (levelled(reports[case], exact=exact) for reports in (direct, relayed))
    return _row(ground, meeting, case, before=before, after=after, diff=tuple(differences(before, after)))


def _row(
    ground: Ground,
    meeting: Meeting,
    case: str,
    *,
    before: list[Fact] | None = None,
    after: list[Fact] | None = None,
    diff: tuple[str, ...] = (),
    error: str = "",
) -> Row:
    return Row(
        client=meeting.client,
        server=ground.server,
        case=case,
        compression=meeting.mode,
        profile=PROFILES[ground.profile],
        direct=len(before or ()),
        relayed=len(after or ()),
        diff=diff,
        error=error,
        facts=tuple(before or ()),
    )


def _table(rows: list[Row]) -> str:
    lines = [_HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
