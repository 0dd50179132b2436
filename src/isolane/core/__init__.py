"""The shared words of every room: samples, signals, identities, clock, limits, failures.

Flow: nothing flows through here; the other rooms speak with these words.
May import: the standard library.
Lives here: plain values and the ports (protocols) that stages implement; at most 1,000 lines.
Does not live here: third-party packages, anything only one room needs, input or output; but for `durable`, how every
room writes a file that outlives a power cut.
"""
