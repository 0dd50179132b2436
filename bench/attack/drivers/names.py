"""This file lies about names; it guards that only the relay sees the lie: its hosts file is its own."""

import contextlib
import socket
from collections.abc import Iterator

from bench.attack.fill import UnknownError
from bench.attack.ground import Ground
from bench.attack.pki import Leaf
from bench.attack.steps import Turn, step
from bench.attack.wishes import NAME
from cryptography.x509.oid import ExtendedKeyUsageOID

_SWITCHING = 101
_REFUSED = {502, 503, 504}


@step("dns")
async def dns(turn: Turn) -> None:
    """Let the CSMS's name fail in several ways; before and after each the charger gets in."""
    measures = turn.proof.measures
    measures["wrong_ip"] = measures["reconnect"] = True
    for kind in turn.arg():
        if kind not in _WAYS:
            raise UnknownError(f"dns {kind}")
        status = await _WAYS[kind](turn.ground)
        turn.proof.notes.append(f"{kind}: {status}")
        if kind == "wrong_ip" and status == _SWITCHING:
            measures["wrong_ip"] = "a CSMS of another name was spoken to"
        wanted = {_SWITCHING} if kind in {"aaaa_blackhole", "ip_change"} else _REFUSED
        if status not in wanted:
            measures["reconnect"] = f"{kind}: the charger got {status}, expected {sorted(wanted)}"
        _point(turn.ground, "127.0.0.1")
        if await _ask(turn.ground) != _SWITCHING:
            measures["reconnect"] = f"after {kind} the charger does not get in"


def _point(ground: Ground, *addresses: str) -> None:
    lines = ["127.0.0.1 localhost", *(f"{address} {NAME}" for address in addresses)]
    (ground.folder / "hosts").write_text("\n".join(lines) + "\n", encoding="ascii")


async def _ask(ground: Ground) -> int:
    charger = await ground.connect(ground.fresh_identity())
    return charger.status


async def _nxdomain(ground: Ground) -> int:
    _point(ground)
    return await _ask(ground)


async def _wrong_ip(ground: Ground) -> int:
    leaf = Leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH)
    other = ground.pki.serving(ground.pki.issue("other", "other.test", leaf, hosts=("other.test",)))
    async with ground.csms.also_at("127.0.0.2", other):
        _point(ground, "127.0.0.2")
        return await _ask(ground)


async def _ip_change(ground: Ground) -> int:
    async with ground.csms.also_at("127.0.0.3", ground.pki.serving()):
        _point(ground, "127.0.0.3")
        return await _ask(ground)


async def _aaaa_blackhole(ground: Ground) -> int:
    with _blackhole(ground.csms.port):
        _point(ground, "::1", "127.0.0.1")
        return await _ask(ground)


@contextlib.contextmanager
def _blackhole(port: int) -> Iterator[None]:
    """Listen on ::1 with a queue that is full: whoever connects waits for an answer that never comes."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_INET6))
        server.bind(("::1", port))
        server.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket(socket.AF_INET6))
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("::1", port))
        yield


_WAYS = {"nxdomain": _nxdomain, "wrong_ip": _wrong_ip, "aaaa_blackhole": _aaaa_blackhole, "ip_change": _ip_change}
