"""Sudden death on the business path: relay, CSMS, chargers and tap are killed at random, and every bill must be right.

Flow: `__main__` starts the processes, kills and restarts them for a while, lets the chargers finish, and judges what
they all wrote down: meters against the ledger, and each connection's frames at one end against those at the other.
"""
