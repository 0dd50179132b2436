"""This file takes a box's power away in the middle of updates; it guards that what was not on the disk yet is lost.

`python -m bench.attack.bare.update_cuts FOLDER NUMBER` runs in namespaces of its own. The versions are on a file system
of their own (ext4), which at the cut is shut down without its log being flushed; then everything is killed. The box
starts as its units have it: what isolane-update.service says, then relay, tap and health process from `current`.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.attack.bare.update_ground import NEW, OLD, UpdateGround
from bench.attack.bare.update_visitor import csms
from bench.supply.locks import ROOT

from isolane.cli.update.versions import Versions

_UNIT = ROOT / "deploy/systemd/isolane-update.service"
_SHUTDOWN, _NO_FLUSH = 0x8004587D, 2
"""EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH."""
_DISK_BYTES = 512 << 20
_LEFT_BYTES = 20 << 20
_BUILT = "has checked the settings"
_RUN_S = 300.0
_LOOK_S = 0.0005
_ROOMS = ("value", "tap", "health")


@dataclass
class Cuts:
    """A box whose power is cut.

    Attributes:
        ground: The box.
        wrong: What was not as it has to be.
        phases: How often the power went in which.
    """

    ground: UpdateGround
    bundle: Path
    wrong: list[str] = field(default_factory=list)
    phases: Counter[str] = field(default_factory=Counter)

    @property
    def disk(self) -> Path:
        """Where the image of the file system is."""
        return self.ground.folder / "disk.img"

    def mount(self) -> None:
        """Mount it."""
        _do("mount", "-o", "loop", str(self.disk), str(self.ground.root))

    def unmount(self) -> None:
        """Let go of it, when whoever used it is gone."""
        end = time.monotonic() + _RUN_S
        while True:
            try:
                return _do("umount", str(self.ground.root))
            except subprocess.CalledProcessError as error:
                if time.monotonic() > end:
                    raise RuntimeError("the file system is still in use") from error
            time.sleep(0.05)

    def keep(self, name: str) -> None:
        """Have a copy of the unmounted image."""
        _do("cp", "--sparse=always", str(self.disk), str(self.disk.with_name(name)))

    def restore(self, name: str) -> None:
        """Take a copy for the image."""
        _do("cp", "--sparse=always", str(self.disk.with_name(name)), str(self.disk))

    def cut(self, update: asyncio.subprocess.Process) -> None:
        """Take the power away."""
        descriptor = os.open(self.ground.root, os.O_RDONLY)
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_FLUSH))
        os.close(descriptor)
        self.kill(update)

    def kill(self, update: asyncio.subprocess.Process) -> None:
        """End everything at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(update.pid, signal.SIGKILL)
        for room in _ROOMS:
            if pid := self.ground.pid(room):
                os.kill(pid, signal.SIGKILL)

    async def begin(self) -> asyncio.subprocess.Process:
        """Start the box and an update."""
        await self.ground.start()
        return await self.ground.begin("install", str(self.bundle))

    def phase(self) -> str:
        """Give what the disk holds of the update."""
        versions = Versions(self.ground.root)
        if versions.linked("trial") is not None:
            return "on trial"
        if versions.linked("current") == NEW:
            return "proven"
        if versions.is_whole(NEW):
            return "built"
        return "half built" if versions.place(NEW).exists() else "not begun"

    async def boot(self, name: str) -> None:
        """Start the box after a cut, and see what runs."""
        self.mount()
        phase = self.phase()
        self.phases[phase] += 1
        for command in _at_start(self.ground.root):
            _do(*command)
        versions, right = Versions(self.ground.root), NEW if phase == "proven" else OLD
        in_force = versions.linked("current")
        if in_force != right or not versions.is_whole(right) or versions.linked("trial") is not None:
            self.wrong.append(f"{name} ({phase}): {in_force} is in force")
        try:
            await self.ground.start()
        except RuntimeError as error:
            self.wrong.append(f"{name} ({phase}): {error}")
        if running := {self.ground.runs(room) for room in _ROOMS} - {right}:
            self.wrong.append(f"{name} ({phase}): {running} runs")
        if self.phases[phase] == 1:
            code, said = await self.ground.update("install", str(self.bundle))
            if code or {self.ground.runs(room) for room in _ROOMS} != {NEW}:
                self.wrong.append(f"{name} ({phase}): the next update did not come to its end: {said[-300:]}")


def _do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _at_start(root: Path) -> list[list[str]]:
    """Give what the shipped unit runs at the start of a box, if its condition holds."""
    lines = [line.partition("=")[::2] for line in _UNIT.read_text(encoding="utf-8").splitlines()]
    told = [(key, value.replace("/opt/isolane", str(root))) for key, value in lines]
    links = [Path(value) for key, value in told if key == "ConditionPathIsSymbolicLink"]
    commands = [shlex.split(value) for key, value in told if key == "ExecStart"]
    if len(links) != 1 or len(commands) != 1:
        raise RuntimeError("isolane-update.service is another than is known here")
    return commands if links[0].is_symlink() else []


