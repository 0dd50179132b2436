"""This file gives a line of the ledger whose books balance, for tests to change."""

from isolane.center.store.views import LedgerLine

LINE = LedgerLine(
    site="depot",
    gateway="gw",
    epoch=1,
    stream=1,
    verdict="balanced",
    stated_at_ms=1,
    last_sequence=10,
    produced=1000,
    acknowledged=1000,
    queued=0,
    thinned=0,
    dropped={},
    blocks=10,
    samples=1000,
    duplicates=0,
    size_bytes=500,
    bytes_per_sample=0.5,
    gaps=[],
    holes=[],
)
