"""This file tries the alert rules in the programs that run them; it guards that each was seen to fire and be quiet."""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from support.rule_servers import PROGRAMS, RULES, PlainServer, PlainVictoria, RulesPrometheus, VmAlert

FOLDER = RULES.parent
TESTS = FOLDER / "isolane.test.yml"


def _alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _promtool(*arguments: str) -> str:
    done = subprocess.run(
        [PROGRAMS["promtool"], *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.1)


def test_rules_and_example_are_valid() -> None:
    assert f"{len(_alerts())} rules found" in _promtool("check", "rules", RULES.name)
    _promtool("check", "config", "prometheus.yml")


def test_rules_fire_and_are_quiet_as_their_tests_say() -> None:
    assert "SUCCESS" in _promtool("test", "rules", TESTS.name)


def test_each_rule_has_a_test_in_which_it_fires() -> None:
    fires: set[str] = set()
    quiet = 0
    for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]:
        for asked in test.get("promql_expr_test", []):
            fires |= {name for sample in asked["exp_samples"] for name in re.findall(r'"(\w+)"', sample["labels"])}
            quiet += not asked["exp_samples"]
    assert fires == set(_alerts())
    assert quiet >= len(fires)


def test_each_rule_says_how_bad_what_and_what_to_do() -> None:
    for name, rule in _alerts().items():
        assert rule["labels"]["severity"] in {"page", "ticket", "note"}, name
        assert set(rule["annotations"]) == {"summary", "action"}, name


def _has_them(server: PlainServer) -> None:
    _until(
        lambda: all(rule["health"] == "ok" for rule in server.rules()) and len(server.rules()) == len(_alerts()),
        "all rules are evaluated",
    )


def test_a_real_prometheus_runs_them(tmp_path: Path) -> None:
    with RulesPrometheus(tmp_path) as server:
        _has_them(server)

        def pending() -> bool:
            return any(rule["name"] == "IsolaneProcessDown" and rule["state"] == "pending" for rule in server.rules())

        _until(pending, "the target that is away is seen")


def test_a_real_victoriametrics_runs_them(tmp_path: Path) -> None:
    for name in ("store", "alerts"):
        (tmp_path / name).mkdir()
    with PlainVictoria(tmp_path / "store") as store, VmAlert(tmp_path / "alerts", store) as server:
        _has_them(server)
