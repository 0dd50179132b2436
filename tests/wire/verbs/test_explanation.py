"""This file has commands explained; it guards that a signer sees what the bytes say, and doubts what does not fit."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire.command import Approval, Command, Request, write
from isolane.wire.verbs.explanation import explain

_COMMAND = Command(
    v=1,
    jti="A" * 22,
    iss="center",
    aud="gw-01",
    verb="freeze.clear",
    args={},
    pre=(),
    req=Request(sub="ann", role="operator", ticket="T-1", reason='it is mended"\\'),
    appr=Approval(kind="R4", need=2),
    iat=1_700_000_000,
    nbf=1_700_000_000,
    exp=1_700_000_300,
    boot="B" * 22,
    chal="C" * 22,
    seq=1,
    keys_ver=1,
)


def _payload(**changed: object) -> bytes:
    return write(msgspec.structs.replace(_COMMAND, **changed))


def test_a_command_is_said_in_words_from_its_bytes_alone() -> None:
    said = explain(_payload())
    assert not said.doubts
    rows = dict(said.rows)
    assert rows["gateway"] == "gw-01"
    assert rows["what"].startswith("freeze.clear: end the freeze")
    assert rows["class"] == "R4, 2 people sign"
    assert rows["asked by"] == "ann as operator, by way of center"
    assert rows["reason"] == '"it is mended\\"\\\\"'
    assert rows["until"] == "2023-11-14 22:18:20 UTC"
    assert dict(explain(_payload(verb="ledger", args={"epoch": 3})).rows)["that is"] == "of epoch 3"


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"verb": "exec"}, "no verb"),
        ({"appr": Approval(kind="R4", need=1)}, "it is R4 and 2"),
        ({"appr": Approval(kind="R0", need=2)}, "it is R4 and 2"),
        ({"args": {"cmd": "id"}}, "does not take"),
        ({"pre": ("charger-idle:CP1",)}, "other conditions"),
    ],
)
def test_what_does_not_fit_the_catalogue_is_a_doubt(changed: dict[str, object], doubt: str) -> None:
    said = explain(_payload(**changed))
    assert doubt in "".join(said.doubts)
    assert f"DO NOT SIGN: {said.doubts[0]}" in said.text()


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_of_a_command_makes_a_line_of_its_own(key: str, value: str) -> None:
    request = msgspec.structs.replace(_COMMAND.req, reason=value)
    try:
        said = explain(_payload(req=request, args={key: value}, pre=(value,)))
    except ValueError:
        return
    assert len(said.text().splitlines()) == len(said.rows) + len(said.doubts)
    assert all(text.isprintable() for name, text in said.rows if name not in {"ticket", "reason"})


def test_what_is_no_command_has_no_explanation() -> None:
    with pytest.raises(ValueError, match=r"."):
        explain(_payload() + b" ")


def test_times_that_no_calendar_has_are_said_as_such() -> None:
    assert dict(explain(_payload(exp=2**53 - 1)).rows)["until"] == "a time that no calendar has"
