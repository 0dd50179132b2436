"""This file names the attacks on the operations center; importing it registers their steps."""

from bench.attack.operations import exports, foreign, forgery, matrix, outside, sessions

__all__ = ["exports", "foreign", "forgery", "matrix", "outside", "sessions"]
