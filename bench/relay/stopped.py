"""This file compares a tap that reads with one that is stopped; it guards that both are the same relay, in turns."""

import re
import signal
import urllib.request
from statistics import median

from bench.relay.contestants import Contestant
from bench.relay.driver import Driver
from bench.relay.report import ratio_interval

RATIO_MAX = 1.05
_TURN_S = 0.5
_FILL_S = 0.1
"""In a closed loop before each turn: it fills the socket of a tap that is stopped, and warms both alike."""
_ROUNDS_MIN = 4


def compare(driver: Driver, contestant: Contestant, seconds: float, hz: int) -> int:
    """Take turns with a reading and a stopped tap; print the ratios; the exit code is the verdict.

    The figure that is judged is the median round trip. The 99th percentile is judged by the beginning of its interval:
    a second on a shared machine holds a handful of such samples.

    Args:
        driver: The load, connected to the contestant.
        contestant: The relay with its tap.
        seconds: How long.
        hz: Round trips a second.
    """
    if contestant.sink is None:
        raise SystemExit("the relay has no tap")
    times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    lost_before = _lost(contestant)
    for number in range(max(_ROUNDS_MIN, round(seconds / (_TURN_S + _FILL_S) / 2))):
        for is_stopped in (False, True) if number % 2 else (True, False):
            contestant.sink.send_signal(signal.SIGSTOP if is_stopped else signal.SIGCONT)
            driver.do("closed", name=contestant.key, seconds=_FILL_S)
            found = driver.do("rate", name=contestant.key, seconds=_TURN_S, hz=hz)
            times[is_stopped].append((found["p50"], found["p99"]))
    contestant.sink.send_signal(signal.SIGCONT)
    lost = _lost(contestant) - lost_before
    missed = [] if lost else ["no copy was lost: the tap was not stopped long enough"]
    for at, name in enumerate(("p50", "p99")):
        normal, hung = ([each[at] for each in times[state]] for state in (False, True))
        ratio, low, high = ratio_interval(hung, normal)
        print(
            f"round trip {name}: {median(normal):.1f} us with a reading tap, {median(hung):.1f} us with a stopped one: "
            f"x{ratio:.3f} [{low:.3f}-{high:.3f}]"
        )
        if (ratio if name == "p50" else low) > RATIO_MAX:
            missed.append(f"{name} {ratio:.3f} > {RATIO_MAX}")
    print(f"copies lost and counted: {lost:.0f}, in {len(times[True])} turns of {_TURN_S} s each")
    print(f"stopped tap: falls short: {'; '.join(missed)}" if missed else "stopped tap: pass")
    return 1 if missed else 0


def _lost(contestant: Contestant) -> float:
    with urllib.request.urlopen(f"http://{contestant.metrics}/metrics", timeout=5) as response:
        page: str = response.read().decode()
    found = re.search(r'^isolane_value_tap_copies_total\{result="lost"\} (\S+)$', page, re.MULTILINE)
    return float(found[1]) if found else 0.0
