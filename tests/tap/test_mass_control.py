"""This file tests `tap.mass_control`: many chargers at once, or one again and again."""

from hypothesis import given
from hypothesis import strategies as st

from isolane.core.clock import NS_PER_S
from isolane.tap import mass_control, vocabulary
from isolane.tap.mass_control import MassControl


def control(chargers: int = 3, calls: int = 5, known: int = 100) -> MassControl:
    return MassControl(10.0, chargers, calls, known)


def test_one_command_to_many_chargers_is_told_once_a_minute() -> None:
    commands = control(calls=1000)
    found = [commands.note(f"CP{n % 20}", "Reset", n * NS_PER_S) for n in range(90)]
    assert [n for n, each in enumerate(found) if each] == [2, 62]
    assert found[2] == {"chargers": 3}


def test_the_same_charger_again_is_one_charger() -> None:
    commands = control(calls=1000)
    assert not any(commands.note("CP1", "Reset", n) for n in range(50))


def test_different_commands_do_not_add_up() -> None:
    commands = control()
    actions = ("Reset", "ClearCache", "UnlockConnector", "UpdateFirmware")
    assert not any(commands.note(f"CP{n}", action, n) for n, action in enumerate(actions))


def test_slow_commands_are_ordinary() -> None:
    commands = control()
    assert not any(commands.note(f"CP{n}", "ChangeAvailability", n * 6 * NS_PER_S) for n in range(50))


def test_profiles_everywhere_are_load_management() -> None:
    commands = control()
    assert not any(commands.note(f"CP{n}", "SetChargingProfile", n) for n in range(50))


def test_one_charger_again_and_again_is_told_once_a_minute() -> None:
    commands = control()
    found = [commands.note("CP1", "SetChargingProfile", n * NS_PER_S) for n in range(70)]
    assert [n for n, each in enumerate(found) if each] == [4, 64]
    assert found[4] == {"calls": 5}


def test_memory_is_bounded() -> None:
    commands = control(chargers=10_000, known=50)
    for n in range(1_000):
        commands.note(f"CP{n}", "Reset", n)
    assert max(len(commands._calls), *(len(each) for each in commands._reached.values())) == 50


@given(
    commands=st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "C", "D"]),
            st.sampled_from(sorted(mass_control.SWITCHING)),
            st.integers(0, 4 * NS_PER_S),
        ),
        max_size=60,
    )
)
def test_it_is_told_only_where_it_was_so(commands: list[tuple[str, str, int]]) -> None:
    subject, now, past = control(), 0, list[tuple[int, str, str]]()
    for charger, action, passed in commands:
        now += passed
        past.append((now, charger, action))
        recent = [(who, what) for at, who, what in past if now - at <= 10 * NS_PER_S]
        found = subject.note(charger, action, now)
        if "chargers" in found:
            assert len({who for who, what in recent if what == action}) >= 3
        if "calls" in found:
            assert sum(who == charger for who, _ in recent) >= 5


def test_its_commands_are_known() -> None:
    assert vocabulary.ACTIONS >= mass_control.SWITCHING
