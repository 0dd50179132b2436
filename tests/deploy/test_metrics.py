"""This file compares rules and dashboards with what the processes show; it guards that no panel is empty for ever."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.isolane_pages import exposed
from support.rule_servers import RULES, PlainServer, PlainVictoria, RulesPrometheus
from support.tree import ROOT

DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
_NAME = re.compile(r"\b(?:isolane|process)_[a-z_]+\b")
_SELECTOR = re.compile(r"\b((?:isolane|process)_[a-z_]+)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
_OF_TARGETS = {"job", "instance"}


def _expressions() -> Iterator[tuple[str, str]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.stem}: {panel['title']}", target["expr"]


EXPRESSIONS = list(_expressions())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    return exposed(tmp_path_factory.mktemp("processes"))


def test_every_name_is_shown_by_a_process(shown: dict[str, set[str]]) -> None:
    lost = {f"{where}: {name}" for where, expr in EXPRESSIONS for name in _NAME.findall(expr) if name not in shown}
    assert not lost
    assert len(EXPRESSIONS) > 80


def test_every_label_is_one_of_its_metric(shown: dict[str, set[str]]) -> None:
    lost = set()
    for where, expr in EXPRESSIONS:
        for name, selector in _SELECTOR.findall(expr):
            # A family without samples yet tells no labels.
            if shown.get(name):
                wrong = set(_LABEL.findall(selector)) - shown[name] - _OF_TARGETS
                lost |= {f"{where}: {name}{{{label}}}" for label in wrong}
    assert not lost


@pytest.fixture(scope="module", params=[RulesPrometheus, PlainVictoria])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainServer]:
    with request.param(tmp_path_factory.mktemp("server")) as one:
        yield one


def test_every_expression_is_understood(server: PlainServer) -> None:
    for where, expr in EXPRESSIONS:
        asked = expr.replace("$instance", ".*")
        assert server.told("/api/v1/query", query=asked)["resultType"] in {"vector", "scalar"}, where


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_are_whole(file: Path) -> None:
    board = json.loads(file.read_text(encoding="utf-8"))
    panels = board["panels"]
    assert board["uid"] == file.stem
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${source}"
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= {"instance"}
    assert {variable["name"] for variable in board["templating"]["list"]} == {"source", "instance"}
