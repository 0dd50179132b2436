"""This file lets a CSMS die under many chargers; it guards that all come back at its pace and nothing is lost."""

import json
import re
import time
import urllib.request
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from bench.chaos_value.processes import Process, Site, build

from isolane.value.settings import Limits

_GROUPS = 4
_WARM_S, _DOWN_S = 3.0, 3.0
_SPARE_S = 60.0
"""What coming back may take beyond the pace of the dials: the chargers' own patience, and this machine's."""
_DRAIN_S = 90.0
_SPAN_S = 5.0
_METRICS = re.compile(rb"ready listen=\S+ metrics=(\S+)")
_PRINTED = ("accepted", "busy", "full", "shed", "throttled", "evicted", "late", "timeout", "unreachable")


def storm(stack: ExitStack, folder: Path, ports: tuple[int, int, int], count: int) -> int:
    """Run the storm and print what was seen.

    Args:
        stack: Ends the processes.
        folder: For everything that is written.
        ports: See `processes.build`.
        count: Chargers, half of them on TLS.

    Returns:
        The exit code.
    """
    limits = Limits()
    site = build(stack, folder, ports, count, _GROUPS)
    site.csms.command[1] = "bench.chaos_value.storm_csms"
    for process in site.chargers:
        process.command[1] = "bench.chaos_value.storm_chargers"
    wait_s = count / limits.dials_per_s + _SPARE_S
    for process in site.all:
        process.start()
        process.wait_ready()
    first_s = _until(site, count, wait_s)
    time.sleep(_WARM_S)
    before = _handshakes(site)
    site.csms.kill()
    _until(site, 0, wait_s, down=site.csms)
    time.sleep(_DOWN_S)
    site.csms.start()
    site.csms.wait_ready()
    begun = time.monotonic()
    back_s = _until(site, count, wait_s)
    ended = time.monotonic()
    after = _handshakes(site)
    _settle(site)
    made, came, dials = _read(folder)
    dials = [at for at in dials if begun - _DOWN_S <= at <= ended]
    lost = made - came
    span, most = _peak(dials, _SPAN_S), limits.dials_burst + limits.dials_per_s * (_SPAN_S + 1)
    print(f"first connected: {_words(first_s)}")
    print(f"all back after the CSMS was: {_words(back_s)}; the pace alone takes {_pace_s(count, limits):.1f} s")
    print(f"dials the CSMS saw: {len(dials)}, at most {_peak(dials, 1.0)} in 1 s and {span} in {_SPAN_S:.0f} s")
    print(f"the bucket gives: {limits.dials_per_s:.0f} a second, {limits.dials_burst} at once")
    counts = {result: int(after[result] - before[result]) for result in _PRINTED}
    print("handshakes: " + ", ".join(f"{number} {result}" for result, number in counts.items() if number))
    print(f"pre-auth evictions: {counts['evicted']}")
    print(f"messages: {len(made)} made, {len(came & made)} came, lost = {len(lost)}")
    losers = {number.rpartition(".")[0] for number in lost}
    failed = [f"{charger}: a message is lost" for charger in sorted(losers)]
    if back_s is None:
        failed.append(f"not all were back within {wait_s:.0f} s")
    if span > most:
        failed.append(f"the CSMS saw {span} dials in {_SPAN_S:.0f} s, more than {most:.0f}")
    errors = [surprise for process in site.all for surprise in process.surprises]
    for sentence in (*failed, *errors):
        print(sentence)
    print(f"{count + 2 - len(failed)} passed, {len(failed)} failed, {len(errors)} errors")
    return 1 if failed or errors else 0


def _page(site: Site) -> dict[str, float]:
    match = _METRICS.search(site.relay.log.read_bytes())
    if match is None:
        raise SystemExit("the relay has not said where its metrics are")
    with urllib.request.urlopen(f"http://{match[1].decode()}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def _until(site: Site, count: int, wait_s: float, down: Process | None = None) -> float | None:
    """Wait until so many chargers are connected through; give s, None where that did not happen in time."""
    begun = time.monotonic()
    while time.monotonic() - begun < wait_s:
        for process in site.all:
            if process is not down:
                process.look()
        if _page(site)["isolane_value_connections"] == count:
            return time.monotonic() - begun
        time.sleep(0.1)
    return None


def _handshakes(site: Site) -> defaultdict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for name, value in _page(site).items():
        if match := re.fullmatch(r'isolane_value_handshakes_total\{result="(.+)"\}', name):
            found[match[1]] = value
    return found


def _settle(site: Site) -> None:
    for process in site.chargers:
        process.ask_to_end()
    end = time.monotonic() + _DRAIN_S
    for process in (*site.chargers, site.relay, site.tap, site.csms):
        process.stop(max(5.0, end - time.monotonic()))


def _read(folder: Path) -> tuple[set[str], set[str], list[float]]:
    """Give the messages that were made, those that came, and when the CSMS was dialled."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    dials: list[float] = []
    for path in sorted(folder.glob("*.storm")):
        for line in path.read_text(encoding="utf-8").splitlines():
            what, value = json.loads(line)
            if what == "dial":
                dials.append(float(value))
            else:
                found[what].append(str(value))
    return set(found["made"]), set(found["came"]), sorted(dials)


def _peak(times: list[float], span_s: float) -> int:
    """Give the most that came within any span."""
    most = begin = 0
    for end, at in enumerate(times):
        while at - times[begin] > span_s:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def _pace_s(count: int, limits: Limits) -> float:
    return max(0, count - limits.dials_burst) / limits.dials_per_s


def _words(seconds: float | None) -> str:
    return "not in time" if seconds is None else f"{seconds:.1f} s"
