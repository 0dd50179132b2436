"""This file checks the energy register; it guards that cutting time into other steps changes no watt-hour."""

from hypothesis import given
from hypothesis import strategies as st

from isolane.sim.physics.energy import Register


@given(st.integers(0, 350_000), st.integers(1, 400), st.integers(0, 10**7))
def test_a_constant_power_gives_its_energy(power_w: int, steps: int, start_wh: int) -> None:
    register = Register(start_wh)
    for _ in range(steps):
        register.add(power_w, 0.25)
    assert register.wh == start_wh + power_w * steps // (4 * 3600)


@given(st.lists(st.tuples(st.floats(-10, 350_000), st.floats(0, 5)), max_size=50))
def test_it_never_falls(steps: list[tuple[float, float]]) -> None:
    register, shown = Register(), 0
    for power_w, dt_s in steps:
        register.add(power_w, dt_s)
        assert register.wh >= shown
        shown = register.wh
