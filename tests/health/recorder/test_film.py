"""This file fills the disk under a snapshot; it guards that what was written stays readable."""

import itertools
import resource
import signal
import subprocess
import sys
from pathlib import Path

from isolane.wire.snapshot_file.manifest import check
from support.black_boxes import Plant
from support.tree import ROOT

WRITES = """
import resource, sys
from pathlib import Path
from support.black_boxes import Plant
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
plant = Plant(Path(sys.argv[1]))
plant.run(60)
plant.trigger()
plant.run(5)
size = plant.files()[0].stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 700, resource.RLIM_INFINITY))
plant.run(20)
plant.keeper.close()
print("lived", plant.keeper.shelf.counts.made)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
plant.run(70)
print("made", plant.keeper.shelf.counts.made, plant.keeper.shelf.counts.cut)
"""


def test_a_full_disk_ends_a_snapshot_as_cut_and_nothing_else(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", WRITES, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT / "tests",
        env={"PYTHONPATH": f"{ROOT}/tests:{ROOT}/src", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.split() == ["lived", "0", "made", "1", "1"], done.stderr
    (file,) = (tmp_path / "snapshots").glob("*.mcap")
    verdict = check(file.read_bytes())
    assert (verdict.end, verdict.faults) == ("cut", [])
    assert len(verdict.anatomy.messages) > 60


LIVES = """
import sys
from pathlib import Path
from support.black_boxes import Plant
plant = Plant(Path(sys.argv[1]))
for number in range(100000):
    plant.run(1, 1)
    if number % 20 == 19:
        plant.trigger()
    print(number, flush=True)
"""


def test_killed_at_any_moment_what_was_flushed_is_ended_by_the_next_run(tmp_path: Path) -> None:
    ended = 0
    for lines in range(18, 66, 4):
        folder = tmp_path / str(lines)
        child = subprocess.Popen(
            [sys.executable, "-c", LIVES, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT / "tests",
            env={"PYTHONPATH": f"{ROOT}/tests:{ROOT}/src", "PATH": "/usr/bin:/bin"},
        )
        assert child.stdout is not None
        with child:
            told = len(list(itertools.islice(child.stdout, lines)))
            child.send_signal(signal.SIGKILL)
        plant = Plant(folder)
        assert len(plant.keeper.shelf.entries) == len(plant.files())
        for file in plant.files():
            verdict = check(file.read_bytes())
            assert verdict.end in {"whole", "cut"}
            assert not verdict.faults
            ended += verdict.end == "cut"
        assert sum(1 for _ in plant.keeper.ring.read(0)) >= 3 * told, "each step has blocks, an event and a line"
    assert ended >= 3
