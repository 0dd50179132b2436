"""This file checks which names isolane accepts."""

import pytest

from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name, is_charger_id


@pytest.mark.parametrize("name", ["a", "gw-1", "site.north_2", "0", "a" * 64])
def test_a_plain_name_is_accepted(name: str) -> None:
    assert check_name("gateway", name) == name


@pytest.mark.parametrize("name", ["", "A", "gw/1", "gw+", "#", "-gw", "gw-", "a" * 65, "gw 1", "gw\n", "gü"])
def test_a_name_that_cannot_stand_in_a_topic_is_refused_and_named(name: str) -> None:
    with pytest.raises(IsolaneError, match="gateway name") as refused:
        check_name("gateway", name)
    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("identity", ["CP01", "DE*ABC*E1", "a" * 48, "café", "with space"])
def test_a_charger_identity_may_hold_what_ocpp_allows(identity: str) -> None:
    assert is_charger_id(identity)


@pytest.mark.parametrize("identity", ["", "a" * 49, "a:b", "a/b", "..", ".", "a\x00", "a\r\nb", "a?b", "a#b", "a\\b"])
def test_a_charger_identity_that_parts_a_url_or_a_credential_is_refused(identity: str) -> None:
    assert not is_charger_id(identity)
