"""This file gives Channel B's tests their certificates."""

import pytest

from support.broker import Pki, make_pki
from support.outboxes import GATEWAY


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)
