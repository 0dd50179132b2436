"""This file starts a real systemd on the shipped units; it guards that it ends with the ground.

Nothing outside is touched: its processes live in a control group of their own, by which they are ended, and what they
mount is private to them.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.attack.box.site import write_site

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
UNITS = ROOT / "deploy" / "systemd"
_START_S, _END_S = 60.0, 20.0
_DISK_BYTES = 256 * 2**20
_NAMESPACES = ("--cgroup", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--kill-child")
_FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())"
_JOIN = 'echo $$ >"$0/cgroup.procs"; exec setpriv --pdeathsig KILL "$@"'


@dataclass
class Box:
    """A running box.

    Attributes:
        pid: Of its systemd, outside.
        logs: Output of each unit, NAME.log.
        disk: What the box writes, settings, keys and state, is in this image of a file system.
        group: Its control group.
    """

    pid: int
    logs: Path
    disk: Path
    group: Path

    def log(self, unit: str) -> str:
        """Give what a unit has written, "" for nothing."""
        file = self.logs / f"{unit}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    async def run(self, *command: str, fine: tuple[int, ...] = (0,)) -> str:
        """Run a command as the box's root; give what it says.

        Raises:
            RuntimeError: It failed.
        """
        return await self._enter(("--mount", "--pid", "--net", "--ipc", "--cgroup"), command, fine)

    async def page(self, address: str) -> str:
        """Give what is at an address of the box's network.

        Raises:
            RuntimeError: Nothing is.
        """
        return await self._enter(("--net",), (sys.executable, "-c", _FETCH, address), (0,))

    async def _enter(self, spaces: tuple[str, ...], command: tuple[str, ...], fine: tuple[int, ...]) -> str:
        words = ["nsenter", "--target", str(self.pid), *spaces, *command]
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd="/"
        )
        async with asyncio.timeout(_START_S):
            said, _ = await process.communicate()
        if process.returncode not in fine:
            raise RuntimeError(f"{' '.join(command)}: {said.decode(errors='replace')[-500:]}")
        return said.decode(errors="replace")

    async def start(self, unit: str) -> None:
        """Start a process's unit and wait until it is ready.

        Raises:
            RuntimeError: It did not get ready.
        """
        await self.run("systemctl", "start", unit)
        end = time.monotonic() + _START_S
        while " ready " not in self.log(unit):
            starts = await self.run("systemctl", "show", "--property=NRestarts", "--value", unit)
            if int(starts) > 0 or time.monotonic() > end:
                state = await self.run("systemctl", "status", "--no-pager", unit, fine=(0, 3))
                raise RuntimeError(f"{unit} did not start: {self.log(unit)[-800:]} {state[-800:]}")
            await asyncio.sleep(0.1)

    async def pull_the_plug(self) -> None:
        """End everything at once, after what is to be written has been: a thief takes the box later than that."""
        await self.run("sync")
        await asyncio.to_thread(_remove, self.group)

    async def main_pid(self, unit: str) -> int:
        """Give the id that a unit's process has in the box."""
        return int(await self.run("systemctl", "show", "--property=MainPID", "--value", unit))


@contextlib.asynccontextmanager
async def box(units: dict[str, str]) -> AsyncIterator[Box]:
    """Start the box, without any unit, and end it.

    Args:
        units: Units of the harness to be there, by file name.

    Raises:
        RuntimeError: This machine cannot: not root, no systemd, no unified control groups.
    """
    group, folder = _group(), _folder()
    logs, process = folder / "logs", None
    try:
        await asyncio.to_thread(_make_disk, folder / "disk.img")
        await asyncio.to_thread(write_site, folder / "site", units)
        process = await _begin(group, folder, logs)
        yield Box(await _systemd(process, logs), logs, folder / "disk.img", group)
    finally:
        await _end(group, process)
        shutil.rmtree(folder, ignore_errors=True)


async def _begin(group: Path, folder: Path, logs: Path) -> asyncio.subprocess.Process:
    paths = (folder, UNITS, ROOT / "src", Path(sysconfig.get_path("purelib")), Path(sys.base_prefix))
    with (logs / "systemd.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _JOIN, str(group), "unshare", *_NAMESPACES, "/bin/sh", str(HERE / "enter.sh")),
            *map(str, paths),
            stdout=log,
            stderr=log,
        )


async def _systemd(process: asyncio.subprocess.Process, logs: Path) -> int:
    """Wait until it takes orders; give its id."""
    end = time.monotonic() + _START_S
    while process.returncode is None and time.monotonic() < end:
        if pid := _child(process.pid):
            with contextlib.suppress(RuntimeError):
                await Box(pid, logs, logs, logs).run("systemctl", "is-active", "box.target")
                return pid
        await asyncio.sleep(0.05)
    raise RuntimeError(f"systemd did not start: {(logs / 'systemd.log').read_text(errors='replace')[-800:]}")


async def _end(group: Path, process: asyncio.subprocess.Process | None) -> None:
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    await asyncio.to_thread(_remove, group)


def _remove(group: Path) -> None:
    """End what is left in a control group, and take it away."""
    if not group.exists():
        return
    (group / "cgroup.kill").write_text("1", encoding="ascii")
    end = time.monotonic() + _END_S
    while group.is_dir() and time.monotonic() < end:
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()
        time.sleep(0.02)


def _child(pid: int) -> int:
    """Give a process's first child, 0 for none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else 0


def _make_disk(file: Path) -> None:
    with file.open("wb") as image:
        image.truncate(_DISK_BYTES)
    subprocess.run(["/sbin/mkfs.ext4", "-q", str(file)], check=True)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="isolane-box-"))
    folder.chmod(0o755)
    (folder / "logs").mkdir()
    return folder


def why_not() -> str:
    """Give what this machine lacks for a box, "" for nothing."""
    if os.geteuid():
        return "root's rights"
    if not Path("/lib/systemd/systemd").exists():
        return "the Debian package systemd"
    if not _unified():
        return "a unified control-group hierarchy (cgroup2)"
    tried = ["unshare", *_NAMESPACES, "sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /run && losetup -f"]
    done = subprocess.run(tried, capture_output=True, text=True, check=False, timeout=_START_S)
    return f"namespaces and loop devices: {done.stderr.strip()}" if done.returncode else ""


def _unified() -> list[Path]:
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    return [Path(words[4]) for words in mounts if words[words.index("-") + 1] == "cgroup2"]


def _group() -> Path:
    """Make a control group for the box.

    Raises:
        RuntimeError: See `box`.
    """
    if lack := why_not():
        raise RuntimeError(f"the box needs {lack}")
    group = _unified()[0] / f"isolane-box-{os.getpid()}-{time.monotonic_ns()}"
    group.mkdir()
    return group
