"""This file says how long a test waits for what should come at once; it guards that a busy machine fails no test."""

from typing import Final

PATIENCE_S: Final = 60.0
