"""This file makes the environment of the independent Sparkplug decoder, once."""

import pytest

from support import sparkplug_decoder


@pytest.fixture(scope="session", autouse=True)
def decoder() -> None:
    sparkplug_decoder.install()
