"""This file reads plans; it guards that what cannot be simulated is refused with a sentence."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.sim.years.faults import Fault
from isolane.sim.years.plan import Charger, Plan, Scatter, load_plan


def test_a_plan_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        'days = 30\n[scatter]\nloss = 0\n[[chargers]]\nid = "A"\nkind = "ac22"\n'
        '[[chargers.faults]]\nkind = "neutral_r"\nlevel = 1\nonset_day = 3\n',
        encoding="utf-8",
    )
    plan = load_plan(path)
    assert (plan.days, plan.scatter) == (30, Scatter(loss=0))
    assert plan.chargers[0].faults == (Fault(kind="neutral_r", level=1, onset_day=3),)


def test_the_plan_on_the_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/reference/fault-simulator.md").read_text(encoding="utf-8")
    path = tmp_path / "plan.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert [fault.kind for fault in load_plan(path).chargers[0].faults] == ["clog", "sensor_stuck"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("days = 0", "days"),
        ("idle_step_s = 7", "idle_step_s"),
        ("chargers = []", "identity"),
        ("day = 3", "day"),
        ("[[chargers]]\nid='A'\nsessions_per_day=30", "sessions_per_day"),
        ("days = [", "cannot read"),
        ("[[chargers]]\nid='A'\n[[chargers.faults]]\nkind='rust'\nlevel=1", "rust"),
    ],
)
def test_what_cannot_be_simulated(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    with pytest.raises(IsolaneError, match=what):
        load_plan(tmp_path / "plan.toml")


def test_two_of_one_name() -> None:
    with pytest.raises(IsolaneError, match="identity"):
        Plan(chargers=(Charger(id="A"), Charger(id="A")))
