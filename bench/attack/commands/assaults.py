"""This file gathers the steps against commands; it guards that importing it registers every one."""

from bench.attack.commands import attempts, clock, flood, full, keys, reading, results, tamper

__all__ = ["attempts", "clock", "flood", "full", "keys", "reading", "results", "tamper"]
