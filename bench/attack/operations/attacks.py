"""This file names the attacks on the operations center; importing it registers their steps."""

from bench.attack.operations import (
    approvals,
    dos_shapes,
    downloads,
    edits,
    erasure,
    exports,
    foreign,
    forgery,
    live_feed,
    matrix,
    outside,
    restore,
    server_side_request,
    sessions,
)

__all__ = [
    "approvals",
    "dos_shapes",
    "downloads",
    "edits",
    "erasure",
    "exports",
    "foreign",
    "forgery",
    "live_feed",
    "matrix",
    "outside",
    "restore",
    "server_side_request",
    "sessions",
]
