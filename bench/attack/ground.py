"""This file is what a case attacks; it guards that each case has a relay, a tap and a CSMS of its own."""

import asyncio
import contextlib
import functools
import hashlib
import re
import shutil
import socket
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from bench.attack.chaos import ChaosProxy
from bench.attack.charger import Charger, Door
from bench.attack.csms import Csms, basic
from bench.attack.pki import Pki
from bench.attack.process import Process
from bench.attack.tapped import Told
from bench.attack.uplink.ground import Uplink, uplink

from isolane.value.access.credentials import Verifier, protect, write_verifiers
from isolane.value.settings import Limits

KNOWN = ("CP", "CP1", "CP2", "CP3", "CP-LEGIT", "SN-1", "SN-A", "SN-B", "SN-0001")
"""Identities the CSMS knows, beside bystanders and herds."""
_LIMITS = {
    "handshake_s": "handshake_s",
    "preauth": "preauth_conns",
    "message_bytes": "max_message",
    "fragments": "fragments",
    "buffer_bytes": "buf",
    "stall_s": "stall_s",
    "close_s": "close_s",
    "dead_s": "nb_detect_s",
    "probe_s": "dup_probe_s",
    "assembly_s": "assembly_s",
    "message_s": "assembly_s",
    "messages_per_s": "msg_hz",
    "messages_burst": "msg_burst",
    "control_frames_per_s": "ctrl_hz",
}
"""The relay's setting for each limit of the cases; those that this relay does not have are left out."""


@dataclass(frozen=True)
class Wish:
    """What a case wants to be different.

    Attributes:
        secure_csms: Whether the CSMS speaks TLS.
        csms_host: Name the relay dials.
        deflate: Whether the CSMS agrees on compression.
        value: More lines of [value].
        csms: More lines of [value.csms].
        limits: Limits instead of the file's.
        tls: Whether there are TLS listeners.
        csms_receive_bytes: Receive buffer of the CSMS's sockets, 0 for the system's.
        links: How Channel B delivers; none: there is no Channel B.
        outbox: More lines of [health.outbox].
        chaos: Whether the relay dials through a bad network.
        echo: Whether the CSMS is a library that echoes, for foreign test suites.
        verify: Whether the relay checks passwords itself.
        learns: Whether it asks the CSMS about a password that is not the stored one.
        hosts: Whether the relay sees a hosts file of the harness's.
        warm: Chargers that come and go before the case: a site in use is the base, not a process that has done nothing.
        tells_health: Whether the tap tells a health process, for which run/health is there; `Told` then hears nothing.
    """

    secure_csms: bool = False
    csms_host: str = "127.0.0.1"
    deflate: bool = False
    value: str = ""
    csms: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    tls: bool = False
    csms_receive_bytes: int = 0
    links: tuple[str, ...] = ()
    outbox: str = ""
    chaos: bool = False
    echo: bool = False
    verify: bool = False
    learns: bool = False
    hosts: bool = False
    warm: int = 64
    tells_health: bool = False


def secret_of(identity: str) -> bytes:
    """Give a charger's password: nobody but it and the CSMS may ever see it."""
    identity = identity.partition("-")[0] if identity.startswith(("BY-", "HERD-")) else identity
    return b"canary-" + hashlib.sha256(identity.encode()).hexdigest()[:13].encode()


