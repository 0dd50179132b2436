"""The black box: the last minutes of everything at full rate, and what of it is kept when something happens.

Flow: rows, tap events, log lines and states come in without waiting; a thread appends them to a ring of files, where a
    power cut leaves them. A trigger freezes the time around it into an MCAP file with a signed manifest; its index card
    stands beside it.
May import: core, wire, security, config.
Lives here: the ring, the triggers, snapshots and their files, what they may take of the disk.
Does not live here: reading snapshots for people (cli); scores (models).
"""
