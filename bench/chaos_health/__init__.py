"""Sudden death on the health path: gateway, broker, center, links, disk, clock fail at random, and the books balance.

Flow: `__main__` starts the processes, sets faults one after another, puts everything right, waits until the outbox is
empty, and judges the gateway's books, the center's books and every sample the center has against each other.
"""