@dataclass
class Ground:
    """A running target.

    Attributes:
        lim: Limits of the file of cases.
        legit: Keys of handshakes that are no attack.
        ports: Of the relay's listeners by name: ws, wss, mtls.
        guests: Identities that a CSMS other than `csms` has let in.
        ends: What is called when the target ends: whoever keeps sockets lets go of them.
    """

    folder: Path
    lim: dict[str, float]
    wish: Wish
    csms: Csms
    pki: Pki
    ports: dict[str, int]
    relay: Process
    tap: Process
    told: Told
    legit: set[str] = field(default_factory=set)
    chargers: dict[str, Charger] = field(default_factory=dict)
    living: list[Charger] = field(default_factory=list)
    guests: set[str] = field(default_factory=set)
    ends: list[Callable[[], object]] = field(default_factory=list)
    quick: bool = False
    used: int = 0
    port_taken: int = 0
    chaos: ChaosProxy | None = None
    uplink: Uplink | None = None

    @property
    def processes(self) -> tuple[Process, ...]:
        """Give all that are attacked."""
        return (self.relay, self.tap, *(self.uplink.processes if self.uplink else ()))

    def fresh_identity(self) -> str:
        """Give a known identity that nobody has used in this case."""
        self.used += 1
        return f"HERD-{self.used}"

    def door(self, name: str = "ws", **more: str) -> Door:
        """Give a way in."""
        context = self.pki.trusting() if name == "wss" else None
        return Door(self.ports[name], context=context, source=more.get("source"))

    async def connect(
        self,
        identity: str,
        fields: Iterable[str] = (),
        door: Door | None = None,
        *,
        legit: bool = True,
        auth: str = "good",
    ) -> Charger:
        """Connect a charger; `auth` is good, bad or none."""
        charger = Charger(identity)
        await self.reconnect(charger, fields, door, legit=legit, auth=auth)
        return charger

    async def reconnect(
        self,
        charger: Charger,
        fields: Iterable[str] = (),
        door: Door | None = None,
        *,
        legit: bool = True,
        auth: str = "good",
    ) -> int:
        """Connect a charger again."""
        given = [*self.credentials(charger.identity, auth), *fields]
        status = await charger.connect(door or self.door(), given)
        if legit:
            self.legit.add(charger.key)
            self.chargers[charger.identity] = charger
        if charger.link is not None:
            self.living.append(charger)
        return status

    @staticmethod
    def credentials(identity: str, auth: str) -> list[str]:
        """Give the Authorization line."""
        if auth == "none":
            return []
        password = secret_of(identity) if auth == "good" else b"wrong-" + secret_of(identity)[:8]
        return [f"Authorization: {basic(identity, password)}"]

    async def page(self, process: Process) -> str:
        """Give a metrics page, "" where it does not answer."""
        found = re.search(r"metrics=(\S+)", process.ready)
        if found is None:
            return ""

        def read() -> str:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{found[1]}/metrics", timeout=5) as page:
                return str(page.read(), "utf-8")
            return ""

        return await asyncio.to_thread(read)

    async def answers(self, process: Process) -> bool:
        """Tell whether a process answers; the center by its API."""
        if self.uplink is not None and process is self.uplink.center:
            url = f"http://127.0.0.1:{self.uplink.console_port}/api/v1/sites"
            with contextlib.suppress(OSError):
                return bool(await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).status))
            return False
        return bool(await self.page(process))

    async def metric(self, process: Process, name: str) -> float:
        """Sum a metric over its labels, or over those that begin as `name` says."""
        total = 0.0
        for line in (await self.page(process)).splitlines():
            sample, _, number = line.rpartition(" ")
            if sample == name or sample.startswith((f"{name}{{", f"{name},")):
                total += float(number)
        return total

    async def metric_at(self, url: str, name: str) -> float:
        """Give one metric of another page, 0 where it is not there."""

        def read() -> str:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310 - ours
                return str(page.read(), "utf-8")
            return ""

        lines = (await asyncio.to_thread(read)).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition(" ")[0] == name)

    def write_settings(self, *, broken: str = "") -> None:
        """Write the settings file of relay and tap."""
        (self.folder / "site.toml").write_text(_settings(self) + broken, encoding="utf-8")

    async def unread(self, reason: str) -> float:
        """Give how many messages the tap could not read for a reason."""
        return await self.metric(self.tap, f'isolane_tap_unread_total{{reason="{reason}"}}')

    async def stop_chargers(self) -> None:
        """End every charger that the case has left."""
        for charger in self.living:
            if charger.link is not None and not charger.link.ended.is_set():
                charger.link.go_on()
                charger.link.leave(reset=True)
            await charger.done()


