"""This file is for all tests; it guards that none fails because the machine was busy for a moment."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
