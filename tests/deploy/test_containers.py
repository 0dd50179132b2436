"""This file lints Containerfile and compose file; it guards that nothing is root, unpinned, or may more than it needs.

No engine runs here: what can be told without one is told.
"""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from isolane.cli.main import COMMANDS
from support.tree import ROOT

FOLDER = ROOT / "deploy/container"
PROCESSES = {"value": 10001, "tap": 10002, "health": 10003, "center": 10004}
_IMAGE = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)?:[^/@:\s]*\$\{(\w+)(?::-([\w.]+))?\}\S*")
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?|[a-z]+|dev")


def _instructions() -> list[tuple[str, str]]:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def _stages() -> dict[str, list[tuple[str, str]]]:
    """Give each stage's instructions by its name, those of the stage that it begins with before its own."""
    made: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for word, rest in _instructions():
        if word == "FROM":
            image, _, name = rest.split()
            current = made[name] = [*made.get(image, []), (word, image)]
        elif made:
            current.append((word, rest))
    return made


STAGES = _stages()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_only_known_instructions() -> None:
    words = {word for word, _ in _instructions()}
    assert words <= {"ARG", "FROM", "ENV", "WORKDIR", "RUN", "COPY", "USER", "ENTRYPOINT", "CMD"}


def test_images_are_pinned_by_arguments_and_have_no_registry() -> None:
    arguments = {}
    for word, rest in _instructions():
        if word == "ARG":
            name, _, value = rest.partition("=")
            assert _VERSION.fullmatch(value), rest
            arguments[name] = value
    for stage, instructions in STAGES.items():
        for image in (rest for word, rest in instructions if word == "FROM"):
            if image in STAGES:
                continue
            named = set(re.findall(r"\$\{(\w+)\}", image))
            assert named, f"{stage}: {image} has no version"
            assert named <= set(arguments), stage
            assert image.startswith("python:${PYTHON_VERSION}"), stage


@pytest.mark.parametrize("process", PROCESSES)
def test_each_process_has_a_stage_that_is_its_own_user(process: str) -> None:
    stage = STAGES[process]
    user = f"{PROCESSES[process]}:10000"
    assert [rest for word, rest in stage if word == "USER"] == [user]
    after = [word for word, _ in stage[[word for word, _ in stage].index("USER") :]]
    assert after == ["USER", "ENTRYPOINT", "CMD"]
    entry = json.loads(next(rest for word, rest in stage if word == "ENTRYPOINT"))
    assert entry == ["isolane", process]
    assert process in COMMANDS
    settings = json.loads(next(rest for word, rest in stage if word == "CMD"))
    assert settings == ["--config", f"/etc/isolane/{'center' if process == 'center' else 'site'}.toml"]
    owned = ["install", "-d", "-o", str(PROCESSES[process]), "-g", "10000", "-m", "0700", "/var/lib/isolane"]
    assert json.dumps(owned) in [rest for word, rest in stage if word == "RUN"]


def test_what_is_installed_is_locked() -> None:
    for name, stage in STAGES.items():
        for word, rest in stage:
            if word != "RUN" or "pip" not in rest:
                continue
            offline = "--no-deps" in rest and ("--no-index" in rest or "--no-build-isolation" in rest)
            assert "--require-hashes" in rest or offline, f"{name}: {rest}"
            assert "--index-url" not in rest, name
            assert "http" not in rest, name


def test_what_is_copied_exists() -> None:
    for name, stage in STAGES.items():
        for word, rest in stage:
            parts = rest.split()
            if word != "COPY" or parts[0].startswith("--from="):
                continue
            for source in parts[:-1]:
                assert (ROOT / source).exists(), f"{name}: {source}"
    own = {"value": "base", "tap": "base", "health": "health", "center": "center"}
    for process, lock in own.items():
        locks = [r for w, r in STAGES[process] if w == "COPY" and "requirements" in r]
        assert locks == [f"requirements/{lock}.txt /tmp/{lock}.txt"]


def test_services_have_no_more_than_they_need() -> None:
    assert set(SERVICES) == {*PROCESSES, "broker"}
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", service["user"]), name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert "depends_on" not in service, f"{name}: no process needs another to run"
        assert "network_mode" not in service or service["network_mode"] == "none", name
    for name, uid in PROCESSES.items():
        assert SERVICES[name]["user"] == f"{uid}:10000"
        assert SERVICES[name]["build"]["target"] == name
        assert (FOLDER / SERVICES[name]["build"]["context"] / SERVICES[name]["build"]["dockerfile"]).is_file()
    assert SERVICES["tap"]["network_mode"] == "none"
    assert not set(SERVICES["center"]["networks"]) & set(SERVICES["value"]["networks"])


def test_images_of_services_are_pinned_by_arguments() -> None:
    for name, service in SERVICES.items():
        match = _IMAGE.fullmatch(service["image"])
        assert match, f"{name}: {service['image']}"
        assert _VERSION.fullmatch(match[2] or ""), name
        assert match[2] != "latest", name


def test_only_settings_come_from_the_host_and_they_are_read_only() -> None:
    for name, service in SERVICES.items():
        for volume in service["volumes"]:
            if volume["type"] == "bind":
                assert volume["source"].startswith("${ISOLANE_CONFIG:-./config}"), name
                assert volume["read_only"] is True, name
            else:
                assert volume["source"] in COMPOSE["volumes"], name
        targets = sorted(volume["target"] for volume in service["volumes"])
        assert all(one != two for one, two in pairwise(targets)), name
    with_sockets = {n for n, s in SERVICES.items() for v in s["volumes"] if v["source"] == "sockets"}
    assert with_sockets == {"value", "tap", "health"}


def test_the_business_weighs_more() -> None:
    shares = {name: SERVICES[name]["cpu_shares"] for name in ("value", "tap", "health")}
    assert shares["value"] > shares["tap"] > shares["health"]
    assert SERVICES["value"]["oom_score_adj"] < 0