@contextlib.asynccontextmanager
async def standing(lim: dict[str, float], wish: Wish, *, quick: bool) -> AsyncIterator[Ground]:
    """Start a target and end it whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="attack"))
    for name in ("run", "run/health")[: 1 + wish.tells_health]:
        (folder / name).mkdir(mode=0o700)
    pki = Pki(folder / "pki")
    csms = Csms(
        passwords={name: secret_of(name) for name in (*KNOWN, *_many())},
        message_bytes_max=int(lim["max_message"]),
        deflate=wish.deflate,
        receive_bytes=wish.csms_receive_bytes,
    )
    names = ("ws", "wss", "mtls") if wish.tls else ("ws",)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    settings = folder / "site.toml"
    hosts = folder / "hosts" if wish.hosts else None
    if hosts is not None:
        hosts.write_text(f"127.0.0.1 localhost {wish.csms_host}\n", encoding="ascii")
    relay = Process("value", settings, folder / "value.log", hosts=hosts)
    tap = Process("tap", settings, folder / "tap.log")
    echo_port = free_ports(1)[0] if wish.echo else 0
    told = Told(folder / "run" / "events.sock")
    ground = Ground(folder, lim, wish, csms, pki, ports, relay, tap, told, quick=quick, port_taken=echo_port)
    try:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(csms.serving(pki.serving() if wish.secure_csms else None))
            if wish.chaos:
                ground.chaos = await stack.enter_async_context(ChaosProxy(csms.port).serving())
            ground.write_settings()
            await tap.start()
            await relay.start()
            if wish.links:
                way = uplink(folder / "b", links=wish.links, outbox=wish.outbox)
                ground.uplink = await stack.enter_async_context(way)
            yield ground
            await ground.stop_chargers()
    finally:
        for end in ground.ends:
            end()
        await relay.kill()
        await tap.kill()
        told.close()
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(number: int) -> list[int]:
    """Give ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(number)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]


def _many() -> list[str]:
    return [f"BY-{number}" for number in range(64)] + [f"HERD-{number}" for number in range(1000)]


def port_of(ground: Ground) -> int:
    """Give the port that the relay dials."""
    return ground.chaos.port if ground.chaos else ground.port_taken or ground.csms.port


def _settings(ground: Ground) -> str:
    wish, lim = ground.wish, {**ground.lim, **ground.wish.limits}
    fields = {item.encode_name: item for item in msgspec.structs.fields(Limits)}
    limits = {name: lim[theirs] for name, theirs in _LIMITS.items() if name in fields and theirs in lim}
    limits |= {name: value for name, value in lim.items() if name in fields}
    lines = [f"{name} = {_number(value, fields[name].type)}" for name, value in limits.items()]
    scheme = "wss" if wish.secure_csms else "ws"
    csms = f'url = "{scheme}://{wish.csms_host}:{port_of(ground)}{"" if wish.echo else "/csms"}"\n{wish.csms}\n'
    if wish.secure_csms:
        csms += f'ca = "{ground.pki.ca}"\n'
    listen = "".join(_listener(ground, name, port) for name, port in ground.ports.items())
    known = [*KNOWN, *_many()]
    allow = "" if wish.echo else f"allow = {known}\n"
    return (
        '[site]\nname = "attack"\ngateway = "attack"\nrun_dir = "run"\n'
        f'[value]\nmetrics = "127.0.0.1:0"\ndrain_s = 0.2\n{allow}{wish.value}\n[value.csms]\n{csms}'
        f"{_access(ground, known)}[value.limits]\n" + "\n".join(lines) + f"\n{listen}"
        '[tap]\nmetrics = "127.0.0.1:0"\n'
    )


def _listener(ground: Ground, name: str, port: int) -> str:
    query = "pass" if ground.wish.echo else "refuse"
    lines = f'[[value.listen]]\naddress = "127.0.0.1:{port}"\npath = "/ocpp"\nquery = "{query}"\n'
    if name == "mtls":
        lines += 'auth = "pass"\n'
    return lines + (ground.pki.listener(client=name == "mtls") if name != "ws" else "")


def _access(ground: Ground, known: list[str]) -> str:
    mode = "verify" if ground.wish.verify else "pass"
    learn = 'learn = "from-csms"\n' if ground.wish.learns else ""
    lines = f'[value.access]\nauth = "{mode}"\n{learn}state_dir = "state"\norganisation = "attack"\n'
    if not ground.wish.verify:
        return lines
    write_verifiers(ground.folder / "passwords", {name: _verifier(secret_of(name)) for name in known})
    return lines + f'credentials = "passwords"\nfailures_per_min = {int(ground.lim["auth_per_min"])}\n'


@functools.cache
def _verifier(password: bytes) -> Verifier:
    return protect(password)


def _number(value: float, kind: object) -> str:
    return str(int(value)) if "int" in str(kind) and "float" not in str(kind) else str(float(value))
