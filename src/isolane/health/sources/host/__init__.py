"""The gateway's own condition: processor, memory, disk, temperature, clock, the end of its certificates.

Flow: the operating system's counters → decode → readings of the charger "", the gateway itself.
May import: core, config, psutil, cryptography.
Lives here: what can be read without root and without starting a program.
Does not live here: the metrics pages of the processes.
"""
