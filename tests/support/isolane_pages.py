"""This file runs relay, tap, health and center from what `isolane init` writes, and reads their metrics pages."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from support.broker import free_port
from support.scrape import scrape

PAGES = {"value": 9101, "tap": 9102, "health": 9103, "center": 9104}
_PORTS = (*PAGES.values(), 8888, 8887, 8443, 8080)
_PROGRAM = "import sys; from isolane.cli.main import main; sys.exit(main())"
_DEADLINE_S = 60.0


def exposed(folder: Path) -> dict[str, set[str]]:
    """Give the names of every sample that the four processes can show, with the labels seen on each.

    A family that has no sample yet is named by its kind: a counter's ``_total``, a histogram's three.

    Args:
        folder: Where they run; empty.
    """
    _run("init", "north", "--csms", "ws://127.0.0.1:9/ocpp", "--link", "https", cwd=folder)
    ports = {port: free_port() for port in _PORTS}
    for name in ("site.toml", "center.toml"):
        file = folder / "north" / name
        text = file.read_text(encoding="utf-8").replace("0.0.0.0", "127.0.0.1")
        file.write_text(re.sub(r":(\d{4})\b", lambda m: f":{ports.get(int(m[1]), int(m[1]))}", text), encoding="utf-8")
    running = []
    try:
        with (folder / "log").open("wb") as log:
            for name in PAGES:
                settings = folder / "north" / ("center.toml" if name == "center" else "site.toml")
                command = [sys.executable, "-c", _PROGRAM, name, "-c", str(settings)]
                running.append(subprocess.Popen(command, stdout=log, stderr=log))
        end = time.monotonic() + _DEADLINE_S
        texts = dict.fromkeys(PAGES, "")
        while not all(texts.values()):
            assert time.monotonic() < end, (folder / "log").read_text(encoding="utf-8")
            texts = {name: scrape(ports[port]) for name, port in PAGES.items()}
            time.sleep(0.1)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(30)
    return _names("\n".join(texts.values()))


def _names(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for end in ends:
            found.setdefault(family.name + end, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _run(*arguments: str, cwd: Path) -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM, *arguments], cwd=cwd, check=True, capture_output=True, timeout=60)
