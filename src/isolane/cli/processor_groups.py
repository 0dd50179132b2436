"""This file reads what a process's control groups weigh; it guards that weights are told apart by where they count.

A weight counts only against what is beside it in the same parent: a group that weighs much, inside one that weighs
little, has little. So a process is given with the whole chain of its groups, the outermost first. Both versions of
control groups are read; in the second one a group has a weight only where its parent hands the processor out.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_V1_FOLDERS = ("cpu", "cpu,cpuacct")
_USUAL = {"cpu.shares": 1024, "cpu.weight": 100}
"""By version: the file with the weight, and what it says where nobody has said anything."""


@dataclass(frozen=True, slots=True)
class Group:
    """A control group for the processor.

    Attributes:
        path: Below the root.
        weight: 1 is usual, 0 is idle.
    """

    path: str
    weight: float


def chain(memberships: str, root: Path = ROOT) -> tuple[Group, ...]:
    """Give the groups that share out the processor to a process, the outermost first; none for the root alone.

    Args:
        memberships: Its /proc/<pid>/cgroup.
        root: Where control groups are mounted.
    """
    mount, path = _place(memberships, root)
    groups: list[Group] = []
    folder = mount
    for part in path.split("/"):
        if part:
            folder /= part
            weight = _weight(folder)
            if weight is not None:
                groups.append(Group(folder.relative_to(mount).as_posix(), weight))
    return tuple(groups)


def apart(one: tuple[Group, ...], other: tuple[Group, ...]) -> tuple[float, float] | None:
    """Give the weights by which two processes share the processor; None where they are in the same group.

    A process that stands in the parent itself, beside the other's group, weighs what is usual.
    """
    for at in range(max(len(one), len(other))):
        mine, yours = one[at : at + 1], other[at : at + 1]
        if [each.path for each in mine] != [each.path for each in yours]:
            return (mine[0].weight if mine else 1.0, yours[0].weight if yours else 1.0)
    return None


def _place(memberships: str, root: Path) -> tuple[Path, str]:
    """Find the mount of the version that shares out the processor here, and the path in it."""
    lines = [line.split(":", 2) for line in memberships.splitlines() if line.count(":") >= 2]  # noqa: PLR2004 - number, controllers, path
    for _, controllers, path in lines:
        if "cpu" in controllers.split(","):
            mounts = (root / name for name in _V1_FOLDERS)
            return next((each for each in mounts if each.is_dir()), root), path
    return root, next((path for _, controllers, path in lines if not controllers), "")


def _weight(folder: Path) -> float | None:
    try:
        idle = folder / "cpu.idle"
        if idle.exists() and idle.read_text(encoding="ascii").strip() == "1":
            return 0.0
        for name, usual in _USUAL.items():
            if (folder / name).exists():
                return int((folder / name).read_text(encoding="ascii")) / usual
    except (OSError, ValueError):
        pass
    return None
