"""This file lies to a signer in every field; it guards that each lie is a doubt, and that a good command has none."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from isolane.security.envelope import STATEMENT, seal
from isolane.security.signing import PublicKey
from isolane.signer.examination import Examined, Knowledge, examine
from isolane.wire.command import Approval, Command, Request, Statement, write
from support.circles import Circle
from support.signers import Holder, holder

UTC_S = 1_700_000_000


def _examined(
    circle: Circle,
    command: Command,
    who: Holder,
    *,
    now_s: float = UTC_S + 2,
    statement: bytes = b"",
    gateways: Mapping[str, PublicKey] | None = None,
) -> Examined:
    known = Knowledge(circle.trusted, who.signer.key_id, gateways, now_s)
    return examine(write(command), statement, command.jti, known)


def _stated(gateway: Holder, **changed: object) -> bytes:
    said = Statement(
        v=1, gw="gw-01", boot="B" * 22, chal="C" * 22, at=UTC_S * 1000, clock="synced", keys_ver=1, frozen=False,
        checkpoint="",
    )  # fmt: skip
    return seal(write(msgspec.structs.replace(said, **changed)), [gateway.signer], STATEMENT)


def test_a_good_command_is_said_in_words_and_has_no_doubt(circle: Circle) -> None:
    found = _examined(circle, circle.command("freeze.set"), circle.ann)
    assert found.doubts == ()
    rows = dict(found.explanation.rows)
    assert rows["gateway"] == "gw-01"
    assert rows["what"].startswith("freeze.set: freeze the gateway")
    assert rows["asked by"] == "ann as operator, by way of center"
    assert found.notes == ("the gateway's own statement is not checked: start the signer with --gateways",)


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"verb": "charger.explode"}, "is no verb of this release"),
        ({"appr": Approval(kind="R1", need=1)}, "it says class R1"),
        ({"appr": Approval(kind="R0", need=2)}, "it says class R0 and 2"),
        ({"args": {"force": True}}, "arguments that status does not take"),
        ({"pre": ("charger-idle:CP1",)}, "it names other conditions"),
        ({"req": Request(sub="ann", role="approver", ticket="", reason="")}, "asks as approver; this key is of role"),
        ({"req": Request(sub="bob", role="approver", ticket="", reason="")}, "needs the signature of bob alone"),
        ({"req": Request(sub="eve", role="operator", ticket="", reason="")}, "has no key in the pinned manifest"),
        ({"keys_ver": 2}, "it was made for key manifest 2, pinned is 1"),
        ({"exp": UTC_S + 301}, "its times do not fit"),
        ({"iat": UTC_S - 400, "nbf": UTC_S - 400, "exp": UTC_S - 100}, "it has expired"),
        ({"iat": UTC_S + 90, "nbf": UTC_S + 90, "exp": UTC_S + 300}, "it is from the future"),
        ({"chal": ""}, "it quotes no challenge"),
        ({"boot": ""}, "it quotes no challenge"),
    ],
)
def test_each_lie_is_a_doubt(circle: Circle, changed: dict[str, object], doubt: str) -> None:
    command = msgspec.structs.replace(circle.command(), **changed)
    found = _examined(circle, command, circle.ann)
    assert any(doubt in one for one in found.doubts), found.doubts


def test_what_the_key_may_not_sign_is_a_doubt(circle: Circle, tmp_path: Path) -> None:
    two = circle.command("freeze.clear")
    assert _examined(circle, two, circle.bob).doubts == ()
    assert "vic, viewer, has no right to class R4" in _examined(circle, two, circle.vic).doubts[0]
    assert "does not have this key" in _examined(circle, two, holder(tmp_path, "eve", "operator")).doubts[0]
    late = _examined(circle, two, circle.bob, now_s=UTC_S + 90_000)
    assert any("manifest has expired" in one for one in late.doubts)


def test_another_command_than_was_asked_for_is_a_doubt(circle: Circle) -> None:
    known = Knowledge(circle.trusted, circle.ann.signer.key_id, None, UTC_S + 2)
    found = examine(write(circle.command()), b"", "A" * 22, known)
    assert found.doubts == ("it is another command than the one that was asked for",)


def test_what_is_not_in_the_one_form_is_no_command(circle: Circle) -> None:
    known = Knowledge(circle.trusted, circle.ann.signer.key_id, None, UTC_S + 2)
    good = write(circle.command())
    for bad in (b"", b"{}", good + b" ", good.replace(b'"v":1', b'"v":1,"v":1'), good.replace(b"it hangs", b"\xff")):
        with pytest.raises(ValueError, match=r".+"):
            examine(bad, b"", "A" * 22, known)


def test_the_gateways_own_statement_is_checked_where_its_key_is_known(circle: Circle, tmp_path: Path) -> None:
    gateway, other = holder(tmp_path, "gw-01", "viewer"), holder(tmp_path, "gw-02", "viewer")
    keys = {"gw-01": gateway.signer.public_key}
    command = circle.command("freeze.set")

    def look(statement: bytes, gateways: Mapping[str, PublicKey] = keys) -> Examined:
        return _examined(circle, command, circle.ann, statement=statement, gateways=gateways)

    good = look(_stated(gateway))
    assert (good.doubts, good.notes) == ((), ())
    assert "FROZEN" in look(_stated(gateway, frozen=True)).notes[0]
    assert "not synchronised" in look(_stated(gateway, clock="unsynced")).notes[0]
    assert "newer challenge" in look(_stated(gateway, chal="D" * 22)).notes[0]
    assert look(_stated(gateway, boot="D" * 22)).doubts == ("it was made for another boot of the gateway",)
    assert "no statement that gw-01 has signed" in look(_stated(other)).doubts[0]
    assert "no statement that gw-01 has signed" in look(b"").doubts[0]
    assert "of another gateway" in look(_stated(gateway, gw="gw-02")).doubts[0]
    strange = look(_stated(gateway), {"gw-02": other.signer.public_key})
    assert "none of the gateways that this signer knows" in strange.doubts[0]
