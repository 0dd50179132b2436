"""This file checks the names of a gateway's keys: each reads back as itself, and no gateway can be another's leg."""

import pytest

from isolane.core.failures import IsolaneError
from isolane.security.legs import PURPOSES, Leg, check_gateway, common_name, read_common_name


@pytest.mark.parametrize("leg", list(Leg))
def test_a_name_reads_back(leg: Leg) -> None:
    assert read_common_name(common_name("gw-1", leg)) == ("gw-1", leg)
    assert leg in PURPOSES


@pytest.mark.parametrize("name", ["", ":value", "gw-1:", "gw-1:health", "gw-1:other", "gw-1:value:value"])
def test_what_is_no_legs_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no"):
        read_common_name(name)


@pytest.mark.parametrize("name", ["center", "center-1", "isolane-center", "gw-1:value", "+", "#", "a/b", ""])
def test_no_gateway_has_the_centers_name_or_one_that_means_more(name: str) -> None:
    with pytest.raises(IsolaneError):
        check_gateway(name)
