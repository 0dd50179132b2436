"""This file checks that no child outlives its parent and that a dead child is told with its last words."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from isolane.cli.demo.children import Children
from isolane.core.failures import IsolaneError

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] == "Z"
    except OSError:
        return True


async def _until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while not _gone(pid):
            await asyncio.sleep(0.02)


async def test_a_child_is_started_when_ready_and_stopped_by_sigterm(tmp_path: Path) -> None:
    children = Children(tmp_path)
    await children.start("sleeper", SLEEPER, lambda: "up" in (tmp_path / "sleeper.log").read_text())
    pid = children["sleeper"].process.pid
    children.check_all()
    assert not await children.stop("sleeper")  # killed by SIGTERM: not its own, clean end
    assert _gone(pid)


async def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    children = Children(tmp_path)
    await children.start("deaf", [sys.executable, "-c", code], lambda: "up" in (tmp_path / "deaf.log").read_text())
    pid = children["deaf"].process.pid
    await children.stop("deaf", within_s=0.2)
    assert _gone(pid)


async def test_a_child_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    children = Children(tmp_path)
    with pytest.raises(IsolaneError, match=r"(?s)`short` ended with code 3.*no port for me"):
        await children.start("short", [sys.executable, "-c", "print('no port for me'); exit(3)"], lambda: False)


async def test_a_child_that_never_serves_is_told(tmp_path: Path) -> None:
    children = Children(tmp_path)
    with pytest.raises(IsolaneError, match="does not serve"):
        await children.start("slow", SLEEPER, lambda: False, ready_s=0.2)
    await children.stop_all()


async def test_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from isolane.cli.demo.children import Children\n"
        "async def main():\n"
        f"    children = Children(pathlib.Path({str(tmp_path)!r}))\n"
        f"    await children.start('sleeper', {SLEEPER!r}, lambda: True)\n"
        "    print(children['sleeper'].process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:  # noqa: ASYNC220
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert not _gone(pid)
        os.kill(parent.pid, signal.SIGKILL)
        await asyncio.to_thread(parent.wait)
    await _until_gone(pid)
