"""This file asks the kernel whether its clock is synchronised; it guards that nobody is believed who cannot tell."""

import ctypes
from typing import Final

_TIMEX_BYTES: Final = 512
"""`struct timex` has 208; all of it zero only asks."""
_ERROR: Final = 5
"""TIME_ERROR: not synchronised. Source: adjtimex(2)."""


def is_synced() -> bool:
    """Tell whether something keeps the UTC clock in step, as the kernel was told."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= int(state) < _ERROR
