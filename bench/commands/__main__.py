"""This file measures how long a command's envelope and payload take to be checked; it guards that the cost is known.

Processor time of one thread, so that what else runs on the machine counts little: two Ed25519 signatures (R2), one
Ed25519 and one ES256, and a forged signature, which is what a flood consists of.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from isolane.security.envelope import COMMAND, EnvelopeError, Signs, parse, seal, verify
from isolane.security.key_files import make_key
from isolane.security.signing import PublicKey, Signer
from isolane.wire.command import Approval, Command, Request, read, write

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


def _look(data: bytes, keys: dict[str, PublicKey]) -> None:
    envelope = parse(data, COMMAND)
    verify(envelope, keys)
    read(envelope.payload, Command)


def _measure(name: str, data: bytes, keys: dict[str, PublicKey], looks: int) -> None:
    times_ms = []
    for _ in range(looks):
        start = time.thread_time_ns()
        with contextlib.suppress(EnvelopeError):
            _look(data, keys)
        times_ms.append((time.thread_time_ns() - start) / 1e6)
    cuts = statistics.quantiles(times_ms, n=100)
    print(f"| {name} | {len(data)} | {cuts[49]:.2f} | {cuts[98]:.2f} |")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=1000, help="default: 1000")
    looks = parser.parse_args().looks
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
    print("| signatures | bytes | p50, ms | p99, ms |\n|---|---:|---:|---:|")
    for name, people in sealed.items():
        _measure(name, seal(payload, people, COMMAND), keys, looks)
    forged = seal(payload, [ann], COMMAND)
    _measure("one, forged", forged, {ann.key_id: bob.public_key}, looks)


main()
