"""This file is for all tests; it guards that none fails because the machine was busy, or because of who ran before."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that is tried in this process sets logging up, with a stream that ends with its test."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in list(root.handlers):
        if handler not in handlers and not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)
