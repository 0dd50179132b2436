"""This file checks the compression negotiation against RFC 7692 §7.1."""

import time

import pytest

from isolane.value.door.extensions import OFFERS_MAX, answer_south, keeps_nothing, offer_north, parse

DEFLATE = "permessage-deflate"
SERVER_ALONE = "server_no_context_takeover"
CLIENT_ALONE = "client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "north"),
    [
        ("", ""),
        (DEFLATE, f"{DEFLATE}; {SERVER_ALONE}"),
        (f"{DEFLATE}; client_max_window_bits", f"{DEFLATE}; client_max_window_bits; {SERVER_ALONE}"),
        (f"{DEFLATE};{SERVER_ALONE}", f"{DEFLATE}; {SERVER_ALONE}"),
        (f'{DEFLATE}; server_max_window_bits="10"', f"{DEFLATE}; server_max_window_bits=10; {SERVER_ALONE}"),
        (
            f"{DEFLATE}; server_max_window_bits=10, {DEFLATE}",
            f"{DEFLATE}; server_max_window_bits=10; {SERVER_ALONE}, {DEFLATE}; {SERVER_ALONE}",
        ),
        (f"x-evil, {DEFLATE}", f"{DEFLATE}; {SERVER_ALONE}"),
        ("x-evil", ""),
        (f"{DEFLATE}; client_max_window_bits=99", ""),
        (f"{DEFLATE}; server_max_window_bits", ""),
        (f"{DEFLATE}; server_max_window_bits=08", ""),
        (f"{DEFLATE}; {CLIENT_ALONE}=1", ""),
        (f"{DEFLATE}; {CLIENT_ALONE}; {CLIENT_ALONE}", ""),
        (f"{DEFLATE}; unknown", ""),
    ],
)
def test_an_offer_asks_for_messages_that_inflate_alone(offer: str, north: str) -> None:
    assert offer_north(offer, untouched=False) == north
    assert offer_north(offer, untouched=True) == offer


@pytest.mark.parametrize(
    ("answer", "offered", "south"),
    [
        ("", "", ""),
        ("", f"{DEFLATE}; {SERVER_ALONE}", ""),
        (f"{DEFLATE}; {SERVER_ALONE}", f"{DEFLATE}; {SERVER_ALONE}", f"{DEFLATE}; {SERVER_ALONE}; {CLIENT_ALONE}"),
        (f"{DEFLATE}; {CLIENT_ALONE}", f"{DEFLATE}; {SERVER_ALONE}", f"{DEFLATE}; {CLIENT_ALONE}"),
        # A CSMS that accepts without granting: the offer did not need it, so the charger is told what was agreed.
        (DEFLATE, f"{DEFLATE}; {SERVER_ALONE}", f"{DEFLATE}; {CLIENT_ALONE}"),
        (
            f"{DEFLATE}; server_max_window_bits=9",
            f"{DEFLATE}; {SERVER_ALONE}",
            f"{DEFLATE}; server_max_window_bits=9; {CLIENT_ALONE}",
        ),
        (
            f"{DEFLATE}; client_max_window_bits=12",
            f"{DEFLATE}; client_max_window_bits; {SERVER_ALONE}",
            f"{DEFLATE}; client_max_window_bits=12; {CLIENT_ALONE}",
        ),
    ],
)
def test_an_answer_asks_the_charger_for_the_same(answer: str, offered: str, south: str) -> None:
    assert answer_south(answer, offered, untouched=False) == south
    assert answer_south(answer, offered, untouched=True) == answer


@pytest.mark.parametrize(
    ("answer", "offered"),
    [
        (DEFLATE, ""),
        ("x-other", DEFLATE),
        (f"{DEFLATE}, {DEFLATE}", DEFLATE),
        (f"{DEFLATE}; client_max_window_bits=12", DEFLATE),
        (f"{DEFLATE}; client_max_window_bits", f"{DEFLATE}; client_max_window_bits"),
        (f"{DEFLATE}; server_max_window_bits=16", DEFLATE),
        (f"{DEFLATE}; x=1", DEFLATE),
        ("; x", DEFLATE),
    ],
)
@pytest.mark.parametrize("untouched", [True, False])
def test_an_answer_to_something_else_is_refused(answer: str, offered: str, untouched: bool) -> None:  # noqa: FBT001 - a parameter
    with pytest.raises(ValueError, match=r"extension|permessage|client_max"):
        answer_south(answer, offered, untouched=untouched)


@pytest.mark.parametrize(
    "field",
    [",".join([DEFLATE] * (OFFERS_MAX + 1)), f'{DEFLATE}; x="' + "a" * 4000, "a b", "a; b c", "a; =1", ",,", "a; b="],
)
def test_a_malformed_field_is_refused_quickly(field: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(ValueError, match="extension"):
        parse(field)
    assert time.perf_counter() - begin < 0.02


def test_other_extensions_pass_where_nothing_is_touched() -> None:
    assert answer_south("x-other; a=1", "x-other", untouched=True) == "x-other; a=1"


@pytest.mark.parametrize(
    ("answer", "nothing"),
    [
        ("", True),
        (DEFLATE, False),
        (f"{DEFLATE}; {SERVER_ALONE}", False),
        (f"{DEFLATE}; {CLIENT_ALONE}; server_max_window_bits=10", False),
        (f"{DEFLATE}; {SERVER_ALONE}; {CLIENT_ALONE}", True),
        (f"x-other, {DEFLATE}; {SERVER_ALONE}; {CLIENT_ALONE}", False),
    ],
)
def test_only_both_parameters_let_every_message_stand_alone(answer: str, nothing: bool) -> None:  # noqa: FBT001 - a table's column
    assert keeps_nothing(answer) is nothing
