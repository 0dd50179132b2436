"""This file checks a worker's share of the limits, and that it starts for its own supervisor only."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.value.settings import Limits, ValueSettings
from isolane.value.workers.messages import Hello
from isolane.value.workers.worker import Worker, share_of


def test_what_all_may_do_together_is_cut_and_what_one_may_do_is_not() -> None:
    whole = Limits(preauth=256, dials=256, dials_per_s=100, dials_burst=200, connections=1000)
    share = share_of(whole, 4)
    assert (share.preauth, share.dials, share.dials_per_s, share.dials_burst) == (64, 64, 25, 50)
    assert share.failed_handshakes_per_min == 150
    same = msgspec.structs.replace(
        share, preauth=256, dials=256, dials_per_s=100, dials_burst=200, failed_handshakes_per_min=600
    )
    assert same == whole
    assert share_of(Limits(dials=2, dials_burst=1, preauth=3), 16).dials == 1


async def test_a_worker_waits_for_its_supervisor_and_knows_when_it_is_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(msgspec.json.encode(Hello(2, 3, [8887])) + b"\n")
    worker = await Worker.join(theirs.detach())
    assert (worker.number, worker.ports) == (2, [8887])
    assert not worker.orphaned.is_set()
    ours.close()
    async with asyncio.timeout(10):
        await worker.orphaned.wait()


async def test_a_worker_without_a_supervisor_does_not_start() -> None:
    reader, writer = os.pipe()
    with pytest.raises(IsolaneError, match="no supervisor"):
        await Worker.join(reader)
    os.close(writer)


def test_the_option_is_not_shown() -> None:
    command = [sys.executable, "-m", "isolane", "value", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "worker-socket" not in run.stdout


@pytest.mark.parametrize(("wanted", "good"), [(["0"], True), (["8887"], True), (["8888"], False), (["0", "0"], False)])
async def test_listeners_that_have_changed_wait_for_a_restart(tmp_path: Path, wanted: list[str], *, good: bool) -> None:
    file = tmp_path / "site.toml"
    tables = "".join(f'[[value.listen]]\naddress = "127.0.0.1:{port}"\n' for port in wanted)
    file.write_text(f'[value]\nmetrics = "127.0.0.1:0"\n[value.csms]\nurl = "ws://127.0.0.1:9"\n{tables}')
    settings = load(file, "value", ValueSettings)
    ours, theirs = socket.socketpair()
    ours.sendall(msgspec.json.encode(Hello(1, 2, [8887])) + b"\n")
    worker = await Worker.join(theirs.detach())
    if good:
        worker.check(settings)
    else:
        with pytest.raises(IsolaneError, match="restart"):
            worker.check(settings)
    ours.close()
    async with asyncio.timeout(10):
        await worker.orphaned.wait()
