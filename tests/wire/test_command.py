"""This file reads commands that are not in their one form; it guards that each of them is refused."""

import json

import pytest

from isolane.wire.command import Approval, Command, Request, Statement, read, write

COMMAND = Command(
    v=1,
    jti="A" * 22,
    iss="center",
    aud="gw-01",
    verb="status",
    args={"charger": "CP1", "n": 3},
    pre=("idle:CP1",),
    req=Request(sub="ann@example.org", role="operator", ticket="T-7", reason="überhitzt"),
    appr=Approval(kind="R0", need=1),
    iat=1_700_000_000,
    nbf=1_700_000_000,
    exp=1_700_000_300,
    boot="B" * 22,
    chal="C" * 22,
    seq=7,
    keys_ver=1,
)


def test_a_command_has_one_form() -> None:
    assert read(write(COMMAND), Command) == COMMAND
    assert json.loads(write(COMMAND))["appr"] == {"class": "R0", "need": 1}
    statement = Statement(
        v=1, gw="gw-01", boot="B" * 22, chal="C" * 22, at=1, clock="synced", keys_ver=1, frozen=False, checkpoint=""
    )
    assert read(write(statement), Statement) == statement


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "*"},
        {"aud": "GW-01"},
        {"aud": ["gw-01", "gw-02"]},
        {"aud": ""},
        {"verb": "Status"},
        {"verb": "status;id"},
        {"v": 2},
        {"v": True},
        {"jti": "short"},
        {"jti": "A" * 22 + "\n"},
        {"seq": 0},
        {"seq": 1 << 53},
        {"seq": 7.0},
        {"exp": "1700000300"},
        {"keys_ver": None},
        {"extra": 1},
        {"args": []},
        {"args": {"n": 1 << 60}},
        {"req": {"sub": "ann", "role": "operator", "ticket": "", "reason": "", "admin": True}},
        {"req": {"sub": "ann", "role": "operator", "ticket": "", "reason": "a\u202eb"}},
        {"req": {"sub": "ann\n", "role": "operator", "ticket": "", "reason": ""}},
        {"appr": {"class": "R9", "need": 1}},
    ],
)
def test_what_is_no_command_is_refused(changed: dict[str, object]) -> None:
    value = json.loads(write(COMMAND)) | changed
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        read(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), Command)


def test_the_same_in_other_bytes_is_refused() -> None:
    payload = write(COMMAND)
    value = json.loads(payload)
    for other in (
        json.dumps(value, ensure_ascii=False).encode(),
        json.dumps(value, separators=(",", ":")).encode(),
        json.dumps(dict(reversed(value.items())), separators=(",", ":"), ensure_ascii=False).encode(),
        payload.replace(b'"n":3', b'"n":3,"n":3'),
        payload.replace(b'"n":3', b'"n":NaN'),
        payload + b" ",
        b"\xef\xbb\xbf" + payload,
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            read(other, Command)
