"""This file floods a gateway beside its business; it guards that the only difference between two spans is who gets it.

Quiet spans and floods take turns: in a quiet span the same messages go to a topic that nobody has subscribed to, so the
flooder and the broker cost the machine the same. Relay, tap and gateway are processes as they are shipped, and share
the processors as their units have it; chargers and CSMS, which are other machines in reality, go before all of them.
"""

import getpass
import statistics
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from socket import create_server
from typing import Final

from bench.isolation.processes import Asked, Server
from bench.isolation.processors import Processors, real_time

from isolane.security.authority import Authority
from isolane.security.envelope import MANIFEST, seal
from isolane.security.key_files import make_key
from isolane.security.key_manifest import Manifest, describe, write
from isolane.security.signing import Signer

RATE: Final = 1000.0
CHARGERS: Final = 10
_GATEWAY: Final = "gw-1"
_TOPIC: Final = "isolane/bench/{}/dn/cmd"
_SETTLE_S: Final = 1.0
_WORLD: Final = 10
"""Real-time priority of chargers and CSMS."""
_FLOODED: Final = "isolane_health_errands_total"
_BROKER = """\
listener {port} 127.0.0.1
cafile {pki}/ca.pem
certfile {pki}/world.pem
keyfile {pki}/world.key
require_certificate true
use_identity_as_username true
allow_anonymous false
persistence false
set_tcp_nodelay true
user {user}
log_dest stderr
log_type error
log_type information
"""
_SITE = """\
[site]
name = "bench"
gateway = "{gateway}"
run_dir = "run"
[value]
metrics = "127.0.0.1:0"
[value.csms]
url = "wss://127.0.0.1:{csms}/ocpp"
ca = "{pki}/ca.pem"
[[value.listen]]
address = "127.0.0.1:{relay}"
path = "/ocpp"
[tap]
metrics = "127.0.0.1:0"
key_file = "tap.key"
[health]
metrics = "127.0.0.1:{metrics}"
[health.outbox]
path = "outbox.db"
[[health.sources]]
type = "host"
[[health.links]]
type = "mqtt"
host = "127.0.0.1"
port = {broker}
ca = "{pki}/ca.pem"
certificate = "{pki}/gateway.pem"
key = "{pki}/gateway.key"
[health.commands]
key = "{keys}/gateway.pem"
manifest = "{keys}/keys.jws"
"""


@dataclass(frozen=True)
class Flood:
    """What was found.

    Attributes:
        quiet_ms: p50 and p99 of all calls in quiet spans, ms.
        flood_ms: The same beside floods.
        ratios: p99 beside the flood over p99 of the quiet span next to it, of each pair.
        sent_per_s: Forged commands sent in a second of a flood.
        met: Forged commands that the gateway has met.
        calls: Calls that were timed.
        arrangement: How relay, tap and gateway share the processors.
    """

    quiet_ms: tuple[float, float]
    flood_ms: tuple[float, float]
    ratios: list[float]
    sent_per_s: float
    met: int
    calls: int
    arrangement: str

    @property
    def ratio(self) -> float:
        """The median of the pairs."""
        return statistics.median(self.ratios)


def measure(folder: Path, pairs: int, span_s: float) -> Flood:
    """Run it all in a folder."""
    with ExitStack() as stack:
        processors = Processors(stack)
        kid, metrics, callers, flooder = _start(stack, folder, processors)
        before = _met(metrics)
        quiet: list[float] = []
        flooded: list[float] = []
        ratios, sent = [], 0
        for number in range(pairs):
            spans = {}
            for name in ("nobody", _GATEWAY) if number % 2 else (_GATEWAY, "nobody"):
                flooder.ask(f"{_TOPIC.format(name)} {kid} {RATE} {span_s + _SETTLE_S}")
                time.sleep(_SETTLE_S)
                callers.ask(str(span_s))
                spans[name] = [float(each) for each in callers.list()]
                went = int(flooder.answer())
                sent += went if name == _GATEWAY else 0
            ratios.append(_p99(spans[_GATEWAY]) / _p99(spans["nobody"]))
            quiet += spans["nobody"]
            flooded += spans[_GATEWAY]
        met = int(_met(metrics) - before)
    rate = sent / (pairs * (span_s + _SETTLE_S))
    return Flood(_two(quiet), _two(flooded), ratios, rate, met, len(quiet) + len(flooded), processors.arrangement)


