"""This file tests `tap.ownership`: whose a transaction is, and that what was not seen accuses nobody."""

from isolane.tap.ownership import TRANSACTIONS_MAX, Ownership

UUID = "0d7e3f6a-5f0f-4a3e-9a5b-3a6a0f5b3c11"


def ownership(chargers_max: int = 10) -> Ownership:
    return Ownership(chargers_max, 600_000.0)


def test_a_started_transaction_is_foreign_to_others_until_it_ends() -> None:
    subject = ownership()
    assert subject.begin("A", 7)
    assert subject.look_up("A", 7)
    assert subject.look_up("B", 7) is None
    assert (subject.starter(7), subject.starter(8)) == ("A", "")
    assert [subject.accuse("B", 7), subject.accuse("B", 7), subject.accuse("C", 7)] == [True, False, True]
    subject.end("B", 7)
    assert subject.look_up("B", 7) is None
    subject.end("A", 7)
    assert subject.look_up("B", 7)


def test_a_transaction_that_nobody_was_seen_to_start_is_its_speakers() -> None:
    subject = ownership()
    assert subject.look_up("B", 7)
    assert subject.begin("A", 7)
    assert subject.look_up("B", 7)
    assert subject.look_up("C", 7) is None


def test_what_was_missed_accuses_nobody() -> None:
    subject = ownership()
    subject.begin("A", 7)
    subject.forget("A")
    assert subject.look_up("B", 7)
    assert subject.starter(7) == ""


def test_a_csms_that_numbers_for_each_charger_has_no_foreign_numbers() -> None:
    subject = ownership()
    subject.begin("A", 1)
    subject.begin("B", 1)
    subject.begin("A", 2)
    assert subject.look_up("A", 1)
    assert subject.look_up("B", 2)
    subject.begin("A", UUID)
    assert subject.look_up("B", UUID) is None


def test_names_that_chargers_count_are_not_compared_and_long_ones_are() -> None:
    subject = ownership()
    assert subject.begin("A", "1")
    assert subject.begin("B", "1")
    assert subject.begin("A", UUID)
    assert subject.begin("A", UUID)
    assert subject.begin("B", UUID) is None
    assert subject.look_up("B", UUID) is None


def test_a_number_used_again_begins_anew() -> None:
    subject = ownership()
    first = subject.begin("A", 7)
    assert first
    first.is_told = True
    second = subject.begin("A", 7)
    assert second
    assert not second.is_told


def test_memory_is_bounded() -> None:
    subject = ownership(chargers_max=3)
    for charger in "ABCDE":
        for name in range(200):
            subject.begin(charger, name + 1000 * ord(charger))
            subject.accuse(charger, name)
            subject.look_up(charger, str(name))
    assert len(subject) == 3 * TRANSACTIONS_MAX
    assert len(subject._starter) <= len(subject)
    assert all(len(each.foreign) <= TRANSACTIONS_MAX for each in subject._chargers.values())
