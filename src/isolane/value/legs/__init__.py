"""A connection while it lives: two legs, joined byte for byte.

Flow: read → splice (scan) → write → tap_port; pace and assembly say what is too fast and too slow.
May import: files of value beside the rooms; hold asks upstream.
Lives here: what a leg is, plain or TLS; the joint; the ways in which it waits, is asked and ends; one identity, one
    connection.
Does not live here: reading a message (own_calls, tap); what came before the 101 (door).
"""
