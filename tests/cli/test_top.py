"""This file looks at real processes with `isolane top`, and at pages made by hand where figures must be exact."""

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from isolane.cli import main
from isolane.cli.pages import Page, Two
from support.broker import free_port, make_pki
from support.health_process import Health
from support.outboxes import GATEWAY
from support.relay import relaying
from support.tap_process import Tap

_LINK = 'type = "https"\nurl = "https://127.0.0.1:1"\n'


def _page(at_s: float, **samples: float) -> Page:
    return Page(at_s, {(name, ()): value for name, value in samples.items()})


def test_rates_are_over_the_time_between_two_pages_of_one_process() -> None:
    two = Two(_page(10, a=100), _page(12, a=300))
    assert (two.rate("a"), two.value("a"), two.rate("b"), two.value("b")) == (100, 300, None, None)
    assert Two(None, _page(12, a=300)).rate("a") is None
    assert Two(_page(10, a=100), _page(12, a=5)).rate("a") is None, "it was started anew"
    assert Two(_page(10, a=100), None).value("a") is None


def _histogram(at_s: float, *counts: int) -> Page:
    bounds = ("0.1", "0.2", "+Inf")
    return Page(at_s, {("h_bucket", (("le", bound),)): count for bound, count in zip(bounds, counts, strict=True)})


def test_quantiles_are_of_what_came_between_two_pages() -> None:
    two = Two(_histogram(1, 1000, 1000, 1000), _histogram(2, 1000, 1100, 1100))
    assert two.quantile("h", 0.5) == pytest.approx(0.15)
    assert Two(None, _histogram(1, 100, 100, 100)).quantile("h", 0.5) == pytest.approx(0.05)
    assert Two(None, _histogram(1, 0, 0, 10)).quantile("h", 0.5) == 0.2, "longer than the last bound"
    assert Two(None, _histogram(1, 0, 0, 0)).quantile("h", 0.5) is None
    same = _histogram(1, 10, 10, 10)
    assert Two(same, same).quantile("h", 0.5) == pytest.approx(0.05), "nothing came: since the start"


async def _top(*arguments: str) -> str:
    program = (sys.executable, "-m", "isolane.cli.main", "top", "--once", "--interval", "0.3")
    process = await asyncio.create_subprocess_exec(*program, *arguments, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(30):
        text, _ = await process.communicate()
    assert process.returncode == 0
    return text.decode()


async def test_three_processes_side_by_side(tmp_path: Path) -> None:
    for folder in "atb":
        (tmp_path / folder).mkdir()
    health = Health(tmp_path / "b", make_pki(tmp_path / "pki", GATEWAY), _LINK)
    tap = Tap(tmp_path / "t")
    try:
        async with relaying(tmp_path / "a", f'url = "ws://127.0.0.1:{free_port()}/"') as relay:
            await asyncio.to_thread(tap.start)
            await health.start()
            found = re.search(r"ready metrics=(\S+)", health.text)
            assert found is not None
            pages = ("--value", relay.metrics, "--tap", tap.address, "--health", found[1])
            figures = json.loads(await _top("--json", *pages))
            text = await _top(*pages)
            lost = json.loads(await _top("--json", *pages[:4], "--health", f"127.0.0.1:{free_port()}"))
    finally:
        health.kill()
        if tap.process is not None:
            tap.process.kill()
            tap.process.wait()
    for channel in ("A", "tap", "B"):
        assert figures[channel]["up"] == 1
        assert figures[channel]["memory_bytes"] > 1_000_000
        assert figures[channel]["cpu_percent"] >= 0
    assert (figures["A"]["connections"], figures["A"]["frames_per_s"]) == (0, 0)
    b = figures["B"]
    assert (b["stance"], b["rung"], b["ceiling_bytes_per_s"], b["month_limit_bytes"]) == ("free", 0, 16_000, None)
    assert "free, may send 16.0 kB/s" in text
    assert "rung FULL".lower() in text
    assert lost["B"]["up"] == 0
    assert lost["B"]["memory_bytes"] is None


def test_what_cannot_be_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text("[value]\n", encoding="utf-8")
    assert main.main(["top", "-c", str(settings), "--once"]) == 2
    assert "no metrics page is named" in capsys.readouterr().err
    settings.write_text('[value]\nmetrics = "nowhere"\n', encoding="utf-8")
    assert main.main(["top", "-c", str(settings), "--once"]) == 2
    assert "[value] metrics" in capsys.readouterr().err


def test_nobody_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text(f'[value]\nmetrics = "127.0.0.1:{free_port()}"\n', encoding="utf-8")
    assert main.main(["top", "-c", str(settings), "--once", "--interval", "0.1"]) == 1
    assert "does not answer" in capsys.readouterr().out
