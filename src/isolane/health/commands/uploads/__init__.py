"""Uploads: logs that chargers leave at the gateway because a signed command asked for them.

Flow: a command opens one slot, the charger is told its URL, the door of that way listens until the log is there or the
    time is over; what came waits in quarantine under a name of our own until it is packed into a snapshot.
May import: core, security, and what `health.commands` may.
Lives here: quarantine and slot, a door by HTTP(S), a door by FTP(S), the doors of a gateway.
Does not live here: asking the charger (verbs), packing and sending (recorder).
"""
