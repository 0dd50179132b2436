"""This file keeps what was simulated; it guards that what another source has simulated is not taken for this one's."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from bench.soh.cases import Group
from bench.soh.runs import Run, run

ROOT = Path(__file__).parents[2]
_SOURCES = (
    *(f"bench/soh/{name}.py" for name in ("cases", "runs", "speakers", "truths")),
    "src/isolane/health/models",
    "src/isolane/sim/physics",
    "src/isolane/sim/years",
)
"""What a run follows from."""


def _source() -> str:
    """Give a name that is another one for any other source."""
    found = hashlib.sha256()
    for source in _SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")) or [ROOT / source]:
            found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """Runs on disk, one file each group.

    Attributes:
        folder: Where.
        is_used: Whether those that are there are taken; they are written in any case.
        source: Of the source as this process has it; reckoned once, since files may change while it runs.
    """

    folder: Path
    is_used: bool
    source: str = field(default_factory=_source)

    def run(self, group: Group) -> list[Run]:
        """Give a group's runs: those kept, else simulated ones."""
        own = hashlib.sha256(self.source.encode() + msgspec.msgpack.encode(group)).hexdigest()
        path = self.folder / f"{own[:32]}.runs"
        if self.is_used and path.exists():
            return msgspec.msgpack.decode(path.read_bytes(), type=list[Run])
        runs = run(group)
        self.folder.mkdir(parents=True, exist_ok=True)
        begun = path.with_suffix(".begun")
        begun.write_bytes(msgspec.msgpack.encode(runs))
        begun.replace(path)
        return runs
