"""This file measures a running gateway; it guards that samples and bytes are taken at the same moments.

Bytes are counted between gateway and broker, both ways, as TCP payload: TLS records, MQTT headers and acknowledgements,
blocks, anchors, ledger statements, the center's acknowledgements. What a session costs before the first block (TLS
handshake, schema) is told apart.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.health import gateway as product
from bench.health.signals import COUNT
from bench.health.tap import Tap

_PRODUCED = 'isolane_health_samples_total{reason="",state="produced"}'
_ACKNOWLEDGED = 'isolane_health_samples_total{reason="",state="acknowledged"}'
_FIRST_S = 100.0
_SETTLE_S = 1.0
_GONE_S = 0.2
_SAMPLING = "[health.sampling]\nstep_ms = {step_ms}\n"


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        chargers: How many.
        block_rows: Rows of a block.
        seconds: How long it is watched.
        pace: Real seconds for each simulated one; 1 but in a quick run.
    """

    chargers: int
    block_rows: int
    seconds: float
    pace: float = 1.0


@dataclass(frozen=True)
class Live:
    """What a run has shown.

    Attributes:
        plan: Of the run.
        samples: Put into blocks while it was watched.
        carried_bytes: Meanwhile, both ways.
        start_bytes: Up to the first acknowledgement.
        cpu_percent: Of one core.
        memory_mb: Resident, at the end.
    """

    plan: Plan
    samples: int
    carried_bytes: int
    start_bytes: int
    cpu_percent: float
    memory_mb: float

    @property
    def bytes_sample(self) -> float:
        """Bytes for a sample, with a session's start spread over a day."""
        return self.carried_bytes / self.samples + self.start_bytes / (86_400 * self.plan.chargers * COUNT)


def watch(folder: Path, plan: Plan) -> Live:
    """Run a site and watch its gateway."""
    folder.mkdir()
    with ExitStack() as stack:
        who = product.names(folder / "pki")
        port = product.broker(stack, folder, who)
        product.center(stack, folder, who, port)
        tap = stack.enter_context(Tap(port))
        ports = product.feed(stack, folder, plan.chargers, plan.pace)
        more = _SAMPLING.format(step_ms=round(1000 * plan.pace)) + product.sources(ports, plan.pace)
        process = product.gateway(stack, folder, who, tap.port, plan.block_rows, more)
        process.wait_for("link-up")
        _wait_for_first(process)
        start = tap.carried.both
        time.sleep(_SETTLE_S)
        return _window(process, tap, plan, start)


def _window(process: product.Process, tap: Tap, plan: Plan, start: int) -> Live:
    """Watch from the end of one block to the end of another."""
    produced = _next_block(process)
    before, cpu_s, begun = tap.carried.both, process.cpu_s(), time.monotonic()
    time.sleep(plan.seconds - plan.pace / 2)
    # Asking for metrics costs processor time too, so it is not asked while that is measured.
    cpu_percent = 100 * (process.cpu_s() - cpu_s) / (time.monotonic() - begun)
    last = _next_block(process)
    return Live(plan, int(last - produced), tap.carried.both - before, start, cpu_percent, process.memory_mb())


def _next_block(process: product.Process) -> float:
    """Wait until a block has been made and has gone; give the samples made so far."""
    first = process.metrics()[_PRODUCED]
    while (now := process.metrics()[_PRODUCED]) == first:
        time.sleep(0.05)
    time.sleep(_GONE_S)
    return now


def _wait_for_first(process: product.Process) -> None:
    deadline = time.monotonic() + _FIRST_S
    while not process.metrics()[_ACKNOWLEDGED]:
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing was acknowledged:\n{process.text[-2000:]}")
        time.sleep(0.1)
