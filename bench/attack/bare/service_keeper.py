"""This file is a systemctl for one folder; it guards that what it calls active is a process that lives.

`python -m bench.attack.bare.service_keeper FOLDER WORDS...` takes the few words that `isolane update` says. FOLDER has
`units.json`, the command of each unit; and of each unit that runs its process id, and its log.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_STOP_S = 20.0


def main(folder: Path, words: list[str]) -> int:
    """Do what the words say."""
    names = [word for word in words[1:] if not word.startswith("-")]
    match words[0]:
        case "list-units":
            print("".join(f"{name} loaded active running\n" for name in commands(folder) if pid_of(folder, name)))
        case "restart":
            for name in names:
                stop(folder, name)
            for name in names:
                _start(folder, name)
        case "show":
            pid = pid_of(folder, names[0])
            print(f"MainPID={pid}\nActiveState={'active' if pid else 'failed'}")
        case _:
            print(f"{words[0]} is not known here", file=sys.stderr)
            return 1
    return 0


def commands(folder: Path) -> dict[str, list[str]]:
    """Give the command of each unit."""
    told: dict[str, list[str]] = json.loads((folder / "units.json").read_text(encoding="utf-8"))
    return told


def pid_of(folder: Path, name: str) -> int:
    """Give a unit's process id, 0 where it does not run."""
    try:
        pid = int((folder / f"{name}.pid").read_text(encoding="ascii"))
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return 0
    return 0 if state in "ZX" else pid


def stop(folder: Path, name: str) -> None:
    """End a unit, and wait for its end."""
    end = time.monotonic() + _STOP_S
    if pid := pid_of(folder, name):
        os.kill(pid, signal.SIGTERM)
    while pid_of(folder, name):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    (folder / f"{name}.pid").unlink(missing_ok=True)


def _start(folder: Path, name: str) -> None:
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            commands(folder)[name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    (folder / f"{name}.pid").write_text(str(process.pid), encoding="ascii")


def script(folder: Path, root: Path) -> Path:
    """Write the program that stands for systemctl; give it."""
    path = folder / "systemctl"
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m bench.attack.bare.service_keeper "{folder}" "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # whoever asks may ignore them; a unit begins without that
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
