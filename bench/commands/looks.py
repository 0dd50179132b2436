"""This file measures how long a command's envelope and payload take to be checked; it guards that the cost is known.

Processor time of one thread, so that what else runs on the machine counts little: two Ed25519 signatures (R2), one
Ed25519 and one ES256, and a forged signature, which is what a flood consists of.
"""

import contextlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isolane.security.envelope import COMMAND, EnvelopeError, Signs, parse, seal, verify
from isolane.security.key_files import make_key
from isolane.security.signing import PublicKey, Signer
from isolane.wire.command import Approval, Command, Request, read, write

FORGED: Final = "one, forged"
_COMMAND = Command(
    v=1,
    jti="A" * 22,
    iss="center",
    aud="gw-01",
    verb="charger.reset",
    args={"charger": "CP1"},
    pre=("idle:CP1",),
    req=Request(sub="ann@example.org", role="operator", ticket="T-1", reason="it hangs since noon"),
    appr=Approval(kind="R2", need=2),
    iat=1_700_000_000,
    nbf=1_700_000_000,
    exp=1_700_000_300,
    boot="B" * 22,
    chal="C" * 22,
    seq=1,
    keys_ver=1,
)


@dataclass(frozen=True)
class Look:
    """What one kind of envelope costs: bytes, and ms of one thread."""

    signatures: str
    size_bytes: int
    p50_ms: float
    p99_ms: float


def measure(looks: int) -> list[Look]:
    """Measure each kind so many times."""
    with tempfile.TemporaryDirectory() as folder:
        signers = []
        for number, kind in enumerate(("ed25519", "ed25519", "p256")):
            path = Path(folder) / f"{number}.pem"
            make_key(path, "p256" if kind == "p256" else "ed25519", None)
            signers.append(Signer(path))
    keys = {each.key_id: each.public_key for each in signers}
    ann, bob, hardware = signers
    payload = write(_COMMAND)
    sealed: dict[str, list[Signs]] = {"two Ed25519": [ann, bob], "Ed25519 and ES256": [ann, hardware]}
    found = [_measured(name, seal(payload, people, COMMAND), keys, looks) for name, people in sealed.items()]
    forged = seal(payload, [ann], COMMAND)
    return [*found, _measured(FORGED, forged, {ann.key_id: bob.public_key}, looks)]


def _measured(name: str, data: bytes, keys: dict[str, PublicKey], looks: int) -> Look:
    times_ms = []
    for _ in range(looks):
        start = time.thread_time_ns()
        with contextlib.suppress(EnvelopeError):
            envelope = parse(data, COMMAND)
            verify(envelope, keys)
            read(envelope.payload, Command)
        times_ms.append((time.thread_time_ns() - start) / 1e6)
    cuts = statistics.quantiles(times_ms, n=100)
    return Look(name, len(data), round(cuts[49], 3), round(cuts[98], 3))
