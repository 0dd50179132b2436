"""This file checks that several relay workers on one port are one relay: to chargers, to the CSMS, and to its operator.

Which worker takes a charger is the system's draw. Where a test needs a charger in each worker, or two of one identity
in different ones, it makes so many that the draw misses one in a thousand million runs at most.
"""

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from isolane.value.access.credentials import protect, read_verifiers, write_verifiers
from isolane.wire.tap_copy import Kind, unpack
from support.raw_peer import TEXT, Peer, RawCsms, ask, close_code, end, frame, raw_csms, request
from support.relay import Relay, relaying

MASK = b"\x11\x22\x33\x44"
HELLO = frame(TEXT, b"hello", mask=MASK)
MANY = 60
_OPENED = re.compile(r"connection-opened charger=(\S+) connection=(\d+) ")
_SERVES = re.compile(r"worker-serves worker=(\d+) pid=(\d+)")


def homes(relay: Relay) -> dict[str, int]:
    """Give the worker of each charger's newest connection."""
    return {charger: int(number) // 10**12 for charger, number in _OPENED.findall("".join(relay.log))}


def pids(relay: Relay) -> dict[int, int]:
    """Give each worker's newest process."""
    return {int(worker): int(pid) for worker, pid in _SERVES.findall("".join(relay.log))}


async def come(relay: Relay, upstream: RawCsms, chargers: list[str]) -> dict[str, tuple[Peer, Peer]]:
    """Connect chargers one after the other; give both ends of each."""
    pairs = {}
    before = len(_OPENED.findall("".join(relay.log)))
    for charger in chargers:
        peer = await ask(relay.ports[0], request(f"/ocpp/{charger}"))
        assert peer.head.startswith(b"HTTP/1.1 101 "), peer.head
        pairs[charger] = (peer, await upstream.accepted())
    await relay.until_log("connection-opened", before + len(chargers))
    return pairs


async def talk(pair: tuple[Peer, Peer]) -> None:
    charger, csms = pair
    charger.writer.write(HELLO)
    async with asyncio.timeout(10):
        assert await csms.reader.readexactly(len(HELLO)) == HELLO


async def leave(*peers: Peer) -> None:
    await asyncio.gather(*(end(peer.writer) for peer in peers))


def names(count: int, prefix: str = "CP") -> list[str]:
    return [f"{prefix}{index}" for index in range(count)]


def url(upstream: RawCsms) -> str:
    return f'url = "ws://127.0.0.1:{upstream.port}"'


@pytest.mark.parametrize("workers", [2, 3])
async def test_chargers_are_spread_counted_together_and_drained_together(tmp_path: Path, workers: int) -> None:
    async with raw_csms() as upstream, relaying(tmp_path, url(upstream), value=f"workers = {workers}") as relay:
        assert f"workers={workers}" in relay.log[-1]
        pairs = await come(relay, upstream, names(MANY))
        for pair in pairs.values():
            await talk(pair)
        assert set(homes(relay).values()) == set(range(1, workers + 1))
        numbers = [number for _, number in _OPENED.findall("".join(relay.log))]
        assert len(set(numbers)) == MANY
        assert await relay.metric("isolane_value_workers") == workers
        assert await relay.metric("isolane_value_connections") == MANY
        assert await relay.metric('isolane_value_handshakes_total{result="accepted"}') == MANY
        assert await relay.metric('isolane_value_frames_total{direction="from-charger"}') == MANY
        assert await relay.metric('isolane_value_bytes_total{direction="from-charger"}') == MANY * len(HELLO)
        relay.end()
        async with asyncio.timeout(15):
            for charger, csms in pairs.values():
                assert close_code(await charger.reader.readexactly(4)) == 1001
                await leave(charger, csms)
            assert await relay.process.wait() == 0


async def answers(charger: Peer) -> None:
    """Be alive: say something when anything comes."""
    if await charger.reader.read(1):
        charger.writer.write(HELLO)


async def test_an_identity_is_held_across_workers(tmp_path: Path) -> None:
    living, silent = names(30, "LIVE"), names(30, "DEAD")
    async with raw_csms() as upstream:
        limits = "probe_s = 2\nclose_s = 1"
        async with relaying(tmp_path, url(upstream), value="workers = 2", limits=limits) as relay:
            old = await come(relay, upstream, living + silent)
            before = homes(relay)
            alive = [asyncio.create_task(answers(old[charger][0])) for charger in living]
            again = await asyncio.gather(*(ask(relay.ports[0], request(f"/ocpp/{each}")) for each in living + silent))
            status = [peer.head[9:12] for peer in again]
            assert status[:30] == [b"409"] * 30, "a living connection stays"
            assert status[30:] == [b"101"] * 30, "a dead one gives way"
            await asyncio.gather(*alive)
            assert len(upstream.heads) == 60 + 30, "no refused newcomer has reached the CSMS"
            for charger in silent:
                async with asyncio.timeout(10):
                    assert close_code(await old[charger][1].reader.read()) == 1001
            await relay.until_metric("isolane_value_connections", 60)
            await relay.until_log("connection-opened", 90)
            after = homes(relay)
            assert any(before[charger] != after[charger] for charger in silent), "from one worker to another"
            fresh = await asyncio.gather(*(upstream.accepted() for _ in silent))
            await leave(*again, *fresh, *(peer for pair in old.values() for peer in pair))
            await relay.until_metric("isolane_value_connections", 0)
            await leave(*(await come(relay, upstream, ["LIVE0"]))["LIVE0"])


@pytest.mark.parametrize("policy", ["ping-old", "newest-if-authenticated", "refuse"])
async def test_of_twenty_newcomers_one_is_connected(tmp_path: Path, policy: str) -> None:
    value = f'workers = 3\nduplicates = "{policy}"'
    async with raw_csms() as upstream, relaying(tmp_path, url(upstream), value=value) as relay:
        alive: list[asyncio.Task[None]] = []

        async def come_alive() -> Peer:
            peer = await ask(relay.ports[0], request("/ocpp/CP1"))
            if b" 101 " in peer.head:
                alive.append(asyncio.create_task(answers(peer)))
            return peer

        peers = await asyncio.gather(*(come_alive() for _ in range(20)))
        if policy != "newest-if-authenticated":
            assert sorted(peer.head[9:12] for peer in peers) == [b"101"] + [b"409"] * 19
        await relay.until_metric("isolane_value_connections", 1)
        await leave(*peers)
        await asyncio.gather(*alive)
        await relay.until_metric("isolane_value_connections", 0)


async def test_a_worker_that_is_killed_is_started_again_and_the_others_do_not_notice(tmp_path: Path) -> None:
    async with (
        raw_csms() as upstream,
        relaying(tmp_path, url(upstream), value="workers = 2", may_log_errors=True) as relay,
    ):
        pairs = await come(relay, upstream, names(MANY))
        accepted = 'isolane_value_handshakes_total{result="accepted"}'
        assert await relay.metric(accepted) == MANY
        at = homes(relay)
        lost = [charger for charger in pairs if at[charger] == 1]
        os.kill(pids(relay)[1], signal.SIGKILL)
        for charger in lost:
            async with asyncio.timeout(10):
                with suppress(ConnectionResetError):
                    assert await pairs[charger][0].reader.read() == b""
        for charger in pairs.keys() - lost:
            await talk(pairs[charger])
        back = await come(relay, upstream, lost)
        await relay.until_log("worker-serves worker=1", 2)
        await relay.until_metric("isolane_value_workers", 2)
        assert await relay.metric("isolane_value_worker_restarts_total") == 1
        assert await relay.metric(accepted) == MANY + len(lost), "what the dead one had counted is not lost"
        more = await come(relay, upstream, names(MANY, "NEW"))
        assert {homes(relay)[charger] for charger in more} == {1, 2}
        await relay.until_metric("isolane_value_connections", 2 * MANY)
        stays = next(iter(pairs.keys() - lost))
        alive = asyncio.create_task(answers(pairs[stays][0]))
        thief = await ask(relay.ports[0], request(f"/ocpp/{stays}"))
        assert thief.head.startswith(b"HTTP/1.1 409 ")
        await alive
        await leave(thief, *(peer for pair in (pairs | back | more).values() for peer in pair))
        await leave(*(peer for charger in lost for peer in pairs[charger]))


async def test_without_a_supervisor_charging_goes_on(tmp_path: Path) -> None:
    async with raw_csms() as upstream:
        living: list[int] = []
        try:
            async with relaying(
                tmp_path, url(upstream), value="workers = 2", may_log_errors=True, code=-signal.SIGKILL
            ) as relay:
                pairs = await come(relay, upstream, names(MANY))
                living = list(pids(relay).values())
                relay.process.kill()
                await relay.until_log("supervisor-gone", 2)
                for pair in pairs.values():
                    await talk(pair)
                with pytest.raises(ConnectionRefusedError):
                    await ask(relay.ports[0], request("/ocpp/NEW"))
                listen = f'[[value.listen]]\naddress = "127.0.0.1:{relay.ports[0]}"\npath = "/ocpp"\n'
                folder = tmp_path / "anew"
                folder.mkdir()
                async with relaying(folder, url(upstream), value="workers = 2", listen=listen) as anew:
                    for pair in (await come(anew, upstream, names(4, "NEW"))).values():
                        await leave(*pair)
                first, *rest = pairs.values()
                await leave(*first)
                for pid in living:
                    os.kill(pid, signal.SIGTERM)
                async with asyncio.timeout(15):
                    for charger, csms in rest:
                        assert close_code(await charger.reader.readexactly(4)) == 1001
                        await leave(charger, csms)
            living.clear()
        finally:
            for pid in living:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


async def test_a_reload_reaches_every_worker(tmp_path: Path) -> None:
    async with (
        raw_csms() as upstream,
        relaying(tmp_path, url(upstream), value='workers = 2\nallow = ["CP1"]') as relay,
    ):
        settings = tmp_path / "site.toml"
        settings.write_text(settings.read_text().replace('["CP1"]', '["CP2"]'))
        relay.process.send_signal(signal.SIGHUP)
        await relay.until_log("reloaded ", 2)
        peers = [await ask(relay.ports[0], request("/ocpp/CP1")) for _ in range(30)]
        assert {peer.head[9:12] for peer in peers} == {b"404"}
        for peer in (*peers, *(await come(relay, upstream, ["CP2"]))["CP2"]):
            await end(peer.writer)


async def test_each_worker_has_a_tap_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as tap:
        tap.bind(str(tmp_path / "run/tap.sock"))
        tap.listen()
        tap.settimeout(10)
        async with raw_csms() as upstream, relaying(tmp_path, url(upstream), value="workers = 3") as relay:
            pairs = await come(relay, upstream, names(MANY))
            at = homes(relay)
            told: dict[int, set[str]] = {}
            for _ in range(3):
                link, _ = await asyncio.to_thread(tap.accept)
                with link:
                    link.settimeout(10)
                    while sum(map(len, told.values())) < MANY:
                        copies = unpack(await asyncio.to_thread(link.recv, 1 << 17)).copies
                        worker = copies[0].connection // 10**12
                        opened = {json.loads(copy.payload)["charger"] for copy in copies if copy.kind == Kind.OPEN}
                        told[worker] = told.get(worker, set()) | opened
                        if len(told[worker]) == sum(home == worker for home in at.values()):
                            break
            assert told == {worker: {each for each in at if at[each] == worker} for worker in (1, 2, 3)}
            await leave(*(peer for pair in pairs.values() for peer in pair))


async def test_failed_authentications_are_counted_together(tmp_path: Path) -> None:
    write_verifiers(tmp_path / "credentials", {"CP1": protect(b"right")})
    access = '[value.access]\nauth = "verify"\ncredentials = "credentials"\nfailures_per_min = 3\n'
    listen = access + '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
    wrong = "Authorization: Basic " + base64.b64encode(b"CP1:wrong").decode()
    async with (
        raw_csms() as upstream,
        relaying(tmp_path, url(upstream), value="workers = 2", listen=listen) as relay,
    ):
        peers = [await ask(relay.ports[0], request("/ocpp/CP1", wrong)) for _ in range(24)]
        status = [peer.head[9:12] for peer in peers]
        assert status == [b"401"] * 3 + [b"429"] * 21
        await leave(*peers)


async def test_what_one_worker_learns_all_know(tmp_path: Path) -> None:
    write_verifiers(tmp_path / "credentials", {"CP1": protect(b"old")})
    access = '[value.access]\nauth = "verify"\ncredentials = "credentials"\nlearn = "from-csms"\n'
    listen = access + '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
    field = "Authorization: Basic " + base64.b64encode(b"CP1:new").decode()
    async with (
        raw_csms() as upstream,
        relaying(tmp_path, url(upstream), value="workers = 2", listen=listen) as relay,
    ):
        for count in range(1, 31):
            charger = await ask(relay.ports[0], request("/ocpp/CP1", field))
            assert charger.head.startswith(b"HTTP/1.1 101 "), count
            await leave(charger, await upstream.accepted())
            await relay.until_metric("isolane_value_connections", 0)
        assert len(set(re.findall(r"charger=CP1 connection=(\d)", "".join(relay.log)))) == 2
        assert await relay.metric('isolane_value_security_events_total{type="credential"}') == 1
    assert "CP1" in read_verifiers(tmp_path / "credentials")


async def test_connections_are_bounded_together(tmp_path: Path) -> None:
    async with (
        raw_csms() as upstream,
        relaying(tmp_path, url(upstream), value="workers = 3", limits="connections = 10") as relay,
    ):
        peers = [await ask(relay.ports[0], request(f"/ocpp/{each}")) for each in names(16)]
        assert [peer.head[9:12] for peer in peers] == [b"101"] * 10 + [b"503"] * 6
        await leave(*peers)
        await relay.until_metric("isolane_value_connections", 0)
        await leave(*(await come(relay, upstream, ["CP1"]))["CP1"])


def test_what_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    settings = tmp_path / "site.toml"

    def start(listener: str) -> subprocess.CompletedProcess[str]:
        settings.write_text(
            '[site]\nname="s"\ngateway="g"\nrun_dir="run"\n[value]\nmetrics="127.0.0.1:0"\nworkers=2\n'
            f'[value.csms]\nurl="ws://127.0.0.1:9"\n[[value.listen]]\n{listener}\n'
        )
        command = [sys.executable, "-m", "isolane", "value", "-c", str(settings)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        run = start(f'address="127.0.0.1:{taken.getsockname()[1]}"')
    assert run.returncode == 2
    assert "cannot listen for chargers on 127.0.0.1:" in run.stderr
    missing = tmp_path / "missing.pem"
    run = start(f'address="127.0.0.1:0"\ncertificate="{missing}"\nkey="{missing}"')
    assert run.returncode == 2
    assert "missing.pem" in run.stderr
    assert "a worker of the relay did not start" in run.stderr
    assert "Traceback" not in run.stderr
