"""This file names the steps of the degradation ladder; it guards that all who speak of a rung mean the same one."""

from enum import IntEnum


class Rung(IntEnum):
    """How much of what is sampled is sent at once; a higher rung sends less. All of it stays on disk.

    FULL: every sample. DEADBAND: a value only once it has left its deadband. BOUNDED: as few values as give back every
    sample within a stated error. MINUTE: minimum, mean, maximum and standard deviation of each minute.
    """

    FULL = 0
    DEADBAND = 1
    BOUNDED = 2
    MINUTE = 3
