"""This file is a gateway that posts to the center; it guards that what a case shows came in by the way all things come.

Its certificate is of the CA that the ground has made; each gateway speaks for the site of its own tenant.
"""

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
from bench.attack.operations.ground import GATEWAY, SITE, Center
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.security.authority import Identity
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up, ingest_path

_STREAM = 4
_STEP_MS = 1000
_ANSWER_S = 60


@dataclass
class Poster:
    """One gateway with one schema.

    Attributes:
        t0_ms: Time of its next row.
    """

    http: httpx.AsyncClient
    tenant: str
    schema: Schema
    t0_ms: int
    sequence: int = 0
    epoch: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def now(self) -> None:
        """Go on with the row of this second."""
        self.t0_ms = max(self.t0_ms, time.time_ns() // 1_000_000_000 * 1000)

    async def send(self, values: NDArray[np.int64], codes: NDArray[np.uint8] | None = None) -> None:
        """Post rows as one block, shape (columns, rows), behind those before.

        Raises:
            RuntimeError: It was not taken.
        """
        self.sequence += 1
        marks = np.zeros(values.shape, np.uint8) if codes is None else codes
        key = BlockKey(self.epoch, _STREAM, self.sequence)
        block = Block(key, self.schema.id, self.t0_ms, _STEP_MS, values, marks, floats=self.schema.floats)
        self.t0_ms += _STEP_MS * values.shape[1]
        site, gateway = SITE[self.tenant], GATEWAY[self.tenant]
        answer = await self.post(Up.BLOCK, encode(block, gateway_tag(site, gateway)))
        if answer.status_code != HTTPStatus.OK or b'"poison":[{' in answer.content:
            raise RuntimeError(f"a block of {gateway} got {answer.status_code}: {answer.text[:200]}")

    async def post(self, kind: Up, data: bytes) -> httpx.Response:
        """Post anything."""
        return await self.http.post(ingest_path(SITE[self.tenant], GATEWAY[self.tenant], kind), content=data)


@contextlib.asynccontextmanager
async def posting(center: Center, tenant: str, signals: tuple[Signal, ...], t0_ms: int) -> AsyncIterator[Poster]:
    """Let a gateway of a tenant speak for as long as the block lasts; its schema is told."""
    pki = center.folder / "pki"
    trust = ssl.create_default_context(cafile=pki / "ca.pem")
    own = identity(pki, tenant)
    trust.load_cert_chain(own.certificate, own.key)
    async with httpx.AsyncClient(base_url=center.ingest, verify=trust, timeout=_ANSWER_S) as http:
        poster = Poster(http, tenant, Schema.of(signals), t0_ms)
        answer = await poster.post(Up.SCHEMA, poster.schema.json)
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(f"a schema of {GATEWAY[tenant]} got {answer.status_code}: {answer.text[:200]}")
        yield poster


def identity(pki: Path, tenant: str) -> Identity:
    """Say where a gateway's certificate is."""
    return Identity(pki / f"{GATEWAY[tenant]}.pem", pki / f"{GATEWAY[tenant]}.key")
