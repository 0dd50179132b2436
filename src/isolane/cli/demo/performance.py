"""This file starts the demo's processes, shows them, and ends them in the order that lets every message arrive.

It guards the order of the end: chargers first, so that they end their transactions; then relay and tap; then the health
process, which delivers what it has; then the center is asked for its books, and only then ends.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live

from isolane.cli.demo import audit, verdict, view
from isolane.cli.demo.children import Children
from isolane.cli.demo.figures import Figures, Gatherer
from isolane.cli.demo.ports import HOST, answers
from isolane.cli.demo.site import DemoSite
from isolane.cli.demo.world import SICK
from isolane.core.failures import IsolaneError

_LINE_EVERY_S = 10.0
_DRAIN_S = 30.0
_SETTLE_S = 1.5
"""What the tap's last events need to become rows of the health process: its 1 s grid, and a little."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and for whom.

    Attributes:
        seconds: How long; None until Ctrl-C.
        fault_after_s: When the fault begins, for the note.
        mosquitto: The program, or None where it is not installed.
        is_watched: Whether standard output is a terminal.
    """

    seconds: float | None
    fault_after_s: float
    mosquitto: str | None
    is_watched: bool


async def perform(site: DemoSite, plan: Plan) -> int:
    """Run the demo.

    Returns:
        0 if the verdict is good, else 1.

    Raises:
        IsolaneError: A process does not start or ends by itself; nothing is left running.
    """
    children = Children(site.logs)
    gatherer = Gatherer(site.ports, site.world / "csms.json")
    stop = asyncio.Event()
    try:
        with _stopped_by_signals(stop):
            await _start(site, plan, children)
            await _show(site, plan, children, gatherer, stop)
            print("ending: chargers finish their transactions, then the books are closed ...", flush=True)
            books = await _end(children, gatherer)
        return _judge(site, books)
    finally:
        await children.stop_all()
        await gatherer.close()


async def _start(site: DemoSite, plan: Plan, children: Children) -> None:
    folder, ports = site.folder, site.ports
    program = (sys.executable, "-m", "isolane")

    def on(port: int) -> Callable[[], bool]:
        return lambda: answers(port)

    if site.link == "mqtt" and plan.mosquitto:
        command = (plan.mosquitto, "-c", folder / "mosquitto.conf")
        await children.start("mosquitto", command, on(ports.broker))
    await children.start("center", (*program, "center", "-c", folder / "center.toml"), on(ports.console))
    await children.start("csms", (*program, "sim", "csms", "-c", site.world / "csms.toml"), on(ports.csms))
    settings = folder / "site.toml"
    await children.start("health", (*program, "health", "-c", settings), on(ports.health_metrics))
    await children.start("tap", (*program, "tap", "-c", settings), on(ports.tap_metrics))
    await children.start("value", (*program, "value", "-c", settings), on(ports.chargers_wss))
    chargers = (*program, "sim", "chargers", "-c", site.world / "chargers.toml")
    await children.start("chargers", chargers, on(ports.modbus[-1]))


async def _show(site: DemoSite, plan: Plan, children: Children, gatherer: Gatherer, stop: asyncio.Event) -> None:
    began_s = time.monotonic()
    url = f"http://{HOST}:{site.ports.console}/"
    print(f"console: {url}    files: {site.folder}", flush=True)

    def note(passed_s: float) -> str:
        if passed_s < plan.fault_after_s:
            return (
                f"all healthy; in {plan.fault_after_s - passed_s:.0f} s the contact resistance of {SICK} begins to rise"
            )
        return f"the contact resistance of {SICK} is rising: compare its contact temperature with its sibling's"

    live = Live(console=Console(), refresh_per_second=4, screen=True) if plan.is_watched else None
    with live or contextlib.nullcontext():
        line_s = 0.0
        while not stop.is_set() and (plan.seconds is None or time.monotonic() - began_s < plan.seconds):
            children.check_all()
            figures = await gatherer.gather()
            passed_s = time.monotonic() - began_s
            if live:
                live.update(view.draw(figures, console_url=url, link=site.link, note=note(passed_s)))
            elif passed_s >= line_s:
                print(_line(figures, site.link, passed_s), flush=True)
                line_s += _LINE_EVERY_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)


def _line(figures: Figures, link: str, passed_s: float) -> str:
    a, b = dict(view.value_rows(figures)), dict(view.health_rows(figures, link))
    value = f"{a['messages relayed']}, {a['transactions billed']}, added {a['latency added in the relay']}"
    health = f"{b['samples produced']} samples = {b[view.BOOKS]}, {b['bytes per sample']} B each"
    return f"{passed_s:5.0f} s  A: {value}  |  B: {health}"


async def _end(children: Children, gatherer: Gatherer) -> verdict.Books:
    """End all in order and give the center's books, taken after the gateway's last word."""
    for name in ("chargers", "value"):
        await _stop_well(children, name)
    await asyncio.sleep(_SETTLE_S)
    for name in ("tap", "health"):
        await _stop_well(children, name)
    books = audit.books(await gatherer.center("ledger"))
    for name in ("center", "csms"):
        await _stop_well(children, name)
    return books


async def _stop_well(children: Children, name: str) -> None:
    log = children[name].log
    if not await children.stop(name, _DRAIN_S):
        raise IsolaneError(f"the process `{name}` did not end cleanly", f"its log is {log}")


def _judge(site: DemoSite, books: verdict.Books) -> int:
    judgements = (
        verdict.judge_bills(audit.bills(site)),
        verdict.judge_books(books),
        verdict.judge_privacy(audit.privacy(site)),
    )
    print()
    for judgement in judgements:
        print(f"  {'ok  ' if judgement.good else 'FAIL'}  {judgement.sentence}")
    good = all(judgement.good for judgement in judgements)
    print(f"\ndemo: {'all as it should be' if good else f'something is wrong; see {site.logs}'}")
    return 0 if good else 1


@contextlib.contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
