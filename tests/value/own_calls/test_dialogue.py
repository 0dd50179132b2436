"""This file checks when a charger may be asked."""

import json
import uuid

import pytest

from isolane.value.own_calls.dialogue import Boots, Dialogue, Ids
from isolane.value.own_calls.heads import CALL, CALLERROR, CALLRESULT, Head


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def boot(dialogue: Dialogue, status: object = "Accepted") -> None:
    dialogue.charger_said(Head(CALL, "b", "BootNotification", whole=True))
    assert dialogue.csms_said(Head(CALLRESULT, "b", "", whole=True))
    dialogue.boot_answered(json.dumps([3, "b", {"status": status}]).encode())


def exchange(dialogue: Dialogue, answer: int = CALLRESULT, action: str = "Heartbeat") -> None:
    dialogue.charger_said(Head(CALL, "h", action, whole=True))
    assert not dialogue.csms_said(Head(answer, "h", "", whole=True))


def test_ids_are_uuids_that_are_known_again() -> None:
    ids = Ids()
    assert not ids.any
    issued = [ids.issue() for _ in range(5)]
    assert len(set(issued)) == 5
    assert all(ids.knows(each) for each in issued)
    assert {uuid.UUID(each).version for each in issued} == {8}
    assert {uuid.UUID(each).variant for each in issued} == {uuid.RFC_4122}
    last = uuid.UUID(issued[-1])
    for stranger in (
        str(uuid.UUID(int=last.int + 1)),
        str(uuid.UUID(int=last.int - 5)),
        issued[0].upper() if issued[0].upper() != issued[0] else "A",
        f"{{{issued[0]}}}",
        Ids().issue(),
        str(uuid.uuid4()),
        "",
        "1",
    ):
        assert not ids.knows(stranger)


@pytest.mark.parametrize("status", ["Accepted", "Pending", "Rejected", None, 1])
def test_only_an_accepted_boot_counts(status: object) -> None:
    dialogue = Dialogue("CP1", Boots(), 60.0)
    assert not dialogue.booted
    boot(dialogue, status)
    assert dialogue.booted is (status == "Accepted")


@pytest.mark.parametrize("text", [b"", b"[]", b'[3,"b",{"status":"Pending","status":"Accepted"}]', b'[3,"b",[]]'])
def test_an_ambiguous_answer_is_no_acceptance(text: bytes) -> None:
    dialogue = Dialogue("CP1", Boots(), 60.0)
    boot(dialogue)
    dialogue.boot_answered(text)
    assert not dialogue.booted


def test_a_charger_that_goes_on_after_a_reconnect_may_be_asked() -> None:
    dialogue = Dialogue("CP1", Boots(), 60.0)
    exchange(dialogue, CALLERROR)
    assert not dialogue.booted
    exchange(dialogue)
    assert dialogue.booted


def test_a_boot_takes_the_right_away_until_it_is_accepted() -> None:
    boots = Boots()
    dialogue = Dialogue("CP1", boots, 60.0)
    exchange(dialogue)
    dialogue.charger_said(Head(CALL, "b", "BootNotification", whole=True))
    exchange(dialogue)
    assert not dialogue.booted, "it is booting"
    boot(dialogue, "Pending")
    exchange(dialogue)
    again = Dialogue("CP1", boots, 60.0)
    exchange(again)
    assert not dialogue.booted
    assert not again.booted, "its last boot was refused, on another connection"
    boot(again)
    later = Dialogue("CP1", boots, 60.0)
    exchange(later)
    assert later.booted


def test_a_boot_answered_with_an_error_was_refused() -> None:
    boots = Boots()
    dialogue = Dialogue("CP1", boots, 60.0)
    dialogue.charger_said(Head(CALL, "b", "BootNotification", whole=True))
    assert not dialogue.csms_said(Head(CALLERROR, "b", "", whole=True))
    assert boots.refused("CP1")


def test_a_call_of_the_csms_is_open_until_its_reply_or_its_time() -> None:
    clock = Clock()
    dialogue = Dialogue("CP1", Boots(), 60.0, clock)
    for reply in (CALLRESULT, CALLERROR):
        dialogue.csms_said(Head(CALL, "1", "Reset", whole=True))
        assert dialogue.csms_is_asking
        dialogue.charger_said(Head(reply, "2", "", whole=True))
        assert dialogue.csms_is_asking
        dialogue.charger_said(Head(reply, "1", "", whole=True))
        assert not dialogue.csms_is_asking
    dialogue.csms_said(Head(CALL, "", "", whole=True))
    clock.now = int(59e9)
    assert dialogue.csms_is_asking
    clock.now = int(61e9)
    assert not dialogue.csms_is_asking


def test_what_is_remembered_is_bounded() -> None:
    dialogue, boots = Dialogue("CP1", Boots(), 60.0), Boots()
    for number in range(1000):
        dialogue.csms_said(Head(CALL, str(number), "Reset", whole=True))
        dialogue.charger_said(Head(CALL, str(number), "Heartbeat", whole=True))
    assert len(dialogue._csms_calls) <= 64
    assert len(dialogue._charger_calls) <= 64
    for number in range(10_050):
        boots.note(str(number), accepted=False)
    assert len(boots._refused) == 10_000
