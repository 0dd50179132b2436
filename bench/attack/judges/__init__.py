"""Judges of sentences, a file for each kind of attack. Importing this package registers them."""

from bench.attack.judges import handshake, identity, splice, timing, transactions, uplink

__all__ = ["handshake", "identity", "splice", "timing", "transactions", "uplink"]