def _start(stack: ExitStack, folder: Path, processors: Processors) -> tuple[str, int, "_Callers", Asked]:
    pki, keys = folder / "pki", folder / "keys"
    for each in (pki, keys, folder / "run"):
        each.mkdir(mode=0o700)
    authority = Authority(pki)
    authority.create("bench")
    authority.issue("world", common_name="world", hosts=("127.0.0.1",))
    authority.issue("gateway", common_name=_GATEWAY)
    authority.issue("center", common_name="center")
    kid = _make_keys(keys)
    broker, relay, csms, metrics = (_free_port() for _ in range(4))
    conf, site = folder / "broker.conf", folder / "site.toml"
    conf.write_text(_BROKER.format(port=broker, pki=pki, user=getpass.getuser()), encoding="utf-8")
    settings = {"broker": broker, "relay": relay, "csms": csms, "metrics": metrics}
    site.write_text(_SITE.format(gateway=_GATEWAY, pki=pki, keys=keys, **settings), encoding="utf-8")
    mosquitto = which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if mosquitto is None:
        raise SystemExit("there is no mosquitto here")
    python = sys.executable
    world = [pki / "world.pem", pki / "world.key"]
    servers = [
        Server(stack, [mosquitto, "-c", str(conf)], folder / "broker.log", "running"),
        Server(
            stack,
            [python, "-m", "bench.commands.csms", str(csms), *map(str, world)],
            folder / "csms.log",
            "ready",
        ),
    ]
    real_time(servers[1].pid, _WORLD)
    for name, group in (("tap", "b"), ("value", "a"), ("health", "b")):
        nice = ["nice", "-n", "19"] if name == "health" else []
        command = [*nice, python, "-m", "isolane", name, "-c", str(site)]
        servers.append(Server(stack, command, folder / f"{name}.log", "ready"))
        processors.place(servers[-1].pid, group)
    for server in servers:
        server.wait()
    _wait_up(metrics)
    callers = _Callers(
        stack, [python, "-m", "bench.commands.callers", str(relay), str(CHARGERS)], folder / "callers.log"
    )
    identity = [pki / "ca.pem", pki / "center.pem", pki / "center.key"]
    flooder = Asked(
        stack, [python, "-m", "bench.commands.flooder", str(broker), *map(str, identity)], folder / "flooder.log"
    )
    real_time(callers.pid, _WORLD)
    callers.wait()
    flooder.wait()
    return kid, metrics, callers, flooder


class _Callers(Asked):
    """Chargers that answer with a list."""

    def list(self) -> "list[float]":
        """Take the times of a span, s."""
        found: object = self.json()
        return [float(each) for each in found] if isinstance(found, list) else []


def _make_keys(folder: Path) -> str:
    """Make the gateway's key and a manifest; give the name of a key in it."""
    make_key(folder / "gateway.pem", "ed25519", None)
    signers = {}
    for name in ("rita", "rob", "ann"):
        make_key(folder / f"{name}.pem", "ed25519", None)
        signers[name] = Signer(folder / f"{name}.pem")
    roots = [signers["rita"], signers["rob"]]
    now = int(time.time())
    listed = [describe(each.public_key, name, "root") for name, each in signers.items() if each in roots]
    listed.append(describe(signers["ann"].public_key, "ann", "operator"))
    manifest = Manifest(v=1, version=1, issued=now, expires=now + 86_400, threshold=2, keys=tuple(listed))
    (folder / "keys.jws").write_bytes(seal(write(manifest), roots, MANIFEST))
    return signers["ann"].key_id


def _wait_up(metrics: int) -> None:
    deadline = time.monotonic() + 60
    while "isolane_health_link_up{" not in (page := _page(metrics)) or 'link_up{link="mqtt"} 1.0' not in page:
        if time.monotonic() > deadline:
            raise SystemExit("the gateway does not reach its broker")
        time.sleep(0.1)


def _met(metrics: int) -> float:
    lines = [line for line in _page(metrics).splitlines() if line.startswith(f'{_FLOODED}{{kind="cmd"')]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as page:
        text: str = page.read().decode()
        return text


def _two(times_s: list[float]) -> tuple[float, float]:
    return round(1000 * statistics.median(times_s), 3), round(1000 * _p99(times_s), 3)


def _p99(times_s: list[float]) -> float:
    return statistics.quantiles(times_s, n=100)[98]


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
