"""This file measures what a message costs with hashes kept; it guards that it prints the median of many runs."""

import statistics
import tempfile
import time
from pathlib import Path

from isolane.core.clock import SystemClock
from isolane.tap.frame_tree import FrameTree

_SIZES = (100, 300, 1000, 10_000)
_MESSAGES, _RUNS, _PER_TELL = 2000, 9, 200


def main() -> None:
    """Print CPU time and disk a message, by its size."""
    print("| message, bytes | CPU, us | disk, bytes |\n|---|---|---|")
    for size in _SIZES:
        message, spent, disk = b"x" * size, [], 0.0
        for _ in range(_RUNS):
            with tempfile.TemporaryDirectory() as folder:
                tree = FrameTree(Path(folder), "gateway", 2**30, SystemClock())
                began = time.process_time_ns()
                for number in range(_MESSAGES):
                    tree.note("CP1", number & 1, number, message)
                    if number % _PER_TELL == 0:
                        tree.tell()
                tree.tell()
                spent.append((time.process_time_ns() - began) / _MESSAGES / 1000)
                disk = sum(path.stat().st_size for path in Path(folder).glob("*.jsonl")) / _MESSAGES
                tree.close()
        print(f"| {size} | {statistics.median(spent):.1f} | {disk:.0f} |")


if __name__ == "__main__":
    main()
