"""This file starts what a case about commands attacks; it guards that whatever is started ends with the case."""

import asyncio
import contextlib
import getpass
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench.attack.commands.ground import GATEWAY, OTHER, CommandGround, Gateway
from bench.attack.commands.people import People, make_key, manifest
from bench.attack.ground import Ground, Wish, free_ports, standing
from bench.attack.process import Process
from bench.attack.uplink.client import client, trusting
from bench.attack.uplink.ground import Broker

from isolane.cli import folder as templates
from isolane.security.authority import Authority

_CENTER: Final = """[center]
data = "data"
console = "127.0.0.1:0"
metrics = "127.0.0.1:{metrics}"
[center.commands]
manifest = "keys-1.jws"
gateway_keys = "gateway-keys"
witness = "keys/witness.pem"
[center.https]
address = "127.0.0.1:0"
client_ca = "pki/ca.pem"
certificate = "pki/ingest.pem"
key = "pki/ingest.key"
[center.mqtt]
host = "127.0.0.1"
port = {port}
ca = "pki/ca.pem"
certificate = "pki/center.pem"
key = "pki/center.key"
client_id = "center"
reconnect_s_max = 0.5
answer_s = 0.1
"""
_GATEWAY: Final = """[site]
name = "site"
gateway = "gw-01"
run_dir = "{run}"
[health]
metrics = "127.0.0.1:0"
flush_s = 2
[health.outbox]
path = "outbox.db"
block_rows = 5
[[health.sources]]
type = "host"
period_s = 1
{more}
[[health.links]]
type = "mqtt"
host = "127.0.0.1"
port = {port}
ca = "{folder}/pki/ca.pem"
certificate = "{folder}/pki/gw-01.pem"
key = "{folder}/pki/gw-01.key"
reconnect_s_max = 0.5
ack_timeout_s = 2
ledger_s = 1
[health.commands]
key = "{folder}/keys/gw-01.pem"
manifest = "keys.jws"
state = "{state}"
[health.commands.verbs]
ask_chargers = true
targets = [{{ name = "loop", host = "127.0.0.1" }}]
{verbs}
[health.commands.verbs.disruptive]
chargers = [{{ charger = "CP1", evses = 1 }}]
per_hour = 60
"""
_OWN_CALLS: Final = """[value.own_calls]
enabled_for = ["CP1", "CP2"]
audit = "own-calls.jsonl"
actions_v2 = ["GetVariables", "TriggerMessage", "GetLog", "Reset"]
calls_per_min = 600
"""


@contextlib.asynccontextmanager
async def commanded(
    limits: dict[str, float],
    *,
    quick: bool,
    more: str = "",
    verbs: str = "",
    own_calls: str = "",
    files: Mapping[str, str] = MappingProxyType({}),
    state: Path | None = None,
) -> AsyncIterator[CommandGround]:
    """Start a target and end it whatever happens.

    Args:
        limits: Of the file of cases.
        quick: Whether long times are to be short.
        more: More of the gateway's settings, after its first source.
        verbs: More of [health.commands.verbs].
        own_calls: More of [value.own_calls].
        files: More files beside the gateway's settings, by name.
        state: Where the gateway keeps its audit, when not beside its outbox; is there.
    """
    wish = Wish(value=_OWN_CALLS + own_calls, tells_health=True)
    async with contextlib.AsyncExitStack() as stack:
        base = await stack.enter_async_context(standing(limits, wish, quick=quick))
        ground = _write(base, state, more=more, verbs=verbs)
        for name, text in files.items():
            (ground.gateway.folder / name).write_text(text, encoding="utf-8")
        for process in (ground.broker, ground.center, ground.gateway):
            stack.push_async_callback(process.kill)
        await asyncio.gather(ground.broker.start(), ground.center.start())
        tls = trusting(ground.folder / "pki/ca.pem", ground.identity("center"))
        ground.attacker = await stack.enter_async_context(client(ground.broker.port, tls, "whoever-owns-it"))
        await ground.attacker.subscribe("isolane/+/+/up/#")
        if not ground.attacker.connected or max(ground.attacker.granted, default=99) > 2:
            raise RuntimeError(f"the attacker hears nothing: {ground.broker.text()[-300:]}")
        await ground.gateway.start()
        await ground.until(lambda: bool(ground.statements()), "a statement")
        await ground.plug()
        yield ground


def _write(base: Ground, state: Path | None, *, more: str, verbs: str) -> CommandGround:
    folder = base.folder / "commands"
    box = folder / "gateway"
    box.mkdir(parents=True)
    for name in ("data", "gateway-keys", "keys"):
        (folder / name).mkdir(mode=0o700)
    authority = Authority(folder / "pki")
    authority.create("attack")
    for name in ("broker", "ingest"):
        authority.issue(name, common_name="localhost", hosts=("127.0.0.1", "localhost"))
    for name in (GATEWAY, OTHER, "center"):
        authority.issue(name, common_name=name)
    people = People(folder / "people")
    keys = {name: make_key(folder / f"keys/{name}.pem") for name in (GATEWAY, OTHER, "witness")}
    for name in (GATEWAY, OTHER):
        public = (folder / f"keys/{name}.pub").read_bytes()
        (folder / f"gateway-keys/{name}.pem").write_bytes(public)
    first = manifest(1, people.known, people.roots)
    (folder / "keys-1.jws").write_bytes(first)
    (box / "keys.jws").write_bytes(first)
    port, metrics = free_ports(2)
    _write_settings(folder, box, (port, metrics), state or box / "commands", more=more, verbs=verbs)
    broker = Broker(folder / "mosquitto.conf", folder / "broker.log", port)
    center = Process("center", folder / "center.toml", folder / "center.log")
    return CommandGround(
        base, folder, people, keys[GATEWAY], keys[OTHER], broker, center, Gateway(box), state or box / "commands",
        f"http://127.0.0.1:{metrics}/metrics",
    )  # fmt: skip


def _write_settings(folder: Path, box: Path, ports: tuple[int, int], state: Path, *, more: str, verbs: str) -> None:
    port, metrics = ports
    (folder / "center.toml").write_text(_CENTER.format(port=port, metrics=metrics), encoding="utf-8")
    paths = {"port": port, "run": folder.parent / "run", "folder": folder, "state": state}
    (box / "site.toml").write_text(_GATEWAY.format(**paths, more=more, verbs=verbs), encoding="utf-8")
    values = {"broker_port": str(port), "broker_bind": "127.0.0.1", "folder": str(folder), "user": getpass.getuser()}
    conf = templates.passage("mosquitto.conf", values).replace("use_username_as_clientid true\n", "")
    (folder / "mosquitto.conf").write_text(conf, encoding="utf-8")
    (folder / "mosquitto.acl").write_text(templates.passage("mosquitto.acl", values), encoding="utf-8")