async def _prepare(folder: Path, csms_port: int) -> tuple[Cuts, float, float]:
    """Have images of a box before an update and with a built version; give how long building and switching take, s."""
    root = folder / "opt"
    root.mkdir()
    ground = UpdateGround(folder, root, csms_port)
    cuts = Cuts(ground, ground.bundle(NEW, 6))
    with cuts.disk.open("wb") as image:
        image.truncate(_DISK_BYTES)
    _do("/sbin/mkfs.ext4", "-q", str(cuts.disk))
    cuts.mount()
    code, said = await ground.update("install", str(ground.bundle(OLD, 5)))
    if code:
        raise RuntimeError(f"the old version was not installed: {said[-500:]}")
    cuts.unmount()
    cuts.keep("old.img")
    cuts.mount()
    began = time.monotonic()
    update = await cuts.begin()
    async with asyncio.timeout(_RUN_S):
        while _BUILT not in (line := (await _output(update).readline()).decode()):
            if not line:
                raise RuntimeError("the new version was not built")
    built_s = time.monotonic() - began
    cuts.kill(update)
    await update.wait()
    cuts.unmount()
    cuts.keep("built.img")
    cuts.mount()
    if cuts.phase() not in {"built", "on trial"}:
        raise RuntimeError("the new version was not built")
    await cuts.ground.start()
    began = time.monotonic()
    code, said = await ground.update("install", str(cuts.bundle))
    if code or {ground.runs(room) for room in _ROOMS} != {NEW}:
        raise RuntimeError(f"the control, an update with power, did not come to its end: {said[-500:]}")
    switched_s = time.monotonic() - began
    await _full(cuts)
    return cuts, built_s, switched_s


async def _full(cuts: Cuts) -> None:
    """Update where the disk has no room: refused, and all runs on."""
    free = shutil.disk_usage(cuts.ground.root).free - _LEFT_BYTES
    _do("fallocate", "-l", str(free), str(cuts.ground.root / "filler"))
    pids = [cuts.ground.pid(room) for room in _ROOMS]
    code, said = await cuts.ground.update("install", str(cuts.ground.bundle("0.3.0", 7)))
    if code == 0 or "make room" not in said or [cuts.ground.pid(room) for room in _ROOMS] != pids:
        cuts.wrong.append(f"a full disk: {code} {said[-300:]}")
    cuts.ground.stop()
    cuts.unmount()


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("its output is not kept")
    return process.stdout


def _links(root: Path) -> tuple[str, ...]:
    versions = Versions(root)
    return tuple(versions.linked(name) or "" for name in ("trial", "current", "previous"))


_MOMENTS: dict[str, Callable[[tuple[str, ...]], bool]] = {
    "the trial is told": lambda links: links[0] == OLD,
    "the new one is in force": lambda links: links[1] == NEW,
    "the trial has ended": lambda links: links[1] == NEW and not links[0],
}


async def _cut_one(cuts: Cuts, image: str, name: str, moment: float | Callable[[tuple[str, ...]], bool]) -> None:
    cuts.restore(image)
    cuts.mount()
    update = await cuts.begin()
    began = time.monotonic()
    if isinstance(moment, float):
        await asyncio.sleep(moment)
    else:
        while not moment(_links(cuts.ground.root)):
            if time.monotonic() - began > _RUN_S:
                raise RuntimeError(f"{name} never came")
            time.sleep(_LOOK_S)  # noqa: ASYNC251 - nothing else runs here, and the moment is short
    cuts.cut(update)
    await update.wait()
    cuts.unmount()
    await cuts.boot(name)
    cuts.ground.stop()
    cuts.unmount()


async def main(folder: Path, number: int) -> None:
    """Cut so often, and print what was found."""
    _do("ip", "link", "set", "lo", "up")
    async with csms() as server:
        notes, wrong = await _sweep(folder, number, server.port)
    print(json.dumps({"notes": notes, "wrong": wrong}))


async def _sweep(folder: Path, number: int, csms_port: int) -> tuple[list[str], list[str]]:
    cuts, built_s, switched_s = await _prepare(folder, csms_port)
    in_build = max(1, number * 2 // 5)
    plan: list[tuple[str, str, float | Callable[[tuple[str, ...]], bool]]] = [
        ("old.img", f"cut {at} of the building", built_s * (at + 0.5) / in_build) for at in range(in_build)
    ]
    plan += [("built.img", name, moment) for name, moment in _MOMENTS.items() for _ in range(2)]
    left = number - len(plan)
    plan += [("built.img", f"cut {at} of the switch", switched_s * (at + 0.5) / left) for at in range(left)]
    for at, (image, name, moment) in enumerate(plan):
        await _cut_one(cuts, image, name, moment)
        print(f"{at + 1}/{number} {name}: {dict(cuts.phases)} {cuts.wrong[-1:]}", file=sys.stderr, flush=True)
    if lacking := {"half built", "on trial", "proven"} - set(cuts.phases):
        cuts.wrong.append(f"the power never went in the phase {', '.join(sorted(lacking))}, so it was not tried")
    if sum(cuts.phases.values()) != number:
        cuts.wrong.append(f"{sum(cuts.phases.values())} cuts, where {number} were asked for")
    told = ", ".join(f"{count} {phase}" for phase, count in sorted(cuts.phases.items()))
    times = f"building took {built_s:.1f} s, switching {switched_s:.1f} s"
    return [f"{number} cuts: {told}; {times}; before them an update on a full disk"], cuts.wrong


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
