"""This file checks the process: what it loads, how it starts, how it drains."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from support.raw_peer import BINARY, CLOSE, TEXT, Peer, close_code, frame
from support.relay import Relay

Joined = Callable[..., AbstractAsyncContextManager[tuple[Relay, Peer, Peer]]]
MASK = b"\x11\x22\x33\x44"


def test_the_relay_loads_nothing_of_channel_b() -> None:
    program = """
import sys
import isolane.value.app
loaded = {name for name in sys.modules if name.split(".")[0] in {"numpy", "sqlite3"}}
foreign = ("isolane.health", "isolane.center", "isolane.tap", "isolane.sim")
loaded |= {name for name in sys.modules if name.startswith(foreign)}
print(sorted(loaded))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_used_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "site.toml").write_text(
            f'[site]\nname="s"\ngateway="g"\nrun_dir="run"\n[value]\nmetrics="127.0.0.1:0"\n'
            f'[value.csms]\nurl="ws://127.0.0.1:9"\n[[value.listen]]\naddress="127.0.0.1:{port}"\n'
        )
        command = [sys.executable, "-m", "isolane.cli.main", "value", "-c", str(tmp_path / "site.toml")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert f"cannot listen for chargers on 127.0.0.1:{port}" in run.stderr
    assert "Traceback" not in run.stderr


async def test_a_drain_closes_at_a_frame_boundary(joined: Joined) -> None:
    down = frame(BINARY, bytes(5000))
    up = frame(TEXT, b"last words", mask=MASK)
    goodbye = frame(CLOSE, b"\x03\xe9", mask=MASK)
    async with joined(value="drain_s = 0.1") as (relay, charger, csms):
        csms.writer.write(down[:3000])
        assert await charger.reader.readexactly(3000) == down[:3000]
        relay.end()
        await asyncio.sleep(0.4)
        csms.writer.write(down[3000:] + b"never")
        async with asyncio.timeout(30):
            rest = await charger.reader.read()
            assert rest.startswith(down[3000:]), "the frame in flight is whole"
            assert close_code(rest[len(down) - 3000 :]) == 1001
            assert len(rest) == len(down) - 3000 + 4
            charger.writer.write(up + goodbye)
            charger.writer.close()
            assert await csms.reader.read() == up + goodbye, "what the charger said last still arrives"
            csms.writer.close()
            assert await relay.process.wait() == 0
        assert "cause=drain" in "".join(relay.log)


async def test_a_drain_does_not_wait_for_ever(joined: Joined) -> None:
    async with joined(value="drain_s = 0.1", limits="close_s = 0.4") as (relay, charger, csms):
        relay.end()
        async with asyncio.timeout(30):
            assert close_code(await csms.reader.read()) == 1001
            assert close_code(await charger.reader.read()) == 1001
            assert await relay.process.wait() == 0


async def test_a_drain_ends_early_when_chargers_leave(joined: Joined) -> None:
    async with joined(value="drain_s = 60") as (relay, charger, csms):
        relay.end()
        await asyncio.sleep(0.1)
        charger.writer.close()
        csms.writer.close()
        async with asyncio.timeout(30):
            assert await relay.process.wait() == 0
